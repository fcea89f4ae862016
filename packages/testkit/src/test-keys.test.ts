import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { committedKeyPair, TestKeys } from './test-keys.js';

it.each([
  ['rsa2048', 64],
  ['rsa3072', 24],
] as const)(
  'committed keys of suite %s are of its length, each is given once, and their halves belong together',
  (suite, count) => {
    const keys = new TestKeys();
    const pairs = Array.from({ length: count }, (_, index) => keys.take(suite, index % 2 === 0 ? 'sig' : 'enc'));
    expect(keys.take(suite, 'sig')).toBeUndefined();
    expect(new Set(pairs.map((pair) => pair?.kid)).size).toBe(count);
    for (const pair of pairs) {
      if (pair === undefined) throw new Error('there is a key');
      const [privateKey, publicKey] = [
        createPrivateKey({ key: { ...pair.privateJwk }, format: 'jwk' }),
        createPublicKey({ key: { ...pair.publicJwk }, format: 'jwk' }),
      ];
      expect(publicKey.asymmetricKeyDetails?.modulusLength).toBe(Number(suite.slice(3)));
      expect(verify('sha256', Buffer.from('a'), publicKey, sign('sha256', Buffer.from('a'), privateKey))).toBe(true);
      expect(Object.keys(pair.publicJwk)).toEqual(['kty', 'n', 'e']);
    }
    expect(pairs.slice(0, 2).map((pair) => pair?.alg)).toEqual(['PS256', 'RSA-OAEP-256']);
  },
);

it('another suite has no committed keys, and a process gives none twice', () => {
  expect(committedKeyPair('p256', 'sig')).toBeUndefined();
  const kids = [committedKeyPair('rsa2048', 'sig')?.kid, committedKeyPair('rsa2048', 'sig')?.kid];
  expect(kids[0] ?? 'none').not.toBe(kids[1]);
});
