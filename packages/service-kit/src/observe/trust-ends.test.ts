import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Trust } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { committedKeyPair } from '@bulla/testkit';
import { EventLog } from './event-log.js';
import { Metrics } from './metrics.js';
import { TestClock } from '../testing/clock.js';
import { TrustEnds } from './trust-ends.js';
import { TrustSource } from '../authentication/trust-source.js';

const DAY_SECONDS = 86_400;

class Held extends TrustSource {
  trusts: Trust[] = [];
  override held = () => this.trusts;
  override trustOf = () => Promise.resolve(this.trusts[0]);
  override refresh = () => Promise.resolve();
}

let acme: TestOrganisation;
let hasty: TestOrganisation;
beforeAll(async () => {
  acme = await makeOrganisation({ renewers: 1, readyKeyPair: committedKeyPair });
  const { now } = acme;
  hasty = await makeOrganisation({ org: 'hasty', now, policy: { fresh_days: 1 }, readyKeyPair: committedKeyPair });
});

/** A process that holds these, with what it writes and measures. */
function watching(...trusts: Trust[]) {
  const clock = new TestClock(acme.now * 1000);
  const lines: Record<string, unknown>[] = [];
  const stream = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  const log = new EventLog({ service: 'tiny', stream });
  const poolState = () => ({ total: 0, idle: 0, waiting: 0 });
  const metrics = new Metrics({ service: 'tiny', version: '1.2.3', poolState });
  const source = Object.assign(new Held(), { trusts });
  const ends = new TrustEnds(source, { clock, log, metrics });
  const states = async () => {
    const text = await metrics.registry.metrics();
    return ['fresh', 'ending', 'ended'].map((state) =>
      Number(new RegExp(`^bulla_trusted_organisations\\{state="${state}"[^}]*\\} ([0-9]+)$`, 'm').exec(text)?.[1]),
    );
  };
  return { clock, lines, source, states, look: () => ends.look() };
}

describe('what a process trusts', () => {
  it('is said to end a day before, and to have ended, once each', async () => {
    const { clock, lines, states, look } = watching(acme.trust);
    const until = acme.trust.freshness.until;
    const line = (level: string, event: string) => ({ level, event, org: 'acme', directoryVersion: 1, until });
    clock.advance(6 * DAY_SECONDS - 1);
    look();
    expect([lines, await states()]).toEqual([[], [1, 0, 0]]);
    clock.advance(1);
    look();
    look();
    expect([lines, await states()]).toMatchObject([[line('warn', 'trust-ending')], [0, 1, 0]]);
    expect(lines).toHaveLength(1);
    clock.advance(DAY_SECONDS);
    look();
    look();
    expect([lines.slice(1), await states()]).toMatchObject([[line('error', 'trust-ended')], [0, 0, 1]]);
    expect(lines).toHaveLength(2);
  });

  it('goes on by the word of a renewer, and ends with the directory all the same', async () => {
    const { clock, lines, source, states, look } = watching(acme.trust);
    clock.advance(7 * DAY_SECONDS);
    look();
    source.trusts = [await acme.trust.withFreshness([await acme.freshDirectory(clock.now())], clock.now())];
    look();
    expect([lines.length, await states()]).toEqual([1, [1, 0, 0]]);
    const left = acme.trust.expiresAt - clock.now();
    clock.advance(left - DAY_SECONDS);
    source.trusts = [await acme.trust.withFreshness([await acme.freshDirectory(clock.now())], clock.now())];
    look();
    expect(lines.slice(1)).toMatchObject([{ event: 'trust-ending', until: acme.trust.expiresAt }]);
  });

  it('is not called ending where renewers speak for a day: half a day before it is', async () => {
    const { clock, lines, states, look } = watching(hasty.trust, acme.trust);
    look();
    expect([lines, await states()]).toEqual([[], [2, 0, 0]]);
    clock.advance(DAY_SECONDS / 2);
    look();
    expect(lines).toMatchObject([{ event: 'trust-ending', org: 'hasty' }]);
    expect(await states()).toEqual([1, 1, 0]);
  });
});
