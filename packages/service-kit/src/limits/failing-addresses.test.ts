import { describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { FailingAddresses, keyOfAddress } from './failing-addresses.js';
import { InsuredCounts } from './insured-counts.js';
import { MemoryStore } from './memory-store.js';
import { Metrics } from '../observe/metrics.js';
import { RATES } from './rates.js';
import { TestClock } from '../testing/clock.js';

const HERE = '192.0.2.7';

function open() {
  const clock = new TestClock(0);
  const metrics = new Metrics({ service: 'vault', version: '1', poolState: () => ({ total: 0, idle: 0, waiting: 0 }) });
  const counts = new InsuredCounts(new MemoryStore(clock), clock);
  const failing = new FailingAddresses(counts, RATES, clock, metrics);
  const fail = async (times: number, address = HERE) => {
    for (let time = 0; time < times; time++) await failing.count(address);
  };
  /** How many verifications of an address are under way at once, when five come together. */
  const together = async (address = HERE) => {
    let now = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++now);
      await pause(2);
      now--;
      return 'verified';
    };
    const verified = await Promise.all(Array.from({ length: 5 }, () => failing.verify(address, undefined, work)));
    expect(verified).toEqual(Array(5).fill('verified'));
    return most;
  };
  return { clock, failing, fail, together };
}

describe('the requests of an address', () => {
  it('are verified together up to the limit of failures, and one at a time above it [guard: failing-lane]', async () => {
    const { fail, together } = open();
    await fail(20);
    expect(await together()).toBe(5);
    await fail(1);
    expect(await together()).toBe(1);
    expect(await together('192.0.2.8')).toBe(5);
  });

  it('are verified together again when the second is over', async () => {
    const { clock, fail, together } = open();
    await fail(50);
    clock.advance(2);
    expect(await together()).toBe(5);
  });

  it('take their turn although the one before failed', async () => {
    const { fail, failing } = open();
    await fail(21);
    const bad = failing.verify(HERE, undefined, async () => {
      throw new Error('bad');
    });
    const good = failing.verify(HERE, undefined, async () => 'good');
    await expect(bad).rejects.toThrow('bad');
    expect(await good).toBe('good');
  });
});

describe('a request that waits for the turn of its address', () => {
  it('leaves its place to others meanwhile [guard: failing-lane-rests]', async () => {
    const { fail, failing } = open();
    await fail(21);
    const seen: string[] = [];
    const place = { rest: () => void seen.push('rests'), resume: async () => void seen.push('resumes') };
    const { promise: looked, resolve: finish } = Promise.withResolvers<void>();
    const first = failing.verify(HERE, undefined, () => looked);
    const second = failing.verify(HERE, place, async () => seen.push('is verified'));
    expect(seen).toEqual(['rests']);
    finish();
    await Promise.all([first, second]);
    expect(seen).toEqual(['rests', 'resumes', 'is verified']);
  });
});

describe('the key of an address', () => {
  it.each([
    ['IPv4', '192.0.2.7', '192.0.2.7'],
    ['IPv4 within IPv6', '192.0.2.7', '::ffff:192.0.2.7'],
    ['one subscriber of IPv6', '2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff'],
    ['one IPv6 address in two spellings', '2001:db8::1', '2001:0DB8:0:0:0:0:0:1'],
    ['an address with a zone', 'fe80::1', 'fe80::2%eth0'],
    ['loopback', '::1', '0:0:0:0::2'],
  ])('is equal for %s', (_name, one, other) => {
    expect(keyOfAddress(one)).toBe(keyOfAddress(other));
  });

  it.each([
    ['two IPv4 addresses', '192.0.2.7', '192.0.2.8'],
    ['two subscribers of IPv6', '2001:db8:1:2::1', '2001:db8:1:3::1'],
    ['IPv4 and IPv6', '127.0.0.1', '::1'],
  ])('differs for %s', (_name, one, other) => {
    expect(keyOfAddress(one)).not.toBe(keyOfAddress(other));
  });

  it('does not show the address', () => {
    expect(keyOfAddress(HERE)).toMatch(/^[\w-]{22}$/);
  });
});
