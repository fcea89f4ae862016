import { describe, expect, it } from '@jest/globals';
import { type Measured, many, verdictsOf } from './goals.js';
import { type Cell, type Found, keyOf, SMALL } from './measure.js';
import type { Speeds } from './openssl.js';
import { ANSWER_WORK, LETTER_WORK, limitOf, median, rateOf, ratioOf, shareOf } from './ratios.js';
import type { VariantName } from './variants.js';

/** Private keys 1,000 a second, and everything else for nothing. */
const speeds: Speeds = {
  sign: 1000,
  verify: 1e12,
  encrypt: 1e12,
  decrypt: 1000,
  gcm: new Map([[1024, 1e15]]),
  sha256: new Map([[1024, 1e15]]),
};
const foundOf = (rates: readonly (readonly [Cell, readonly number[]])[], rounds = 1): Found => ({
  rates: new Map(rates.map(([cell, values]) => [keyOf(cell), values])),
  speeds: Array.from({ length: rounds }, () => speeds),
});
const HAIR = 1.001;
const OURS = 700 * HAIR;
const letter = many('letter', 'seal', SMALL);
const jose = many('jose', 'seal', SMALL);

describe('a median', () => {
  it.each([
    [[3], 3],
    [[3, 1], 2],
    [[9, 1, 2], 2],
    [[4, 1, 3, 2], 2.5],
    [[], Number.NaN],
  ])('of %j is %d', (values, value) => expect(median(values)).toBe(value));
});

describe('a ratio', () => {
  const found = foundOf(
    [
      [letter, [100, 10, 40]],
      [jose, [50, 10, 10]],
    ],
    3,
  );

  it('is taken within each round: a busy moment slows both', () => {
    expect(ratioOf(found, letter, jose)).toBe(2);
    expect(rateOf(found, letter)).toBe(40);
  });

  it('is none of what was not measured', () => {
    expect(ratioOf(found, letter, many('age', 'seal', SMALL))).toBeNaN();
    expect(rateOf(found, many('age', 'seal', SMALL))).toBeNaN();
  });

  it('to OpenSSL is the part of its limit', () => {
    expect(limitOf(found, LETTER_WORK.seal(SMALL))).toBeCloseTo(1000);
    expect(limitOf(found, LETTER_WORK.answer(SMALL))).toBeCloseTo(500);
    expect(limitOf(found, ANSWER_WORK)).toBeCloseTo(500);
    expect(shareOf(found, letter, LETTER_WORK.seal(SMALL))).toBeCloseTo(0.04);
  });
});

describe('the goals', () => {
  const peers: readonly (readonly [VariantName, 'seal' | 'open', number, number])[] = [
    ['jose', 'seal', SMALL, 1.15],
    ['jose', 'open', SMALL, 1.05],
    ['jose', 'seal', 65_536, 2.5],
    ['node-jose', 'seal', SMALL, 3],
    ['node-jose', 'open', SMALL, 3],
    ['openpgp-rsa', 'seal', SMALL, 3.5],
    ['openpgp-rsa', 'open', SMALL, 3.5],
    ['aws-signed', 'seal', SMALL, 6],
    ['aws-signed', 'open', SMALL, 10],
  ];
  /** A hair above the edge of each goal, since fractions are not exact, but for one that is off by a factor. */
  const measured = (off = '', factor = 1): Measured => {
    const by = (what: string) => (what === off ? factor : 1);
    const rates: [Cell, number[]][] = [
      [letter, [OURS * by('sign and seal')]],
      [many('letter', 'answer', SMALL), [(OURS / 2) * by('answer')]],
      [many('letter', 'open', SMALL), [OURS]],
      [many('letter', 'seal', 65_536), [OURS]],
    ];
    for (const [name, operation, bytes, times] of peers) {
      const cell = many(name, operation, bytes);
      const ours = keyOf({ ...cell, name: 'letter' }) === keyOf(letter) ? OURS * by('sign and seal') : OURS;
      rates.push([cell, [ours / times / HAIR / by(keyOf(cell))]]);
    }
    const holding = { calls: 1, median: 0, worst: 5 / by('holding'), worstByClock: 50 };
    return {
      found: foundOf(rates),
      holdings: [['seal a letter', holding]],
      streamed: { mib: 1024, growthMiB: 63 / by('stream'), keptGrowthMiB: 200, seconds: 1 },
    };
  };
  const missed = (of: Measured) => verdictsOf(of).filter(({ held }) => !held);

  it('are held at their edge', () => {
    expect(verdictsOf(measured())).toHaveLength(13);
    expect(missed(measured())).toEqual([]);
  });

  // Each is a planted fault: one that is not noticed would make every run a good one.
  it.each([
    ['sign and seal', 'sign and seal 1 KiB'],
    ['answer', 'open, sign and seal 1 KiB'],
    ...peers.map(([name, operation, bytes]): [string, string] => [
      keyOf(many(name, operation, bytes)),
      `${operation} ${bytes / 1024} KiB: at least`,
    ]),
    ['holding', 'seal a letter: never holds'],
    ['stream', 'a stream of 1024 MiB'],
  ])('are missed where %s falls short', (off, what) => {
    const found = missed(measured(off, 0.9)).map((verdict) => verdict.what);
    expect(found).toEqual([expect.stringContaining(what)]);
  });

  it('of peers that were left out are left out', () => {
    const { found, ...rest } = measured();
    const rates = new Map([...found.rates].filter(([key]) => key.startsWith('letter')));
    expect(verdictsOf({ ...rest, found: { ...found, rates } })).toHaveLength(4);
  });
});
