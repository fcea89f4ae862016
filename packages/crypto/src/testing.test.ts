import { expect, it } from '@jest/globals';
import { generateKeyPair } from './keys/signer.js';
import { makeOrganisation } from './testing.js';

it('an organisation takes keys that were made before, and makes those that are missing', async () => {
  const [sig, enc] = [await generateKeyPair('p256', 'sig'), await generateKeyPair('p256', 'enc')];
  const ready = [sig, enc];
  const asked: string[] = [];
  const { owner, author } = await makeOrganisation({
    org: 'ready',
    suite: 'p256',
    readyKeyPair: (suite, use) => {
      asked.push(`${suite} ${use}`);
      return suite === 'p256' ? ready.shift() : undefined;
    },
  });
  expect([owner.sig, owner.enc]).toEqual([sig, enc]);
  // The vault, which nothing is sealed to, comes after the owner; the keys of documents are asked for as well.
  expect(asked.slice(0, 5)).toEqual(['p256 sig', 'p256 enc', 'p256 sig', 'ed25519 sig', 'p256 sig']);
  expect(asked.slice(-3)).toEqual(['ed25519 sig', 'ed25519 sig', 'ed25519 sig']);
  expect(author.sig.kid).not.toBe(owner.sig.kid);
});
