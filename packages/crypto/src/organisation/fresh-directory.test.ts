import { beforeAll, describe, expect, it } from '@jest/globals';
import { directoryWord, makeRenewed } from '../../test/renewers.js';
import { DAY, NOW } from '../../test/tags.js';
import type { TestOrganisation } from '../testing.js';
import type { TestRenewer } from '../testing/members.js';
import { Trust } from './trust.js';

const HASH = 'B'.repeat(42).concat('A');
const WEEK = 7 * DAY;

let acme: TestOrganisation;
let globex: TestOrganisation;
let first: TestRenewer;
let second: TestRenewer;

beforeAll(async () => {
  ({ acme, globex, first, second } = await makeRenewed());
  await acme.publish();
});

const establish = (
  fresh: readonly string[],
  now: number,
  options: Partial<Parameters<typeof Trust.establish>[1]> = {},
) => Trust.establish({ ...acme.documents, fresh }, { org: 'acme', pin: acme.pin, now, ...options });

describe('a directory', () => {
  it('is fresh by itself for a week [guard: directory-fresh]', async () => {
    const trust = await establish([], NOW + WEEK - 1);
    expect(trust.freshness).toMatchObject({ until: NOW + WEEK, clock: NOW, fresh: [], passedOver: [] });
    await expect(establish([], NOW + WEEK)).rejects.toMatchObject({ code: 'trust_expired', check: 'directory-fresh' });
    expect(() => trust.requireFresh(NOW + WEEK)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/service renew.*bulla trust renew/) }),
    );
  });

  it('is fresh by itself for as long as its policy says', async () => {
    const { acme: short } = await makeRenewed({ policy: { fresh_days: 1 } });
    expect(short.trust.freshness.until).toBe(NOW + DAY);
    expect(short.trust.freshSeconds).toBe(DAY);
  });

  it('goes on by the word of one renewer, which is kept with it', async () => {
    const word = await acme.freshDirectory(NOW + 6 * DAY, second);
    const trust = await establish([word], NOW + WEEK);
    expect(trust.freshness).toMatchObject({ until: NOW + 6 * DAY + WEEK, fresh: [word], passedOver: [] });
    expect(trust.documents.fresh).toEqual([word]);
    await expect(establish([word], NOW + 6 * DAY + WEEK)).rejects.toMatchObject({ code: 'trust_expired' });
  });

  it('goes on beside words that are not good, and says why they were passed over', async () => {
    const now = NOW + WEEK;
    const times = { iat: now, exp: now + WEEK };
    const words = await Promise.all([
      directoryWord(first, acme.trust.directoryRef, { iat: now + 61, exp: now + WEEK }),
      directoryWord(first, { ver: 1, hash: acme.hashes.hashes[0] ?? '' }, times),
      directoryWord(first, { ver: 2, hash: HASH }, times),
      directoryWord(first, { ver: 3, hash: HASH }, times),
      acme.freshDirectory(NOW, second),
      Promise.resolve('no token'),
      acme.freshDirectory(now, second),
      acme.freshDirectory(now - 5, first),
    ]);
    const trust = await establish(words, now);
    expect(trust.freshness).toMatchObject({ until: now + WEEK, clock: now, fresh: [words[6], words[7]] });
    expect(trust.freshness.passedOver.map(({ check, code }) => check ?? code)).toEqual([
      'fresh-issued',
      'fresh-directory',
      'fresh-fork',
      'fresh-newer',
      'fresh-expiry',
      'token_malformed',
    ]);
  });

  it.each<[string, () => Promise<string>, object]>([
    [
      'a renewer has a newer one',
      () => directoryWord(first, { ver: 3, hash: HASH }, { iat: NOW + WEEK, exp: NOW + 2 * WEEK }),
      { code: 'trust_expired', check: 'directory-fresh', message: expect.stringContaining('have a newer directory') },
    ],
    [
      'a renewer has another one',
      () => directoryWord(first, { ver: 2, hash: HASH }, { iat: NOW + WEEK, exp: NOW + 2 * WEEK }),
      { code: 'trust_rollback', check: 'fresh-fork' },
    ],
    [
      "a renewer's clock is ahead of this machine's",
      () => acme.freshDirectory(NOW + WEEK + 61),
      { code: 'clock_skew', check: 'fresh-issued' },
    ],
    [
      'a renewer of another organisation speaks',
      () => globex.freshDirectory(NOW + WEEK),
      { code: 'trust_expired', check: 'directory-fresh' },
    ],
  ])('says so where it is not fresh and %s', async (_name, word, error) => {
    await expect(establish([await word()], NOW + WEEK)).rejects.toMatchObject(error);
    await expect(establish([await word(), await acme.freshDirectory(NOW + WEEK)], NOW + WEEK)).resolves.toBeDefined();
  });

  it('needs nobody for those who say what is fresh, until it expires', async () => {
    const options = { acceptStale: true };
    const trust = await establish([], NOW + 90 * DAY - 1, options);
    expect(() => trust.requireUnexpired(NOW + 90 * DAY - 1)).not.toThrow();
    await expect(establish([], NOW + 90 * DAY, options)).rejects.toMatchObject({
      code: 'trust_expired',
      check: 'trust-fresh',
    });
  });

  it('expires whatever renewers say', async () => {
    const now = NOW + 90 * DAY;
    await expect(establish([await acme.freshDirectory(now)], now)).rejects.toMatchObject({ check: 'trust-fresh' });
  });

  it('has the words of renewers that were given last', async () => {
    const [old, young] = [await acme.freshDirectory(NOW + DAY), await acme.freshDirectory(NOW + 2 * DAY, second)];
    const trust = await (await establish([old], NOW + DAY)).withFreshness([young], NOW + 2 * DAY);
    expect(trust.documents.fresh).toEqual([young]);
    expect((await trust.withFreshness([], NOW + 2 * DAY)).documents).not.toHaveProperty('fresh');
  });
});

