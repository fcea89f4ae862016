import { randomFrom, seedOfRun } from '@bulla/testkit';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { drawForgery, fileOf } from './forgery.js';
import type { Forged } from './forging.js';
import { forgeAll } from './forging.js';
import type { Stock } from './stock.js';
import { makeStock } from './stock.js';

// Answer files of five organisations whose parts are mixed, dated and cut at random, against what is true of them by how
// they were made: none is VALID that is not, and none is refused that is. `npm run forgeries` makes a great many.

/** The rarest verdict that is asked for below comes seven times in a thousand: none in so many is one run in 80,000. */
const FILES = 1500;
const upTo = (count: number) => Array.from({ length: count }, (_, number) => number);

let stock: Stock;
beforeAll(async () => {
  stock = await makeStock();
});

describe('an answer file of parts that are mixed', () => {
  let forged: Forged;
  beforeAll(async () => {
    forged = await forgeAll(stock, seedOfRun(), upTo(FILES));
  });

  it('is VALID, REVOKED SINCE or REFUSED as it is in truth', () => {
    expect(forged.found).toBeUndefined();
  });

  it.each([
    'VALID',
    'REVOKED SINCE',
    'REFUSED: token_malformed/trust',
    'REFUSED: signature_invalid/directory-root-life',
    'REFUSED: forbidden/asker-role',
    'REFUSED: forbidden/version-withdrawn',
    'REFUSED: forbidden/tag-threshold',
    'REFUSED: forbidden/tag-time',
    'REFUSED: key_revoked/reply-key-time',
    'REFUSED: envelope_tampered/directory-policy',
    'REFUSED: trust_rollback/revoked-since',
    'REFUSED: pin_mismatch/root-pin',
  ])('this happened: %s', (what) => {
    expect(forged.counts.get(what)).toBeGreaterThan(0);
  });
});

it('a byte is changed anywhere but in the head of a tag, also of one that stands twice', () => {
  const [tag] = stock.tags;
  if (tag === undefined) throw new Error('there are tags');
  const forgery = { ...drawForgery(randomFrom(1), stock), tags: [tag, tag] };
  const whole = Buffer.from(fileOf({ ...forgery, flip: undefined, cut: 'whole' }));
  const heads = [whole.indexOf(tag.token), whole.lastIndexOf(tag.token)].map((start) => [
    start,
    start + tag.token.indexOf('.'),
  ]);
  const changed = Array.from(whole.keys(), (at) => {
    const bytes = fileOf({ ...forgery, flip: (at + 0.5) / whole.length, cut: 'whole' });
    return bytes.findIndex((byte, place) => byte !== whole[place]);
  });
  const inHeads = changed.filter((at) => heads.some(([start = 0, end = 0]) => at >= start && at < end));
  expect([heads[0]?.[0] !== heads[1]?.[0], inHeads]).toEqual([true, []]);
});

describe('files find what is planted', () => {
  it.each([
    ['a verifier that forgets what was revoked', 'REVOKED SINCE', 'VALID'],
    ['a verifier that refuses nothing', 'REFUSED', 'VALID'],
    ['a verifier that refuses what is good', 'VALID', 'REFUSED'],
  ])('%s', async (_what, verdict, instead) => {
    const said = (given: { readonly verdict: string }) => (given.verdict.startsWith(verdict) ? instead : given.verdict);
    expect((await forgeAll(stock, seedOfRun(), upTo(FILES), { said })).found).toBeDefined();
  });
});
