import * as z from '#zod';
import type { JweFormat, ParsedJwe } from '../tokens/compact.js';
import { parseJwe, sealUnder } from '../tokens/compact.js';
import type { Secret } from '../encoding/secret.js';

/** A file of private keys under a passphrase (docs/spec/locked-key.md). */

/** What a passphrase is stretched by: Argon2id, version 0x13 (RFC 9106). */
export interface Stretching {
  readonly name: 'argon2id';
  /** KiB of memory. */
  readonly m: number;
  /** Passes. */
  readonly t: number;
  /** Lanes. */
  readonly p: number;
  /** 16 bytes in base64url. */
  readonly salt: string;
}

/** Longest content of a locked file, in bytes: a key file of 64 keys. */
const LOCKED_MAX_BYTES = 262_144;

/**
 * The file's writer chooses these numbers, so they are bounded before anything is computed: a file must not cost more
 * than 256 MiB and about ten seconds. Nobody writes less than the second choice of RFC 9106 §4.
 */
const stretchingSchema = z.strictObject({
  name: z.literal('argon2id'),
  m: z.int().check(z.gte(65_536), z.lte(262_144)),
  t: z.int().check(z.gte(3), z.lte(10)),
  p: z.int().check(z.gte(1), z.lte(16)),
  salt: z.string().check(z.regex(/^[A-Za-z0-9_-]{22}$/)),
});
const headerSchema = z.strictObject({
  alg: z.literal('dir'),
  enc: z.literal('A256GCM'),
  typ: z.literal('bulla-locked+jwe'),
  kdf: stretchingSchema,
});
export type LockedHeader = z.infer<typeof headerSchema>;

const format: JweFormat<LockedHeader> = { typ: 'bulla-locked+jwe', header: headerSchema, maxBytes: LOCKED_MAX_BYTES };

/**
 * Encrypts a file under the key that its passphrase was stretched to. The salt, and so the key, is fresh each time: one
 * key, one encryption.
 * @param key 32 bytes.
 * @throws {CryptoError} token_malformed if the numbers are out of bounds; payload_too_large
 */
export function sealLocked(plaintext: Uint8Array, key: Secret, kdf: Stretching): Promise<string> {
  return sealUnder(format, { alg: 'dir', enc: 'A256GCM', typ: 'bulla-locked+jwe', kdf }, plaintext, key);
}

/**
 * Reads a locked file without opening it; its `kdf` says what to stretch the passphrase by, and is within bounds.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseLocked(token: string): ParsedJwe<LockedHeader> {
  return parseJwe(token, format);
}
