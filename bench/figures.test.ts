import { describe, expect, it } from '@jest/globals';
import { figuresOf, type Outcome, percentile, verdictsOf } from './figures.js';
import { signsOf } from './machine.js';
import { arrivals } from './phases.js';

const accepted = (latencyMs: number): Outcome => ({ status: 201, code: undefined, latencyMs });
const refused = (latencyMs: number, status = 503, code = 'overloaded'): Outcome => ({
  status,
  code,
  latencyMs,
});
const times = <Value>(count: number, make: (n: number) => Value) => Array.from({ length: count }, (_, n) => make(n));

describe('a percentile', () => {
  it.each([
    [[7], 0.5, 7],
    [[1, 2], 0.5, 1],
    [[1, 2, 3], 0.5, 2],
    [times(100, (n) => n + 1), 0.99, 99],
    [times(100, (n) => n + 1), 1, 100],
    [times(100, (n) => n + 1), 0, 1],
    [times(101, (n) => n + 1), 0.99, 100],
    [[], 0.5, Number.NaN],
  ])('of %j at %d is one of them: %d', (sorted, share, value) => {
    expect(percentile(sorted, share)).toBe(value);
  });
});

describe('figures', () => {
  it('tell what was accepted from what was refused, whatever order they came in', () => {
    const outcomes = [
      accepted(30),
      refused(5),
      accepted(10),
      refused(1, 429, 'rate_limited'),
      accepted(20),
      refused(3),
    ];
    expect(figuresOf(outcomes, 2)).toEqual({
      seconds: 2,
      offered: 6,
      accepted: 3,
      goodput: 1.5,
      acceptedMs: { p50: 20, p95: 30, p99: 30 },
      refused: 3,
      refusedMs: { p50: 3, p95: 5, p99: 5 },
      codes: [
        ['overloaded', 2],
        ['rate_limited', 1],
      ],
      statuses: [
        [201, 3],
        [503, 2],
        [429, 1],
      ],
    });
  });

  it('count what got no answer as refused, by its status', () => {
    expect(figuresOf([{ status: 0, code: undefined, latencyMs: 9 }], 1)).toMatchObject({
      refused: 1,
      codes: [['status 0', 1]],
    });
  });
});

describe('the bounds', () => {
  const held = (outcomes: Outcome[], peak: number, memory = { vault: 100 }) =>
    verdictsOf(figuresOf(outcomes, 1), peak, memory).map((verdict) => verdict.held);
  const good = [...times(80, () => accepted(50)), ...times(100, () => refused(99))];

  it('are held by a service at their edge', () => {
    expect(held(good, 100)).toEqual([true, true, true, true]);
    expect(
      held(
        times(80, () => accepted(50)),
        100,
      ),
    ).toEqual([true, true, true, true]);
  });

  // Each is a planted fault: one that is not noticed would make every run a good one.
  it.each([
    ['one 500', [...good, refused(1, 500, 'internal')], 100, 100, [false, true, true, true]],
    ['one lost answer', [...good, { status: 0, code: undefined, latencyMs: 1 }], 100, 100, [false, true, true, true]],
    ['goodput below four fifths', good, 101, 100, [true, false, true, true]],
    ['slow refusals', [...good, ...times(101, () => refused(100))], 100, 100, [true, true, false, true]],
    ['too much memory', good, 100, 512, [true, true, true, false]],
  ])('are not held with %s', (_name, outcomes, peak, mib, expected) => {
    expect(held(outcomes, peak, { vault: mib })).toEqual(expected);
  });
});

describe('what openssl speed says', () => {
  it.each([
    ['signatures a second', '+F2:2:2048:4795.5:79076.6:73083.3:4676.1\n+F9:2:32.6:68939.1:4830.8\n', 4795.5],
    ['the seconds of one', '+DTP:2048:private:rsa:2\n+F2:2:2048:0.000250:0.000017\n', 4000],
  ])('may be %s', (_name, text, perSecond) => expect(signsOf(text)).toBeCloseTo(perSecond));

  it('is refused when it is about something else', () => {
    expect(() => signsOf('+F2:3:3072:1300.0:50000.0\n')).toThrow('RSA-2048');
  });
});

describe('arrivals', () => {
  it('come in order, as many as were asked for, and no later than asked for', () => {
    let seed = 1;
    const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    const offsetsMs = arrivals(1_000, 10, random);
    expect(offsetsMs.toSorted((a, b) => a - b)).toEqual(offsetsMs);
    expect(Math.abs(offsetsMs.length - 10_000)).toBeLessThan(500);
    expect(offsetsMs.at(-1)).toBeLessThan(10_000);
  });
});
