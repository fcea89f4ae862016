import * as z from '#zod';
import type { Bytes } from '../encoding/bytes.js';
import { digestB64u, encodeBase64url, randomBytes, tokenHash, utf8 } from '../encoding/bytes.js';
import {
  bytes16Schema,
  directoryRefSchema,
  hashSchema,
  idSchema,
  modelNameSchema,
  opaqueIdSchema,
  promptRefSchema,
  urnSchema,
} from '../tokens/claims.js';
import type { JwsFormat, ParsedJws } from '../tokens/compact.js';
import { parseJws, signJws, verifyJws } from '../tokens/compact.js';
import { SKEW_SECONDS } from '../names/limits.js';
import type { ChatEnvelopeClaims, EnvelopeClaims } from './envelope.js';
import { CryptoError } from '../names/errors.js';
import { fingerprint } from '../keys/fingerprint.js';
import type { FrameKeys, InReplyTo } from './frames.js';
import { buildHead, deriveFrameKeys, pad, parseHead, sealFrame } from './frames.js';
import { replyCheckpointSchema, verifyReplyCheckpoint } from './reply-checkpoint.js';
import { mightSignAt, secondsSchema } from '../keys/keys.js';
import { requireSeconds } from '../names/seconds.js';
import type { Secret } from '../encoding/secret.js';
import type { Signer } from '../keys/signer.js';
import { Transcript } from '../tokens/transcript.js';
import type { TranscriptSummary } from '../tokens/transcript.js';
import type { Trust } from '../organisation/trust.js';

/** How long a run may take: a reply may be signed so long after its envelope, its directory or the use of its key ended. */
export const RUN_MAX_SECONDS = 3600;

const countSchema = z.optional(z.int().check(z.gte(0)));
export const usageSchema = z.strictObject({
  prompt_tokens: countSchema,
  completion_tokens: countSchema,
  total_tokens: countSchema,
});
/** Tokens the model counted; members it did not tell are absent. */
export type ReplyUsage = z.infer<typeof usageSchema>;

const wordSchema = z.string().check(z.regex(/^[a-z][a-z0-9_]{0,63}$/));
// guard: reply-error-host without: const hostSchema = z.string();
const hostSchema = z.string().check(z.regex(/^[A-Za-z0-9._:[\]-]{1,262}$/));
const errorSchema = z.strictObject({
  code: wordSchema,
  /** What became of the model server, in a word: never in its own words. */
  cause: z.optional(wordSchema),
  /** Where that is: its host, and its port where it is not the default port of the scheme. */
  host: z.optional(hostSchema),
  /** What it answered: a status of HTTP. */
  status: z.optional(z.int().check(z.gte(100), z.lte(599))),
});
/** Why there is no answer. */
export type ReplyError = z.infer<typeof errorSchema>;

const sharedShape = {
  iss: urnSchema,
  aud: urnSchema,
  iat: secondsSchema,
  jti: bytes16Schema,
  irt: z.strictObject({ jti: idSchema('inv'), rh: hashSchema, ih: hashSchema }),
  /** `H(E)`. */
  env: hashSchema,
  dir: directoryRefSchema,
  /** SHA-256 of the head. */
  head: hashSchema,
  n: z.int().check(z.gte(0)),
  bytes: z.int().check(z.gte(0)),
  sha256: hashSchema,
  finish: z.enum(['stop', 'length', 'tool_calls', 'error']),
  model: modelNameSchema,
  usage: usageSchema,
  act: z.optional(opaqueIdSchema),
  err: z.optional(errorSchema),
  /** The newest checkpoint of the responder's log that it had at hand; absent before the first. */
  checkpoint: z.optional(replyCheckpointSchema),
};
const claimsSchema = z
  .discriminatedUnion('purpose', [
    z.strictObject({ ...sharedShape, purpose: z.literal('prompt.reply'), prm: promptRefSchema }),
    z.strictObject({ ...sharedShape, purpose: z.literal('chat.reply') }),
  ])
  .check(z.refine((claims) => (claims.finish === 'error') === (claims.err !== undefined), { path: ['err'] })); // guard: reply-error-code
/** The end of a reply: what the responder signs over everything before it (protocol.md §3, fin). */
export type FinClaims = z.infer<typeof claimsSchema>;

export const finFormat: JwsFormat<FinClaims> = { typ: 'bulla-reply-fin+jwt', claims: claimsSchema, maxBytes: 8192 };

