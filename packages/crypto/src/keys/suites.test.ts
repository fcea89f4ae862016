import { expect, it } from '@jest/globals';
import { ALL_SUITES, SEAL_ALGS, SIGN_ALGS, SUITES, signingMethod, suite } from './suites.js';

it('lets only strong suites sign documents', () => {
  const documents = Object.values(SUITES).filter((one) => one.documents);
  expect(documents.map(({ id }) => id)).toEqual(['rsa3072', 'ed25519']);
  expect(documents.every(({ strength }) => strength >= 128)).toBe(true);
});

it('is found by its name, under which it stands', () => {
  for (const id of Object.keys(SUITES)) expect(suite(id).id).toBe(id);
});

it.each(['', 'RSA2048', 'P256', 'p384', 'none', 'constructor', '__proto__', 'toString'])('refuses "%s"', (id) => {
  expect(() => suite(id)).toThrow(expect.objectContaining({ code: 'suite_unknown' }));
});

it('names each algorithm that its kind of keys has', () => {
  for (const one of ALL_SUITES) {
    expect(signingMethod(one.sign).alg).toBe(one.sign);
    expect(one.keys.signing.alg).toBe(one.sign);
    expect('sealing' in one.keys ? one.keys.sealing.alg : undefined).toBe(one.seal);
  }
  expect(SIGN_ALGS).toEqual(['PS256', 'ES256', 'Ed25519']);
  expect(SEAL_ALGS).toEqual(['RSA-OAEP-256', 'ECDH-ES+A256KW']);
});
