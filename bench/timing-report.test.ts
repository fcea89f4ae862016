import { describe, expect, it } from '@jest/globals';
import { type Class, CLASS_NAMES, makeClasses } from './timing-classes.js';
import { isFound, isHeld, textOf, type Times } from './timing-report.js';

const SAMPLES = 2000;
const host = { cpu: 'one', cores: 1, node: 'v24.0.0', openssl: 'OpenSSL 3' };

/** 300 to 310 of no pattern that matters here, and so much more for some classes. */
function timesOf(more: Partial<Record<Class, number>>): Times {
  let state = 7;
  const next = () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
  const samples = (add: number) => Array.from({ length: SAMPLES }, () => 300 + 10 * next() + add);
  return Object.fromEntries(
    CLASS_NAMES.map((name) => [name, { cpu: samples(more[name] ?? 0), clock: samples(0) }]),
  ) as unknown as Times;
}
const reportOf = (times: Times) => ({ host, date: '2026-11-26T00:00:00Z', times });

describe('the report of times', () => {
  it('holds where only the planted delay and what opens stand out', () => {
    const report = reportOf(timesOf({ planted: 5, opens: -5 }));
    expect([isFound(report), isHeld(report)]).toEqual([true, true]);
    // 4.5 standard errors of a difference of means of 1,800 even numbers from 0 to 9.
    const noticed = (4.5 * Math.sqrt((2 * 81) / 12 / (0.9 * SAMPLES))).toFixed(1);
    expect(textOf(report)).toContain(`does not open (${noticed} µs would have been noticed)`);
    expect(textOf(report)).toContain('- held: how long it takes');
    expect(textOf(report)).not.toContain('**');
  });

  // Each is a planted fault: one that is not noticed would make every run a good one.
  it.each<[Class, number]>([
    ['oaep', 2],
    ['hash', -2],
    ['length', 2],
    ['tag', 2],
  ])('does not hold where %s takes %d µs more', (name, more) => {
    const report = reportOf(timesOf({ planted: 20, [name]: more }));
    expect([isFound(report), isHeld(report)]).toEqual([true, false]);
    expect(textOf(report)).toContain('**can be told apart**');
    expect(textOf(report)).toContain('- **missed**: how long it takes');
  });

  it('does not hold where only the clock tells', () => {
    const times = timesOf({ planted: 5 });
    const clock = times.oaep.clock.map((value) => value + 2);
    expect(isHeld(reportOf({ ...times, oaep: { ...times.oaep, clock } }))).toBe(false);
  });

  it.each([0, -5])('knows nothing where the planted delay takes %d µs', (planted) => {
    const report = reportOf(timesOf({ planted }));
    expect(isFound(report)).toBe(false);
    expect(textOf(report)).toContain('- **nothing is known**');
  });
});

describe('the classes', () => {
  it('end as they should, each time', async () => {
    const classes = await makeClasses();
    expect(Object.keys(classes)).toEqual(CLASS_NAMES);
    await expect(classes.opens.open()).resolves.toBeDefined();
    for (const name of CLASS_NAMES.filter((one) => one !== 'opens')) {
      await expect(classes[name].open()).rejects.toMatchObject({ code: 'open_failed' });
    }
  });
});
