import { describe, expect, it } from '@jest/globals';
import { encodeHex, randomBytes, sha256, utf8 } from '../src/encoding/bytes.js';
import { deriveFrameKeys } from '../src/run/frames.js';
import { deriveSecret } from '../src/keys/hkdf.js';
import { Secret } from '../src/encoding/secret.js';
import type { VectorCase } from './wycheproof.js';
import { bytesOfHex, casesOf } from './wycheproof.js';

interface HkdfCase extends VectorCase {
  readonly ikm: string;
  readonly salt: string;
  readonly info: string;
  readonly size: number;
  readonly okm: string;
}

describe('HKDF-SHA-256', () => {
  const all = casesOf('hkdf_sha256_test.json').map(({ test }) => test as HkdfCase);
  const derive = async ({ ikm, salt, info, size }: HkdfCase) =>
    (
      await deriveSecret(new Secret(bytesOfHex(ikm)), { salt: bytesOfHex(salt), info: bytesOfHex(info) }, size)
    ).reveal();

  it('is right in 86 Wycheproof cases, 83 valid, the others too long', async () => {
    const valid = all.filter((test) => test.result === 'valid');
    for (const test of valid) expect(encodeHex(await derive(test))).toBe(test.okm);
    for (const test of all.filter((one) => !valid.includes(one)))
      await expect(derive(test)).rejects.toMatchObject({ code: 'key_invalid' });
    expect({ cases: all.length, valid: valid.length }).toEqual({ cases: 86, valid: 83 });
  });

  it('derives frame key and base nonce from the secret and the hash of the head', async () => {
    const secret = new Secret(randomBytes(32));
    const head = utf8('{"v":1}');
    const { key, base } = await deriveFrameKeys(secret, head);
    const salt = await sha256(head);
    const of = async (info: string, bytes: number) =>
      (await deriveSecret(secret, { salt, info: utf8(info) }, bytes)).reveal();
    expect(base).toEqual(await of('bulla1 reply nonce', 12));
    expect(key.reveal()).toEqual(await of('bulla1 reply key', 32));
  });

  it.each([0, -1, 1.5, 8161])('derives no %d bytes [guard: hkdf-length]', async (bytes) => {
    const derivation = { salt: new Uint8Array(0), info: utf8('purpose') };
    await expect(deriveSecret(new Secret(randomBytes(32)), derivation, bytes)).rejects.toMatchObject({
      code: 'key_invalid',
    });
  });
});
