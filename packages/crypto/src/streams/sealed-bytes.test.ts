import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Bytes } from '../encoding/bytes.js';
import { randomBytes, utf8 } from '../encoding/bytes.js';
import { wrapKey } from '../tokens/compact.js';
import { keyMaterialOf } from '../key-files/key-material.js';
import { sealingKeyOf, verifyingKeyOf } from '../keys/key-material.js';
import { isSignatureOf } from '../keys/keys.js';
import { loadUnwrapper } from '../tokens/open/compact.js';
import { openBytes } from './open/sealed-bytes.js';
import { SEALED_BYTES_OVERHEAD, sealBytes } from './sealed-bytes.js';
import { Secret } from '../encoding/secret.js';
import { generateKeyPair, loadSigner } from '../keys/signer.js';
import type { SealAlg, SignAlg } from '../keys/suites.js';

const PLACE = utf8('letters/7');
const bytes = (constraints: fc.IntArrayConstraints = {}) =>
  fc.uint8Array(constraints).map((array): Bytes => new Uint8Array(array));
const failed = { code: 'open_failed', message: 'could not be opened' };

describe('bytes under a key of one’s own', () => {
  const key = new Secret(randomBytes(32));

  it('open again, whatever they are and whatever they are bound to', async () => {
    await fc.assert(
      fc.asyncProperty(bytes(), bytes(), async (plaintext, additionalData) => {
        const sealed = await sealBytes(key, plaintext, additionalData);
        expect(sealed).toHaveLength(plaintext.length + SEALED_BYTES_OVERHEAD);
        expect(await openBytes(key, sealed, additionalData)).toEqual(plaintext);
      }),
    );
  });

  it('do not open with a bit changed, or cut', async () => {
    await fc.assert(
      fc.asyncProperty(bytes({ maxLength: 40 }), fc.nat(), fc.boolean(), async (plaintext, at, isCut) => {
        const sealed = await sealBytes(key, plaintext, PLACE);
        const bit = at % (sealed.length * 8);
        const altered = isCut ? sealed.slice(0, at % sealed.length) : sealed.slice();
        if (!isCut) altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await expect(openBytes(key, altered, PLACE)).rejects.toMatchObject(failed);
      }),
    );
  });

  it('do not open under another key, or in another place', async () => {
    const sealed = await sealBytes(key, utf8('word'), PLACE);
    await expect(openBytes(new Secret(randomBytes(32)), sealed, PLACE)).rejects.toMatchObject(failed);
    await expect(openBytes(key, sealed, utf8('letters/8'))).rejects.toMatchObject(failed);
    await expect(openBytes(key, sealed, utf8(''))).rejects.toMatchObject(failed);
  });

  it('never have the same IV twice', async () => {
    const sealed = await Promise.all(Array.from({ length: 200 }, () => sealBytes(key, utf8('word'), PLACE)));
    expect(new Set(sealed.map((one) => one.slice(0, 12).join())).size).toBe(200);
  });

  it.each([0, 16, 31, 33])('are not sealed under a key of %d bytes [guard: seal-bytes-key]', async (length) => {
    const short = new Secret(randomBytes(length));
    await expect(sealBytes(short, utf8('word'), PLACE)).rejects.toMatchObject({ code: 'key_invalid' });
  });
});

describe.each([
  ['rsa2048', 'RSA-OAEP-256', 'PS256'],
  ['p256', 'ECDH-ES+A256KW', 'ES256'],
] as const)('with keys of %s', (suite, seal: SealAlg, sign: SignAlg) => {
  it('a key is wrapped for the holder of another, and comes out [guard: wrap-key-use] [guard: wrap-key-length]', async () => {
    const pair = await generateKeyPair(suite, 'enc');
    const to = sealingKeyOf([await keyMaterialOf(pair.publicJwk, 'enc')]);
    const unwrapper = await loadUnwrapper(pair.privateJwk, seal);
    const key = new Secret(randomBytes(32));
    const wrapped = await wrapKey(to, key);
    expect((await unwrapper.unwrap(wrapped)).reveal()).toEqual(key.reveal());
    const stranger = await loadUnwrapper((await generateKeyPair(suite, 'enc')).privateJwk, seal);
    await expect(stranger.unwrap(wrapped)).rejects.toMatchObject(failed);
    await expect(wrapKey({ ...to, use: 'sig' }, key)).rejects.toMatchObject({ code: 'key_invalid' });
    for (const length of [0, 16, 33])
      await expect(wrapKey(to, new Secret(randomBytes(length)))).rejects.toMatchObject({ code: 'key_invalid' });
  });

  it('bytes are signed, and their signature is that of no other bytes or key', async () => {
    const [pair, other] = [await generateKeyPair(suite, 'sig'), await generateKeyPair(suite, 'sig')];
    const keyOf = async ({ publicJwk }: typeof pair) => verifyingKeyOf([await keyMaterialOf(publicJwk, 'sig')]);
    const signature = await (await loadSigner(pair.privateJwk, sign)).sign(PLACE);
    expect(await isSignatureOf(await keyOf(pair), PLACE, signature)).toBe(true);
    expect(await isSignatureOf(await keyOf(pair), utf8('letters/8'), signature)).toBe(false);
    expect(await isSignatureOf(await keyOf(other), PLACE, signature)).toBe(false);
    await expect(wrapKey(await keyOf(pair), new Secret(randomBytes(32)))).rejects.toMatchObject({
      code: 'key_invalid',
    });
  });
});
