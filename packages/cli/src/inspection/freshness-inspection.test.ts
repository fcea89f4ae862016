import type { Bulla } from '@bulla/client';
import { makeOrganisation } from '@bulla/crypto/testing';
import { committedKeyPair } from '@bulla/testkit';
import { describe, expect, it } from '@jest/globals';
import { inspectFreshness } from './freshness-inspection.js';

const NOW = 1_800_000_000;
const DAY = 86_400;
const keys = { now: NOW, suite: 'p256', readyKeyPair: committedKeyPair } as const;

/** What is found days after a directory was issued, where some of its renewers spoke so many hours ago. */
async function found(days: number, hoursAgo: readonly (number | undefined)[]) {
  const organisation = await makeOrganisation({ ...keys, renewers: hoursAgo.length });
  const now = NOW + days * DAY;
  const words: string[] = [];
  for (const [index, hours] of hoursAgo.entries())
    if (hours !== undefined)
      words.push(await organisation.freshDirectory(now - hours * 3600, organisation.renewers[index]));
  const trust = await organisation.trust.withFreshness(words, now);
  const findings = await inspectFreshness({ trust: () => Promise.resolve(trust) } as unknown as Bulla, now);
  return { findings, names: organisation.renewers.map(({ urn }) => urn.split(':').slice(3).join(' ')) };
}

describe('the freshness of a directory', () => {
  it('is said with its end and with who says so', async () => {
    const { findings, names } = await found(10, [0, 2]);
    expect(findings).toMatchObject([
      {
        name: 'freshness',
        ok: true,
        data: {
          until: '2027-02-01T08:00:00Z',
          renewers: [{ spoke_at: expect.stringMatching(/Z$/) }, { spoke_at: expect.stringMatching(/Z$/) }],
        },
        detail: `until 2027-02-01T08:00:00Z, by ${names[0]} within the hour, ${names[1]} 2 h ago`,
      },
    ]);
  });

  it('names a renewer that has been quiet for a day, and what that may mean', async () => {
    const { findings, names } = await found(10, [1, 25]);
    expect(findings).toMatchObject([{ ok: true }, { name: 'renewer', ok: false }]);
    expect(findings[1]?.detail).toMatch(
      new RegExp(`^${names[1]} has not called directory 1 the newest for a day: .*held back`),
    );
    const silent = await found(2, [undefined]);
    expect(silent.findings).toMatchObject([{ detail: expect.stringContaining('by its signers') }, { ok: false }]);
  });

  it('leaves renewers a day for a new directory', async () => {
    expect((await found(1, [undefined])).findings).toHaveLength(1);
  });

  it('is a fault where nobody is there to say it', async () => {
    const { findings } = await found(1, []);
    expect(findings).toMatchObject([
      {
        ok: false,
        detail: expect.stringContaining('lists no renewer'),
        fix: expect.stringContaining('--role renewer'),
      },
    ]);
  });
});
