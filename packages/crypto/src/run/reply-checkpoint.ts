import * as z from '#zod';
import { utf8 } from '../encoding/bytes.js';
import { isCheckpointKey } from '../keys/keys.js';
import type { PublicJwk } from '../keys/suites.js';
import type { Checkpoint } from '../log/checkpoint.js';
import { parseCheckpoint, verifyCheckpoint } from '../log/checkpoint.js';
import { parseNote } from '../log/note.js';
import { parseOrigin, pinInOrigin } from '../log/log-name.js';
import type { LogName } from '../log/log-name.js';
import type { NoteKey } from '../log/note-key.js';
import { noteKeyOf } from '../log/note-key.js';
import { CryptoError } from '../names/errors.js';
import type { Trust } from '../organisation/trust.js';

/** Longest checkpoint in a fin, in UTF-16 code units: three lines, and the signature of the log. */
const NOTE_MAX_LENGTH = 1024;
const CHECK = 'reply-checkpoint';

/** A signed note, as the log made it (docs/spec/note.md). */
// guard: reply-checkpoint-size without: export const replyCheckpointSchema = z.string();
export const replyCheckpointSchema = z.string().check(z.minLength(1), z.maxLength(NOTE_MAX_LENGTH));

export interface ReplyCheckpointContext {
  /** Lists the keys of the log. */
  readonly trust: Trust;
  /** URN of the responder that signed the answer. */
  readonly responder: string;
}

/**
 * Refuses a live reply without a checkpoint where the directory lists a key for checkpoints of its responder: one that
 * says nothing of its log could show each reader another.
 * @param claims of a verified fin.
 * @throws {CryptoError} head_missing (reply-checkpoint)
 * @see docs/spec/frames.md, Reading
 */
export function requireReplyHead(
  claims: { readonly iss: string; readonly checkpoint?: string | undefined },
  trust: Trust,
): void {
  // guard: reply-head-missing
  if (claims.checkpoint === undefined && tellsHeads(claims.iss, trust))
    throw new CryptoError('head_missing', `the reply of ${claims.iss} says nothing of its log`, { check: CHECK });
}

/** Whether a directory lists a key for checkpoints of a responder that it does not revoke: then each reply carries one. */
export function tellsHeads(responder: string, trust: Trust): boolean {
  const keys = trust.entity(responder)?.keys ?? [];
  return keys.some((record) => isCheckpointKey(record) && !trust.isRevoked(record.kid));
}

/**
 * What a checkpoint in a fin says: a log of this very responder signed it, by a key of purpose `checkpoint` that the
 * directory lists for it and does not revoke. A checkpoint has no time, so the key may have ended since.
 * @throws {CryptoError} with the check `reply-checkpoint` token_malformed, key_unknown, key_revoked, signature_invalid;
 * log_inconsistent (reply-checkpoint-origin) for a log of anybody else
 * @see docs/spec/frames.md, Reading
 */
export async function verifyReplyCheckpoint(note: string, context: ReplyCheckpointContext): Promise<Checkpoint> {
  const before = verified.get(context.trust);
  if (
    before !== undefined &&
    before.note === note && // guard: reply-checkpoint-met-note
    before.responder === context.responder // guard: reply-checkpoint-met-responder
  )
    return before.checkpoint;
  const checkpoint = await verifyNew(note, context);
  verified.set(context.trust, { note, responder: context.responder, checkpoint });
  return checkpoint;
}

/** What was verified last under a directory: nearly every answer brings the checkpoint of the one before it. */
const verified = new WeakMap<Trust, { note: string; responder: string; checkpoint: Checkpoint }>();

async function verifyNew(note: string, { trust, responder }: ReplyCheckpointContext): Promise<Checkpoint> {
  try {
    const bytes = utf8(note);
    const { origin } = parseCheckpoint(parseNote(bytes).text);
    const { number, pin } = requireOwnOrigin(origin, responder, trust);
    // guard: reply-checkpoint-purpose without: const listed = trust.entity(responder)?.keys.filter(({ suite }) => suite === 'ed25519') ?? [];
    const listed = trust.entity(responder)?.keys.filter(isCheckpointKey) ?? [];
    // A key signs one number; a log whose name has no pin is from before keys had one.
    const own = pin === undefined ? undefined : number;
    // guard: reply-checkpoint-number without: const records = own === 0 ? [] : listed;
    const records = listed.filter(({ log }) => log === own);
    const keys = await Promise.all(records.map(async ({ kid, jwk }) => ({ kid, note: await noteKeyFor(origin, jwk) })));
    const found = await verifyCheckpoint(bytes, { origin, keys: keys.map((key) => key.note) });
    const signed = keys.filter((key) => found.keys.includes(key.note));
    // guard: reply-checkpoint-revoked
    if (signed.every(({ kid }) => trust.isRevoked(kid)))
      throw new CryptoError('key_revoked', 'the key that signed it is revoked');
    return found.checkpoint;
  } catch (error) {
    if (!(error instanceof CryptoError) || error.check === `${CHECK}-origin`) throw error;
    throw new CryptoError(error.code, `the checkpoint of the reply: ${error.message}`, { check: CHECK, cause: error });
  }
}

const made = new WeakMap<PublicJwk, NoteKey>();

/** The note key of a directory's key, made once: nearly every answer brings a checkpoint of the same log. */
async function noteKeyFor(origin: string, jwk: PublicJwk): Promise<NoteKey> {
  const known = made.get(jwk);
  if (known?.name === origin) return known;
  const key = await noteKeyOf(origin, jwk);
  made.set(jwk, key);
  return key;
}

/** The name of a log says whose it is, and of which organisation's root (docs/spec/audit-log.md, Name). */
function requireOwnOrigin(origin: string, responder: string, trust: Trust): LogName {
  const name = parseOrigin(origin);
  // guard: reply-checkpoint-origin without: if (name === undefined)
  if (name?.urn !== responder || (name.pin !== undefined && name.pin !== pinInOrigin(trust.pin)))
    throw new CryptoError('log_inconsistent', 'the reply carries the checkpoint of a log of somebody else', {
      check: `${CHECK}-origin`,
    });
  return name;
}
