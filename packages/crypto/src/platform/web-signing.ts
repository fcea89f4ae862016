import type { Bytes, SignBytes, SigningMethod } from './platform.js';

/** WebCrypto's signatures: all of them in browsers, in Node those that it has no faster way for. */

export async function importSigner(jwk: object, { key: parameters, operation }: SigningMethod): Promise<SignBytes> {
  const key = await crypto.subtle.importKey('jwk', jwk, parameters, false, ['sign']);
  return async (bytes) => new Uint8Array(await crypto.subtle.sign(operation, key, bytes));
}

export function verify({ operation }: SigningMethod, key: CryptoKey, signature: Bytes, bytes: Bytes): Promise<boolean> {
  return crypto.subtle.verify(operation, key, signature, bytes);
}
