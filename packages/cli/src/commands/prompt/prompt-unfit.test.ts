import type { UnfitGrant } from '@bulla/contract';
import { describe, expect, it } from '@jest/globals';
import { requireOne } from './prompt-unfit.js';

const [ada, bob] = ['ada', 'bob'].map((name) => `urn:bulla:acme:user:${name}`) as [string, string];
const ALL = [
  { whash: 'AAB', by: ada },
  { whash: 'ACB', by: ada },
  { whash: 'ACB', by: bob },
] as unknown as UnfitGrant[];

describe('an unfit grant', () => {
  it.each([
    ['the beginning of its hash', 'AA', undefined, ALL[0]],
    ['its hash and who posted it', 'AC', bob, ALL[2]],
    ['who posted it, where another hash begins like it', 'A', bob, ALL[2]],
  ])('is named by %s', (_how, hash, by, one) => {
    expect(requireOne(ALL, hash, by)).toBe(one);
  });

  it.each([
    ['no hash begins like this', 'B', undefined, 'there is no such unfit grant'],
    ['somebody else posted it', 'AA', bob, 'there is no such unfit grant'],
    ['several hashes begin like this', 'A', ada, 'several unfit grants begin like this: give more of it'],
    ['several people posted it', 'ACB', undefined, 'several people posted this grant: say which one with --by'],
  ])('is not guessed where %s', (_why, hash, by, message) => {
    expect(() => requireOne(ALL, hash, by)).toThrow(message);
  });
});