describe('the clock that says what is too old', () => {
  it('does not fall below what a renewer signed [guard: trust-clock]', async () => {
    const trust = await establish([await acme.freshDirectory(NOW + 3 * DAY)], NOW + 3 * DAY);
    expect([NOW, NOW + 4 * DAY].map((now) => trust.clock(now))).toEqual([NOW + 3 * DAY, NOW + 4 * DAY]);
  });

  it('does not fall with words that are no longer given, nor with the next directory', async () => {
    const word = await acme.freshDirectory(NOW + 3 * DAY);
    const previous = await establish([word], NOW + 3 * DAY);
    expect((await previous.withFreshness([], NOW + 3 * DAY)).clock(NOW)).toBe(NOW + 3 * DAY);
    const next = await establish([], NOW + 3 * DAY, { previous });
    expect(next.clock(NOW)).toBe(NOW + 3 * DAY);
    expect((await establish([], NOW + 3 * DAY, { previous: previous.memory })).clock(NOW)).toBe(NOW);
  });

  it('begins where it was kept', async () => {
    const trust = await establish([], NOW, { clock: NOW + 60 });
    expect(trust.clock(NOW)).toBe(NOW + 60);
    expect((await establish([], NOW, { clock: NOW - DAY })).clock(NOW)).toBe(NOW);
  });

  it("is refused more than a minute above the machine's [guard: trust-clock-behind]", async () => {
    const trust = await establish([await acme.freshDirectory(NOW + 3 * DAY)], NOW + 3 * DAY);
    expect(() => trust.requireFresh(NOW + 3 * DAY - 60)).not.toThrow();
    expect(() => trust.requireFresh(NOW + 3 * DAY - 61)).toThrow(
      expect.objectContaining({ code: 'clock_skew', check: 'trust-clock' }),
    );
  });

  it('decides whether documents have expired', async () => {
    const now = NOW + 90 * DAY - 60;
    await expect(establish([await acme.freshDirectory(now + 59)], now)).resolves.toBeInstanceOf(Trust);
    await expect(establish([await acme.freshDirectory(now + 60)], now)).rejects.toMatchObject({
      code: 'trust_expired',
      check: 'trust-fresh',
    });
  });
});
