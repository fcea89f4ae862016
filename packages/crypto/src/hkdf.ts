import type { Bytes } from './bytes.js';
import { CryptoError } from './errors.js';
import { Secret } from './secret.js';

/** RFC 5869 §2.3: 255 blocks of SHA-256. */
export const HKDF_MAX_BYTES = 255 * 32;

/** What a derived key is for. */
export interface Derivation {
  /** Fresh, or what the key shall be bound to; it may be known. Empty is allowed and weaker (RFC 5869 §3.1). */
  readonly salt: Bytes;
  /** The purpose, in words that nothing else uses: no two purposes get one key. */
  readonly info: Bytes;
}

/**
 * HKDF with SHA-256 (RFC 5869): a secret of `bytes` bytes out of one that has enough entropy; a passphrase has not.
 * @throws {CryptoError} key_invalid for a length that is not 1 to 8160
 */
export async function deriveSecret(from: Secret, derivation: Derivation, bytes: number): Promise<Secret> {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > HKDF_MAX_BYTES)
    throw new CryptoError('key_invalid', `HKDF derives 1 to ${HKDF_MAX_BYTES} bytes`);
  const input = await importInput(from);
  return new Secret(new Uint8Array(await crypto.subtle.deriveBits(parametersOf(derivation), input, bytes * 8)));
}

/** An AES-256-GCM key that the platform keeps to itself, derived as `deriveSecret` derives 32 bytes. */
export async function deriveGcmKey(
  from: Secret,
  derivation: Derivation,
  usage: 'encrypt' | 'decrypt',
): Promise<CryptoKey> {
  const of = { name: 'AES-GCM', length: 256 };
  return crypto.subtle.deriveKey(parametersOf(derivation), await importInput(from), of, false, [usage]);
}

function importInput(from: Secret): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', from.reveal(), 'HKDF', false, ['deriveKey', 'deriveBits']);
}

function parametersOf({ salt, info }: Derivation): HkdfParams {
  return { name: 'HKDF', hash: 'SHA-256', salt, info };
}