type Without<Claims, Names extends string> = Claims extends unknown ? Omit<Claims, Names> : never;
/** What the responder knows at the end of a run; the sealer adds the rest. `ih` is the hash of the inner question. */
export type FinRest = Without<FinClaims, 'iss' | 'jti' | 'irt' | 'head' | 'n' | 'bytes' | 'sha256'> & {
  readonly ih: string;
};

/** A fin that was read, and is not to be trusted yet. */
export type ParsedFin = ParsedJws<FinClaims>;

/**
 * Reads a fin without trusting it.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseFin(fin: string): ParsedFin {
  return parseJws(fin, finFormat);
}

export interface ReplyStart {
  /** The secret of the question, 32 bytes; the caller wipes it. */
  readonly rsp: Secret;
  /** URN of the responder. */
  readonly iss: string;
  readonly irt: InReplyTo;
  /** Frame sizes are multiples of it: 64, or 256 for `privacy: strict`. */
  readonly block?: 64 | 256;
}

/** Seals one reply, frame by frame, under a key and counter that live in this object alone. */
export class ReplySealer {
  readonly head: Bytes;
  readonly #start: ReplyStart;
  readonly #keys: FrameKeys;
  readonly #transcript = new Transcript();
  #finished = false;

  private constructor(start: ReplyStart, head: Bytes, keys: FrameKeys) {
    this.#start = start;
    this.head = head;
    this.#keys = keys;
  }

  /** @throws {CryptoError} key_invalid if the secret is not 32 bytes long; token_malformed */
  static async start(start: ReplyStart): Promise<ReplySealer> {
    const head = buildHead(start.iss, start.irt);
    return new ReplySealer(start, head, await deriveFrameKeys(start.rsp, head));
  }

