import { describe, expect, it } from '@jest/globals';
import { randomBytes, sha256, utf8 } from '../src/bytes.js';
import { deriveFrameKeys } from '../src/frames.js';
import { Secret } from '../src/secret.js';
import type { VectorCase } from './wycheproof.js';
import { bytesOfHex, casesOf } from './wycheproof.js';

type Bytes = Uint8Array<ArrayBuffer>;
interface HkdfCase extends VectorCase {
  readonly ikm: string;
  readonly salt: string;
  readonly info: string;
  readonly size: number;
  readonly okm: string;
}

/** RFC 5869 written from the RFC on HMAC alone: a second opinion on the platform's HKDF. */
async function hkdf(ikm: Bytes, salt: Bytes, info: Bytes, size: number): Promise<Bytes> {
  const blocks = Math.ceil(size / 32);
  if (blocks > 255) throw new RangeError('RFC 5869 §2.3: too long');
  const prk = await hmac(salt.length === 0 ? new Uint8Array(32) : salt, ikm);
  const okm = new Uint8Array(blocks * 32);
  let previous: Bytes = new Uint8Array(0);
  for (let block = 1; block <= blocks; block++) {
    previous = await hmac(prk, Uint8Array.from([...previous, ...info, block]));
    okm.set(previous, (block - 1) * 32);
  }
  return okm.slice(0, size);
}

async function hmac(key: Bytes, message: Bytes): Promise<Bytes> {
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, message));
}

describe('HKDF-SHA-256', () => {
  it('is the reference of these tests in 86 Wycheproof cases, 83 valid', async () => {
    const all = casesOf('hkdf_sha256_test.json').map(({ test }) => test as HkdfCase);
    const valid = all.filter((test) => test.result === 'valid');
    for (const test of valid) {
      const okm = await hkdf(bytesOfHex(test.ikm), bytesOfHex(test.salt), bytesOfHex(test.info), test.size);
      expect(okm).toEqual(bytesOfHex(test.okm));
    }
    for (const test of all.filter((one) => !valid.includes(one))) {
      await expect(hkdf(bytesOfHex(test.ikm), bytesOfHex(test.salt), bytesOfHex(test.info), test.size)).rejects.toThrow(
        'too long',
      );
    }
    expect({ cases: all.length, valid: valid.length }).toEqual({ cases: 86, valid: 83 });
  });

  it('derives frame key and base nonce from the secret and the hash of the head', async () => {
    const secret = randomBytes(32);
    const head = utf8('{"v":1}');
    const { key, base } = await deriveFrameKeys(new Secret(secret), head, 'encrypt');
    const salt = await sha256(head);
    expect(base).toEqual(await hkdf(secret, salt, utf8('bulla1 reply nonce'), 12));

    const raw = await hkdf(secret, salt, utf8('bulla1 reply key'), 32);
    const reference = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['decrypt']);
    const ciphertext = await crypto.subtle.encrypt({ name: 'AES-GCM', iv: base }, key, utf8('frame'));
    const plaintext = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: base }, reference, ciphertext);
    expect(new Uint8Array(plaintext)).toEqual(utf8('frame'));
  });
});
