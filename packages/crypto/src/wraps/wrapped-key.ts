import * as z from '#zod';
import type { JweFormat, ParsedJwe } from '../tokens/compact.js';
import { parseJwe, sealUnder } from '../tokens/compact.js';
import { CryptoError } from '../names/errors.js';
import { NUMBER_MAX } from '../names/limits.js';
import { Secret } from '../encoding/secret.js';

/**
 * A key under another: a compact JWE with `dir`, whose header is the additional authenticated data and says what the key
 * is, for whom and under which key, so that it opens nowhere else (protocol.md §7).
 */

/** Both keys are 256-bit AES keys. */
export const WRAPPED_KEY_BYTES = 32;

/** Members of every header of a wrapped key. */
export const wrappedShape = {
  alg: z.literal('dir'),
  enc: z.literal('A256GCM'),
};

interface WrappedHeader {
  readonly alg: 'dir';
  readonly typ: string;
}

/**
 * Name of a version of an organisation's key, such as `kek:acme:7`.
 * @param version counts from 1
 */
export function kekId(org: string, version: number): string {
  return `kek:${org}:${version}`;
}

/** Whether this names a version of this organisation's key, in its one spelling. */
export function isKekIdOf(org: string, id: string): boolean {
  const version = Number(id.slice(kekId(org, 0).length - 1));
  return Number.isInteger(version) && version >= 1 && version <= NUMBER_MAX && id === kekId(org, version);
}

/**
 * Encrypts a key under another, whose uses somebody counts: IVs are random (NIST SP 800-38D §8.3).
 * @param key wiped by its owner, as is `under`
 * @throws {CryptoError} key_invalid where one is not 32 bytes; token_malformed for a header that nobody would accept
 */
export async function sealKeyUnder<Header extends WrappedHeader>(
  format: JweFormat<Header>,
  header: Header,
  { key, under }: { readonly key: Uint8Array; readonly under: Uint8Array },
): Promise<string> {
  // guard: wrap-seal-length
  if (key.length !== WRAPPED_KEY_BYTES)
    throw new CryptoError('key_invalid', 'the key to be wrapped is not 32 bytes long', { check: 'wrapped-key' });
  const secret = wrappingKey(under);
  try {
    return await sealUnder(format, header, key, secret);
  } finally {
    secret.wipe();
  }
}

/**
 * Reads a wrapped key without opening it.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseWrappedKey<Header extends WrappedHeader>(
  token: string,
  format: JweFormat<Header>,
): ParsedJwe<Header> {
  const parsed = parseJwe(token, format);
  // A ciphertext is as long as what is in it.
  // guard: wrap-length
  if (parsed.parts.ciphertext.length !== WRAPPED_KEY_BYTES)
    throw new CryptoError('token_malformed', 'the wrapped key is not 32 bytes long');
  return parsed;
}

/**
 * The key that wraps, copied: callers keep theirs.
 * @throws {CryptoError} key_invalid where it is not 32 bytes
 */
export function wrappingKey(under: Uint8Array): Secret {
  // guard: wrap-key-size
  if (under.length !== WRAPPED_KEY_BYTES)
    throw new CryptoError('key_invalid', 'the key that wraps is not 32 bytes long', { check: 'wrapping-key' });
  return new Secret(new Uint8Array(under));
}
