import { expect, it } from '@jest/globals';
import { SUITES, suite } from './suites.js';

it('lets only strong suites sign documents', () => {
  const documents = Object.values(SUITES).filter((one) => one.documents);
  expect(documents.map(({ id }) => id)).toEqual(['rsa3072', 'ed25519']);
  expect(documents.every(({ strength }) => strength >= 128)).toBe(true);
});

it('is found by its name, under which it stands', () => {
  for (const id of Object.keys(SUITES)) expect(suite(id).id).toBe(id);
});

it.each(['', 'RSA2048', 'p256', 'none', 'constructor', '__proto__', 'toString'])('refuses "%s"', (id) => {
  expect(() => suite(id)).toThrow(expect.objectContaining({ code: 'suite_unknown' }));
});
