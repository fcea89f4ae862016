import { beforeAll, describe, expect, it } from '@jest/globals';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import type { EstablishOptions } from './trust.js';
import { Trust } from './trust.js';

const NOW = 1_800_000_000;

let acme: TestOrganisation;
let trust: Trust;

beforeAll(async () => {
  acme = await makeOrganisation({ now: NOW });
  trust = acme.trust;
});

describe('establishing trust', () => {
  const establish = (options: Partial<EstablishOptions>) =>
    Trust.establish(trust.documents, { org: 'acme', pin: acme.pin, now: NOW, ...options });

  it('takes documents until the second in which one of them expires', async () => {
    const { expiresAt } = trust;
    await expect(establish({ now: expiresAt - 1, acceptStale: true })).resolves.toMatchObject({ expiresAt });
    const expired = { code: 'trust_expired', check: 'trust-fresh' };
    await expect(establish({ now: expiresAt })).rejects.toMatchObject(expired);
    expect(() => trust.requireFresh(expiresAt)).toThrow(expect.objectContaining(expired));
    await expect(establish({ now: expiresAt, acceptExpired: false })).rejects.toMatchObject(expired);
    await expect(establish({ now: expiresAt, acceptExpired: true })).resolves.toMatchObject({ expiresAt });
  });

  it('takes a directory that is not fresh only where that is asked for', async () => {
    const { until } = trust.freshness;
    const stale = { code: 'trust_expired', check: 'directory-fresh' };
    await expect(establish({ now: until - 1 })).resolves.toBeInstanceOf(Trust);
    await expect(establish({ now: until })).rejects.toMatchObject(stale);
    await expect(establish({ now: until, acceptStale: false })).rejects.toMatchObject(stale);
    await expect(establish({ now: until, acceptStale: true })).resolves.toBeInstanceOf(Trust);
    await expect(establish({ now: until, acceptExpired: true })).resolves.toBeInstanceOf(Trust);
  });

  it('goes on from what was trusted before, or what was kept of it', async () => {
    const { memory } = trust;
    const newer = { ...memory, directory: { ...memory.directory, version: trust.directory.version + 1 } };
    await expect(establish({ previous: trust })).resolves.toMatchObject({ memory });
    await expect(establish({ previous: newer })).rejects.toMatchObject({ check: 'directory-rollback' });
  });
});
