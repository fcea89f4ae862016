import { platform } from '#platform';
import * as z from '#zod';
import type { Bytes } from '../encoding/bytes.js';
import { concatBytes, encodeBase64url, randomBytes, sha256, utf8 } from '../encoding/bytes.js';
import { bytes32Schema, hashSchema, idSchema, urnSchema } from '../tokens/claims.js';
import { CryptoError } from '../names/errors.js';
import { deriveSecret } from '../keys/hkdf.js';
import { checkShape } from '../encoding/schema.js';
import type { Secret } from '../encoding/secret.js';
import { strictParse } from '../encoding/strict-parse.js';

/** Largest padded plaintext of a frame in bytes; the ciphertext is {@link TAG_BYTES} longer. */
export const FRAME_MAX_BYTES = 16_384;
/** Largest delta in bytes: the type byte takes one. */
export const DELTA_MAX_BYTES = FRAME_MAX_BYTES - 1;
/** Length of a GCM tag. */
export const TAG_BYTES = 16;
const HEAD_MAX_BYTES = 1024;
const BLOCK_BYTES = 64;
const NONCE_BYTES = 12;
const KEY_BYTES = 32;

/** Which invocation a reply answers: its `jti` and `rh`, the hash of its sealed form. */
const inReplyToSchema = z.strictObject({ jti: idSchema('inv'), rh: hashSchema });
export type InReplyTo = z.infer<typeof inReplyToSchema>;

const headSchema = z.strictObject({
  v: z.literal(1),
  iss: urnSchema,
  irt: inReplyToSchema,
  /** Fresh for every reply: no two replies share a key, even to the same question. */
  rn: bytes32Schema,
  enc: z.literal('A256GCM'),
  max: z.literal(FRAME_MAX_BYTES),
});
/** The first part of a reply. It is not signed: its hash salts the frame key and stands in the fin. */
export type FrameHead = z.infer<typeof headSchema>;

/** UTF-8 JSON of a fresh head. */
export function buildHead(iss: string, irt: InReplyTo): Bytes {
  const head: FrameHead = {
    v: 1,
    iss,
    irt,
    rn: encodeBase64url(randomBytes(32)),
    enc: 'A256GCM',
    max: FRAME_MAX_BYTES,
  };
  return utf8(JSON.stringify(checkShape(head, headSchema, 'reply head')));
}

/**
 * Reads a head without trusting it.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseHead(head: Uint8Array): FrameHead {
  return checkShape(strictParse(head, { maxBytes: HEAD_MAX_BYTES }), headSchema, 'reply head');
}

/** A frame carries a piece of the answer or, once, the fin. */
export type FrameKind = 'delta' | 'final';
const TYPE_BYTE = { delta: 0x01, final: 0x02 } as const;
const FRAME_AAD = { delta: utf8(''), final: utf8('final') } as const;

/**
 * data ‖ type byte ‖ 0x00… up to a multiple of `block` bytes (the delimiter of RFC 8188 §2).
 * @param block a multiple of 64; 256 gives the even frames of `privacy: strict`.
 * @throws {CryptoError} payload_too_large
 */
export function pad(data: Uint8Array, kind: FrameKind, block: number = BLOCK_BYTES): Bytes {
  if (data.length > DELTA_MAX_BYTES) {
    throw new CryptoError('payload_too_large', `a frame holds at most ${DELTA_MAX_BYTES} bytes`);
  }
  const padded = new Uint8Array(Math.ceil((data.length + 1) / block) * block);
  padded.set(data);
  padded[data.length] = TYPE_BYTE[kind];
  return padded;
}

/**
 * The data of a padded frame. Every byte is looked at in the same way, so that time tells the length of the
 * frame, which everybody sees, and not the length of the data.
 * @throws {CryptoError} open_failed
 */
export function unpad(padded: Bytes, kind: FrameKind): Bytes {
  let end = 0;
  for (let at = 0; at < padded.length; at++) {
    const isSet = ((padded[at] ?? 0) + 0xff) >> 8;
    end += isSet * (at - end);
  }
  if (
    padded.length === 0 ||
    padded.length % BLOCK_BYTES !== 0 || // guard: frame-block
    padded.length > FRAME_MAX_BYTES ||
    padded[end] !== TYPE_BYTE[kind] // guard: frame-final-type
  ) {
    throw new CryptoError('open_failed', 'could not be opened');
  }
  return padded.slice(0, end);
}

/** Key and base nonce of one reply. */
export interface FrameKeys {
  /** 32 bytes. */
  readonly key: Secret;
  /** 12 bytes. */
  readonly base: Bytes;
}

/**
 * HKDF-SHA-256 (RFC 5869) of the secret in the question, salted with the hash of the head.
 * @param rsp 32 bytes.
 * @throws {CryptoError} key_invalid
 */
export async function deriveFrameKeys(rsp: Secret, head: Bytes): Promise<FrameKeys> {
  if (rsp.reveal().length !== 32) throw new CryptoError('key_invalid', 'the reply secret is not 32 bytes long');
  // guard: reply-key-salt without: const salt = new Uint8Array(32);
  const salt = await sha256(head);
  const derive = (purpose: string, bytes: number) => deriveSecret(rsp, { salt, info: utf8(purpose) }, bytes);
  const nonce = await derive('bulla1 reply nonce', NONCE_BYTES);
  return { key: await derive('bulla1 reply key', KEY_BYTES), base: nonce.reveal() };
}

/** The nonce of frame `index`: base ⊕ counter, big-endian in the last four bytes. */
export function frameNonce(base: Bytes, index: number): Bytes {
  const nonce = base.slice();
  const tail = new DataView(nonce.buffer, 8);
  // guard: frame-order
  tail.setUint32(0, tail.getUint32(0) ^ index);
  return nonce;
}

/** The additional authenticated data of a frame says final or nothing. */
export function frameData(kind: FrameKind): Bytes {
  // guard: frame-final-aad without: return FRAME_AAD.delta;
  return FRAME_AAD[kind];
}

/** A padded frame as it is sent: ciphertext ‖ tag. */
export async function sealFrame(
  { key, base }: FrameKeys,
  index: number,
  kind: FrameKind,
  padded: Bytes,
): Promise<Bytes> {
  const { ciphertext, tag } = await platform.sealGcmAt(frameNonce(base, index), key.reveal(), padded, frameData(kind));
  return concatBytes(ciphertext, tag);
}
