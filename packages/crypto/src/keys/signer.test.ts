import { describe, expect, it } from '@jest/globals';
import { utf8 } from '../encoding/bytes.js';
import { keyThumbprint } from './keys.js';
import { loadUnwrapper } from '../tokens/open/compact.js';
import { generateKeyPair, loadSigner } from './signer.js';
import type { SignAlg, SuiteId } from './suites.js';
import { publicJwkOf, suite } from './suites.js';
import { keyPairOf } from '../testing/members.js';

const MESSAGE = utf8('what is signed');

describe('a fresh key pair', () => {
  it.each<[SuiteId, 'sig' | 'enc']>([
    ['rsa2048', 'sig'],
    ['rsa2048', 'enc'],
    ['rsa3072', 'sig'],
    ['p256', 'sig'],
    ['p256', 'enc'],
    ['ed25519', 'sig'],
  ])('of %s for %s holds key material alone', async (id, use) => {
    const pair = await generateKeyPair(id, use);
    expect(pair).toMatchObject({ suite: id, alg: use === 'sig' ? suite(id).sign : suite(id).seal });
    expect(pair.kid).toBe(await keyThumbprint(pair.publicJwk));
    expect(pair.publicJwk).toEqual(publicJwkOf(pair.privateJwk));
    const members = [...Object.keys(pair.publicJwk), ...Object.keys(pair.privateJwk)];
    expect(members.filter((name) => ['alg', 'ext', 'key_ops', 'use', 'kid'].includes(name))).toEqual([]);
  });

  it('does not exist for sealing in a suite that only signs', async () => {
    await expect(generateKeyPair('ed25519', 'enc')).rejects.toMatchObject({ code: 'key_invalid' });
  });

  it('does not exist in an unknown suite', async () => {
    await expect(generateKeyPair('p521' as SuiteId, 'sig')).rejects.toMatchObject({ code: 'suite_unknown' });
  });
});

describe('a signer', () => {
  it.each<[SignAlg, SuiteId, RsaPssParams | EcdsaParams | string, object]>([
    ['PS256', 'rsa2048', { name: 'RSA-PSS', saltLength: 32 }, { name: 'RSA-PSS', hash: 'SHA-256' }],
    ['ES256', 'p256', { name: 'ECDSA', hash: 'SHA-256' }, { name: 'ECDSA', namedCurve: 'P-256' }],
    ['Ed25519', 'ed25519', 'Ed25519', { name: 'Ed25519' }],
  ])('makes what WebCrypto verifies as %s', async (alg, id, verifying, importing) => {
    const { privateJwk, publicJwk, kid } = await keyPairOf('signer', id, 'sig');
    const signer = await loadSigner(privateJwk, alg);
    expect(signer).toMatchObject({ kid, alg });
    const key = await crypto.subtle.importKey('jwk', publicJwk, importing as RsaHashedImportParams, true, ['verify']);
    const signature = await signer.sign(MESSAGE);
    expect(await crypto.subtle.verify(verifying, key, signature, MESSAGE)).toBe(true);
    expect(await crypto.subtle.verify(verifying, key, signature, utf8('something else'))).toBe(false);
  });

  it('signs ES256 as r and s, 32 bytes each, never as DER', async () => {
    const { privateJwk } = await keyPairOf('signer', 'p256', 'sig');
    const signer = await loadSigner(privateJwk, 'ES256');
    expect((await signer.sign(MESSAGE)).length).toBe(64);
  });

  it('is not made from a key of another algorithm [guard: signer-kind]', async () => {
    const { privateJwk } = await keyPairOf('signer', 'ed25519', 'sig');
    await expect(loadSigner(privateJwk, 'PS256')).rejects.toMatchObject({ code: 'key_invalid' });
  });

  it('is not made from a broken key, and does not show it', async () => {
    const { privateJwk } = await keyPairOf('signer', 'ed25519', 'sig');
    const error: unknown = await loadSigner({ ...privateJwk, d: 'AAAA' }, 'Ed25519').catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'key_invalid' });
    expect((error as Error).cause).toBeUndefined();
  });

  it('shows nothing of its key', async () => {
    const { privateJwk } = await keyPairOf('signer', 'rsa2048', 'sig');
    const signer = await loadSigner(privateJwk, 'PS256');
    expect(JSON.stringify(signer)).not.toContain(privateJwk.d);
  });
});

it('an unwrapper is not made from a signing key', async () => {
  const { privateJwk } = await keyPairOf('signer', 'ed25519', 'sig');
  await expect(loadUnwrapper(privateJwk, 'RSA-OAEP-256')).rejects.toMatchObject({ code: 'key_invalid' });
});
