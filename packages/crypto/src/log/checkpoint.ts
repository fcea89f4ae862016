import { decodeBase64, encodeBase64 } from '../encoding/base64.js';
import { decodeUtf8, utf8 } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import { requireSeconds } from '../names/seconds.js';
import type { TreeHead } from './merkle.js';
import { isTreeSize, TREE_HASH_BYTES } from './merkle.js';
import type { Cosignature, WitnessSigner } from './cosignature.js';
import { signCosignature, verifyCosignatures } from './cosignature.js';
import type { NoteSigner } from './note.js';
import { parseNote, signNote, verifyNote } from './note.js';
import type { NoteKey, WitnessKey } from './note-key.js';
import { isKeyName } from './note-key.js';

/** Largest text of a checkpoint in characters. */
export const CHECKPOINT_MAX_LENGTH = 4096;

/** What a log says of itself at one size (C2SP tlog-checkpoint). */
export interface Checkpoint extends TreeHead {
  /** Which log it is: a URL without scheme, such as `vault.example/bulla/audit/acme`. */
  readonly origin: string;
  /** Lines that nobody can audit. Our logs write none; those of others are passed on. */
  readonly extensions: readonly string[];
}

/** The text of a checkpoint, which a note then signs. @throws {CryptoError} token_malformed */
export function encodeCheckpoint(checkpoint: Omit<Checkpoint, 'extensions'>): string {
  const { origin, size, root } = checkpoint;
  if (!isKeyName(origin) || !isTreeSize(size) || root.length !== TREE_HASH_BYTES)
    throw malformed('a checkpoint is origin, size and root');
  return `${origin}\n${size}\n${encodeBase64(root)}\n`;
}

/**
 * Reads the text of a checkpoint (C2SP tlog-checkpoint, Note text).
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseCheckpoint(text: string): Checkpoint {
  if (text.length > CHECKPOINT_MAX_LENGTH) {
    throw new CryptoError('payload_too_large', `a checkpoint has at most ${CHECKPOINT_MAX_LENGTH} characters`);
  }
  if (!text.endsWith('\n')) throw malformed('a checkpoint ends in a newline');
  const lines = text.slice(0, -1).split('\n');
  // guard: checkpoint-lines
  if (lines.includes('')) throw malformed('a checkpoint has an empty line');
  const [origin, digits = '', encoded, ...extensions] = lines;
  if (origin === undefined || encoded === undefined) throw malformed('a checkpoint is origin, size and root');
  // guard: checkpoint-size without: const size = /^[0-9]{1,16}$/.test(digits) ? Number(digits) : Number.NaN;
  const size = /^(?:0|[1-9][0-9]{0,15})$/.test(digits) ? Number(digits) : Number.NaN;
  if (!isTreeSize(size)) throw malformed('the size of a checkpoint is not a number that can be counted to');
  const root = decodeBase64(encoded);
  // guard: checkpoint-root
  if (root.length !== TREE_HASH_BYTES) throw malformed('the root of a checkpoint is not 32 bytes long');
  return { origin, size, root, extensions };
}

/**
 * Signs a tree head as the log of this origin. That it contradicts no head that was signed before is for the caller to
 * see to, before and not after.
 * @param signers keys of the log, named like its origin.
 * @throws {CryptoError} token_malformed; key_invalid for a key of another name
 */
export async function signCheckpoint(origin: string, head: TreeHead, signers: readonly NoteSigner[]): Promise<string> {
  const text = encodeCheckpoint({ origin, ...head });
  // guard: checkpoint-signer
  if (signers.some(({ key }) => key.name !== origin))
    throw new CryptoError('key_invalid', 'a log signs with keys of its own name');
  return signNote(text, signers);
}

/**
 * Adds the cosignature of a witness to a checkpoint (C2SP tlog-cosignature). That the log signed it, and that it continues
 * the one that was cosigned before, is for the witness to see to, before and not after.
 * @param at seconds: when it was seen to.
 * @throws {CryptoError} token_malformed, payload_too_large; key_invalid
 */
export async function cosignCheckpoint(note: Uint8Array, at: number, signer: WitnessSigner): Promise<string> {
  requireSeconds(at);
  const { text } = parseNote(note);
  parseCheckpoint(text);
  const cosigned = decodeUtf8(note) + (await signCosignature(text, at, signer));
  parseNote(utf8(cosigned));
  return cosigned;
}

export interface CheckpointTrust {
  /** The one log whose checkpoints are accepted. */
  readonly origin: string;
  /** The keys of the log, which are named like it, and of others who sign its notes. */
  readonly keys: readonly NoteKey[];
  /** Whose cosignatures are looked for. */
  readonly witnesses?: readonly WitnessKey[];
}

export interface VerifiedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** Which of the known keys signed, at least one of the log among them. */
  readonly keys: readonly NoteKey[];
  /** Which of the given witnesses cosigned and when, in the order of the note. How many are enough is for the caller to say. */
  readonly cosignatures: readonly Cosignature[];
}

/**
 * Verifies that the log of this origin signed a tree head. That it continues an older one is for `verifyConsistency`.
 * @throws {CryptoError} token_malformed, payload_too_large, signature_invalid; key_unknown if the log itself did not
 * sign; log_inconsistent (origin) if it is a checkpoint of another log
 */
export async function verifyCheckpoint(
  note: Uint8Array,
  { origin, keys, witnesses = [] }: CheckpointTrust,
): Promise<VerifiedCheckpoint> {
  const verified = await verifyNote(note, keys);
  // guard: checkpoint-log
  if (!verified.keys.some(({ name }) => name === origin))
    throw new CryptoError('key_unknown', 'the log did not sign its checkpoint');
  const checkpoint = parseCheckpoint(verified.text);
  // guard: checkpoint-origin
  if (checkpoint.origin !== origin)
    throw new CryptoError('log_inconsistent', 'a checkpoint of another log', { check: 'origin' });
  return { checkpoint, keys: verified.keys, cosignatures: await verifyCosignatures(parseNote(note), witnesses) };
}

function malformed(message: string): CryptoError {
  return new CryptoError('token_malformed', message);
}
