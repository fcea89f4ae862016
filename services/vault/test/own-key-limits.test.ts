import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Metrics } from '@bulla/service-kit';
import type { Service } from '@bulla/service-kit';
import { SignedClient } from '@bulla/service-kit/testing';
import { bodyOf, must } from './authoring.js';
import type { Newcomer } from './enrolling.js';
import { ENROLMENTS, invite, newcomerWith, pendingNewcomer } from './enrolling.js';
import type { TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

let vault: TestVault;
let slow: Service;
beforeAll(async () => {
  vault = await startVault();
  slow = await vault.startReplica({ rates: { keyPerSecond: 1, organisationPerSecond: 2, failuresPerSecond: 2 } });
});
afterAll(() => vault.stop());

const atSlow = ({ asker }: Newcomer) => new SignedClient(slow, asker, { now: () => vault.clock.now() });
const times = async <Value>(count: number, work: () => Promise<Value>): Promise<Value[]> => {
  const values: Value[] = [];
  while (values.length < count) values.push(await work());
  return values;
};
const slowedAddresses = async (): Promise<number> => {
  const { registry } = slow.app.get(Metrics, { strict: false });
  const line = /bulla_ratelimit_rejections_total\{[^}]*kind="failures"[^}]*\} (\d+)/;
  return Number(line.exec(await registry.metrics())?.[1] ?? 0);
};

describe('a key that no directory lists', () => {
  it('has the bucket of its key once its request is known, and its answers are unsigned', async () => {
    const [newcomer, another] = [await pendingNewcomer(vault), await pendingNewcomer(vault)];
    const ask = (one: Newcomer) => atSlow(one).get(`${ENROLMENTS}/${one.id}`);
    const answers = await times(7, () => ask(newcomer));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200, 429]);
    expect(answers.at(-1)?.headers['signature']).toBeUndefined();
    must(200, await ask(another));
    vault.clock.advance(6);
    must(200, await ask(newcomer));
  });

  it("counts as a failing signature until then: its address is slowed, and it empties nobody's bucket", async () => {
    vault.clock.advance(60);
    const newcomer = await newcomerWith(await invite(vault), vault.acme);
    const before = await slowedAddresses();
    const guess = () => atSlow(newcomer).post(ENROLMENTS, { ...newcomer.body, ticket: 'A'.repeat(43) });
    // More than the buckets of key and organisation hold.
    const answers = await times(14, guess);
    expect(answers.map((answer) => bodyOf(answer)['code'])).toEqual(Array.from({ length: 14 }, () => 'not_found'));
    expect(await slowedAddresses()).toBe(before + 1);
    must(200, await new SignedClient(slow, vault.acme.owner, { now: () => vault.clock.now() }).get(ENROLMENTS));
    must(201, await atSlow(newcomer).post(ENROLMENTS, newcomer.body));
  });
});
