import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { readVectors } from '@bulla/conformance';
import { goldenFiles } from '../generators/golden-vectors.mjs';

describe('the golden vectors', () => {
  it.each(goldenFiles())('are %s, or `npm run vectors -- golden` makes them', (file, text) => {
    expect(readFileSync(new URL(`../vectors/${file}`, import.meta.url), 'utf8')).toBe(text);
  });

  it('are valid and refused, for each format and suite', () => {
    const vectors = readVectors();
    const ids = vectors.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const format of ['letter', 'grant', 'deposit', 'statement', 'envelope', 'tag', 'invocation', 'http-request']) {
      for (const suite of ['rsa2048', 'rsa3072', 'p256']) {
        const of = vectors.filter((one) => one.format === format && one.name.startsWith(suite));
        const ends = of.map(({ expected }) => ('refused' in expected ? expected.refused : 'ok'));
        expect(ends.some((end) => end === 'open_failed' || end === 'signature_invalid')).toBe(true);
        expect(ends).toEqual(expect.arrayContaining(['ok', 'token_malformed']));
        expect(ends.length).toBeGreaterThan(40);
      }
    }
  });
});
