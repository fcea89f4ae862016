import { Secret } from '../../encoding/secret.js';
import type { WrappedKey } from '../suite-kind.js';

/** RSAES-OAEP with SHA-256 (RFC 7518 §4.3). @throws whatever the platform says */
export async function unwrapOaep(key: CryptoKey, { encryptedKey }: WrappedKey): Promise<Secret> {
  return new Secret(new Uint8Array(await crypto.subtle.decrypt({ name: 'RSA-OAEP' }, key, encryptedKey)));
}