  /**
   * The next frame, of a delta of at most {@link DELTA_MAX_BYTES}; an empty delta makes an empty frame.
   * @throws {CryptoError} payload_too_large; stream_truncated after `finish`
   */
  async sealDelta(delta: Bytes): Promise<Bytes> {
    this.#requireUnfinished();
    const padded = pad(delta, 'delta', this.#start.block);
    const index = this.#transcript.n;
    this.#transcript.add(delta);
    return sealFrame(this.#keys, index, 'delta', padded);
  }

  /**
   * Signs the fin over everything sealed so far and seals it as the final frame. Nothing is sealed afterwards.
   * @throws {CryptoError} stream_truncated the second time; token_malformed
   */
  async finish(rest: FinRest, signer: Signer): Promise<{ final: Bytes; fin: string }> {
    this.#requireUnfinished();
    this.#finished = true;
    try {
      const fin = await signJws(finFormat, await this.#claimsOf(rest), signer);
      const padded = pad(utf8(fin), 'final', this.#start.block);
      return { final: await sealFrame(this.#keys, this.#transcript.n, 'final', padded), fin };
    } finally {
      this.#keys.key.wipe();
    }
  }

  async #claimsOf({ ih, aud, iat, ...claims }: FinRest): Promise<FinClaims> {
    const { iss, irt } = this.#start;
    const jti = encodeBase64url(randomBytes(16));
    const head = await digestB64u(this.head);
    return { iss, aud, iat, jti, ...claims, irt: { ...irt, ih }, head, ...this.#transcript.summary() };
  }

  #requireUnfinished(): void {
    // guard: seal-after-finish
    if (this.#finished) throw new CryptoError('stream_truncated', 'nothing follows the final frame');
  }
}

/** What a fin is held against: all that the asker knows, or that evidence shows. */
export interface FinContext {
  readonly trust: Trust;
  /** Seconds. */
  readonly now: number;
  /** Claims of the verified envelope, and the envelope itself. */
  readonly envelope: EnvelopeClaims | ChatEnvelopeClaims;
  readonly envelopeToken: string;
  /** The question; `ih` where its inner token is at hand. */
  readonly irt: InReplyTo & { readonly ih?: string | undefined };
  readonly head: Bytes;
  readonly transcript: TranscriptSummary;
}

/**
 * The asker's checks of a fin (protocol.md §3): a `reply` key that the directory lists under the responder that was
 * asked signed it, over this question, this envelope, this head and these deltas; and the checkpoint that it carries, if
 * it carries one, is of that responder's log.
 * @param fin as it came, or what {@link parseFin} read of it
 * @throws {CryptoError} token_malformed; responder_key_changed for a key of anybody else, with both fingerprints;
 * key_revoked, signature_invalid, clock_skew, trust_rollback; envelope_tampered, with the check that failed; as
 * verifyReplyCheckpoint
 */
export async function verifyFin(fin: string | ParsedFin, context: FinContext): Promise<FinClaims> {
  const claims = await verifyFinItself(fin, context);
  const { checkpoint, iss: responder } = claims;
  // guard: reply-checkpoint
  if (checkpoint !== undefined) await verifyReplyCheckpoint(checkpoint, { trust: context.trust, responder });
  return claims;
}

/**
 * All checks of a fin but that of its checkpoint.
 * @throws {CryptoError} as verifyFin
 */
export async function verifyFinItself(fin: string | ParsedFin, context: FinContext): Promise<FinClaims> {
  requireSeconds(context.now);
  const { trust, now, envelope, irt, transcript } = context;
  const parsed = typeof fin === 'string' ? parseFin(fin) : fin;
  const { claims, header } = parsed;
  const holder = trust.holder(header.kid);
  if (
    holder === undefined ||
    holder.urn !== envelope.aud || // guard: reply-key-holder
    !holder.record.pur.includes('reply')
  ) {
    throw keyChanged(header.kid, context);
  }
  // guard: reply-key-usable
  trust.requireKey(header.kid, { usage: 'durable', purpose: 'reply', now, check: 'reply-key' });
  // guard: reply-signature
  await verifyJws(parsed, holder.record, 'reply-signature');

  const asked = envelope.purpose === 'prompt.invoke' ? envelope.prm : undefined;
  const answered = claims.purpose === 'prompt.reply' ? claims.prm : undefined;
  const comparisons: readonly (readonly [check: string, actual: unknown, expected: unknown])[] = [
    ['reply-issuer', claims.iss, envelope.aud], // guard: reply-issuer
    ['reply-head-issuer', parseHead(context.head).iss, envelope.aud], // guard: reply-head-issuer
    ['reply-audience', claims.aud, envelope.sub], // guard: reply-audience
    ['reply-purpose', claims.purpose, envelope.purpose === 'prompt.invoke' ? 'prompt.reply' : 'chat.reply'], // guard: reply-purpose
    ['reply-question-id', claims.irt.jti, irt.jti], // guard: reply-question-id
    ['reply-question-sealed', claims.irt.rh, irt.rh], // guard: reply-question-sealed
    ['reply-question-signed', claims.irt.ih, irt.ih ?? claims.irt.ih], // guard: reply-question-signed
    ['reply-envelope', claims.env, await tokenHash(context.envelopeToken)], // guard: reply-envelope
    ['reply-prompt-id', answered?.id, asked?.id], // guard: reply-prompt-id
    ['reply-prompt-name', answered?.name, asked?.name], // guard: reply-prompt-name
    ['reply-prompt-version', answered?.ver, asked?.ver], // guard: reply-prompt-version
    ['reply-content', answered?.chash, asked?.chash], // guard: reply-content
    ['reply-head', claims.head, await digestB64u(context.head)], // guard: reply-head
    ['reply-frame-count', claims.n, transcript.n], // guard: reply-frame-count
    ['reply-bytes', claims.bytes, transcript.bytes], // guard: reply-bytes
    ['reply-transcript', claims.sha256, transcript.sha256], // guard: reply-transcript
  ];
  for (const [check, actual, expected] of comparisons) {
    if (actual !== expected) {
      throw new CryptoError('envelope_tampered', 'the reply does not belong to what was asked', { check });
    }
  }
  // guard: reply-future
  if (claims.iat > now + SKEW_SECONDS) {
    throw new CryptoError('clock_skew', 'the reply is from the future', { check: 'reply-time' });
  }
  // guard: reply-key-time
  if (!mightSignAt(holder.record, claims.iat, RUN_MAX_SECONDS)) {
    throw new CryptoError('key_revoked', 'the key did not sign any more then', { check: 'reply-key-time' });
  }
  // guard: reply-fork
  if (claims.dir.ver === trust.directoryRef.ver && claims.dir.hash !== trust.directoryRef.hash) {
    throw new CryptoError('trust_rollback', 'the directory has been forked', { check: 'reply-directory' });
  }
  return claims;
}

function keyChanged(kid: string, { trust, envelope, now }: FinContext): CryptoError {
  const listed = trust.activeKeys(envelope.aud, 'reply', now).map((holder) => fingerprint(holder.record.kid));
  const message = `the reply is signed with key ${fingerprint(kid)}, the directory lists ${listed.join(', ') || 'none'} for this responder`;
  return new CryptoError('responder_key_changed', message, { check: 'reply-key', kid });
}
