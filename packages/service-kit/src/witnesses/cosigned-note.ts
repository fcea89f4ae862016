import type { KeyRecord, Trust } from '@bulla/crypto';
import { CryptoError, isCheckpointKey, utf8 } from '@bulla/crypto';
import type { TreeHead, WitnessKey } from '@bulla/crypto/log';
import { encodeNoteKey, noteKeyOf, parseCheckpoint, parseNote, parseOrigin, verifyCheckpoint } from '@bulla/crypto/log';
import { Problem } from '@bulla/contract';

/** One cosignature of a named witness that was found to be good. */
export interface GoodCosignature {
  readonly witness: WitnessKey;
  /** As it is handed on. */
  readonly key: string;
  /** Seconds, by the clock of the witness. */
  readonly at: number;
  /** The line of the note. */
  readonly line: string;
}

/** A checkpoint, signed by the log and cosigned. */
export interface CosignedNote {
  readonly head: TreeHead;
  /** As the log signed it, without the lines of others. */
  readonly checkpoint: string;
  readonly cosignatures: readonly GoodCosignature[];
}

/** The origin that a note is about, by its own word. @throws {Problem} validation_failed for what is no checkpoint */
export function originIn(note: string): string {
  try {
    return parseCheckpoint(parseNote(utf8(note)).text).origin;
  } catch (error) {
    throw problemOfNote(error);
  }
}

/**
 * Verifies that the log of a service signed a checkpoint, and that named witnesses cosigned it; lines of others count
 * for nothing.
 * @param urn of the service.
 * @throws {Problem} validation_failed, signature_invalid; key_unknown if the log did not sign it, or no named witness did
 */
export async function verifyCosigned(
  note: string,
  { trust, urn, origin, witnesses }: { trust: Trust; urn: string; origin: string; witnesses: readonly WitnessKey[] },
): Promise<CosignedNote> {
  const logName = parseOrigin(origin);
  // A key signs one number; a log whose name has no pin is from before keys had one.
  const own = logName?.pin === undefined ? undefined : logName.number;
  // guard: cosign-log-number without: const isOwn = ({ log }: KeyRecord) => log !== 0 || own === undefined;
  const isOwn = ({ log }: KeyRecord) => log === own;
  const records = (trust.entity(urn)?.keys ?? []).filter((record) => isCheckpointKey(record) && isOwn(record));
  // guard: cosign-log-revoked without: const listed = records;
  const listed = records.filter(({ kid }) => !trust.isRevoked(kid));
  const keys = await Promise.all(listed.map(({ jwk }) => noteKeyOf(origin, jwk)));
  const verified = await verifyCheckpoint(utf8(note), { origin, keys, witnesses }).catch((error: unknown) => {
    throw problemOfNote(error);
  });
  const lines = linesOf(note);
  const isOf = ({ name, id }: { name: string; id: string }, line: { name: string; id: string }) =>
    name === line.name && id === line.id;
  const cosignatures = verified.cosignatures.map(({ witness, at }) => {
    const line = lines.find((one) => isOf(witness, one))?.line ?? '';
    return { witness, key: encodeNoteKey(witness), at, line };
  });
  // guard: cosign-unknown
  if (cosignatures.length === 0)
    throw new Problem('key_unknown', { detail: 'no witness that the policy names cosigned this checkpoint' });
  const ownLines = lines.filter((line) => verified.keys.some((key) => isOf(key, line)));
  const { text } = parseNote(utf8(note));
  return {
    head: verified.checkpoint,
    checkpoint: `${text}\n${ownLines.map(({ line }) => line).join('')}`,
    cosignatures,
  };
}

/** The lines of a note that was parsed, each with whose it is. */
function linesOf(note: string): { readonly line: string; readonly name: string; readonly id: string }[] {
  const { text, signatures } = parseNote(utf8(note));
  const lines = note.slice(text.length + 1).split('\n');
  return signatures.map(({ name, id }, index) => ({ name, id, line: `${lines[index] ?? ''}\n` }));
}

function problemOfNote(error: unknown): unknown {
  if (!(error instanceof CryptoError)) return error;
  if (error.code === 'signature_invalid') return new Problem('signature_invalid', { detail: error.message });
  if (error.code === 'key_unknown') return new Problem('key_unknown', { detail: error.message });
  return new Problem('validation_failed', { errors: [{ pointer: '/checkpoint', message: error.message }] });
}
