import type { Bytes } from '../encoding/bytes.js';
import { utf8 } from '../encoding/bytes.js';
import { encryptPkcs8 } from './key-encryption.js';
import type { KeyMaterial } from '../keys/key-material.js';
import { formatPem } from './pem.js';
import type { Secret } from '../encoding/secret.js';
import { invalidKey } from '../keys/suite-kind.js';
import { suite } from '../keys/suites.js';

export type KeyFormat = 'pem' | 'der' | 'jwk';

export interface ExportOptions {
  readonly format: KeyFormat;
  /** The private halves, which the keys then must have, or the public ones. */
  readonly half: 'private' | 'public';
  /** What private keys in PEM or DER are encrypted under; without it they lie open. */
  readonly passphrase?: Secret | undefined;
}

/**
 * A file of keys as `importKeys` reads it. Of two keys the one that signs stands first.
 * @throws {CryptoError} key_invalid where a half is not there, DER is to hold two keys, or JWK a passphrase
 */
export async function exportKeys(keys: readonly KeyMaterial[], options: ExportOptions): Promise<Bytes> {
  const { format, passphrase } = options;
  const ordered = keys.toSorted((left, right) => rank(left) - rank(right));
  if (format === 'jwk') {
    if (passphrase !== undefined) throw invalidKey('a JWK has no passphrase; PEM and DER have');
    const jwks = ordered.map((key) => jwkOf(key, options));
    return utf8(`${JSON.stringify(jwks.length === 1 ? jwks[0] : { keys: jwks }, null, 2)}\n`);
  }
  const ders: Bytes[] = [];
  for (const key of ordered) ders.push(await derOf(key, options));
  if (format === 'pem') return utf8(ders.map((bytes) => formatPem({ label: labelOf(options), bytes })).join(''));
  const [der] = ders;
  if (der === undefined || ders.length > 1) throw invalidKey('a DER file has one; PEM and JWK have two');
  return der;
}

function rank({ use }: KeyMaterial): number {
  return use === 'enc' ? 1 : 0;
}

function labelOf({ half, passphrase }: ExportOptions): string {
  if (half === 'public') return 'PUBLIC KEY';
  return passphrase === undefined ? 'PRIVATE KEY' : 'ENCRYPTED PRIVATE KEY';
}

async function derOf(key: KeyMaterial, { half, passphrase }: ExportOptions): Promise<Bytes> {
  const { key: parameters } = suite(key.suite).keys.signing;
  const jwk = half === 'public' ? key.publicJwk : privateOf(key);
  const imported = await crypto.subtle.importKey('jwk', jwk, parameters, true, [half === 'public' ? 'verify' : 'sign']);
  const der = new Uint8Array(await crypto.subtle.exportKey(half === 'public' ? 'spki' : 'pkcs8', imported));
  if (half === 'public' || passphrase === undefined) return der;
  const encrypted = await encryptPkcs8(der, passphrase);
  der.fill(0);
  return encrypted;
}

function jwkOf(key: KeyMaterial, { half }: ExportOptions): object {
  const { kid, use } = key;
  const { sign, seal } = suite(key.suite);
  const jwk = half === 'public' ? key.publicJwk : privateOf(key);
  return { ...jwk, kid, ...(use !== undefined && { use, alg: use === 'sig' ? sign : seal }) };
}

function privateOf({ privateJwk }: KeyMaterial) {
  if (privateJwk === undefined) throw invalidKey('the file has its public half alone');
  return privateJwk;
}
