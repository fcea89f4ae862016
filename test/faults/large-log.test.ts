import { setTimeout as pause } from 'node:timers/promises';
import { makeOrganisation } from '@bulla/crypto/testing';
import { databaseForTest, folderForTest, isLongRun } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FedLog, peakOf, readLogs } from './large-log.js';
import type { VaultWorld } from './vault-world.js';
import { startVaultWorld } from './vault-world.js';

// A log of a million entries, five thousand in a short run, which grows while it is exported.

const ENTRIES = isLongRun() ? 1_000_000 : 5_000;
/** What is decided meanwhile, once for so many entries that the export has copied. */
const MORE = Math.ceil(ENTRIES / 100);
/** In a short run the beginning is most of it. */
const PER_SECOND_MIN = isLongRun() ? 2_000 : 100;
const MEGABYTES_MAX = 400;
const database = await databaseForTest();
const url = database.url ?? '';
const withServer = url === '' ? describe.skip : describe;

withServer('an audit log that is large', () => {
  let world: VaultWorld;
  let log: FedLog;
  const folder = folderForTest('large-log');
  const figures: Record<string, number> = { entries: ENTRIES };
  const took = async <Value>(name: string, work: Promise<Value>): Promise<Value> => {
    const began = performance.now();
    const value = await work;
    figures[`${name} s`] = Math.round((performance.now() - began) / 100) / 10;
    return value;
  };
  beforeAll(async () => {
    const organisation = await makeOrganisation();
    // What is exported is the log of the vault alone: the others of this organisation are nowhere.
    await organisation.publish((draft) => {
      for (const { urn } of organisation.responders) delete draft.entities[urn];
    });
    world = await startVaultWorld(url, {}, organisation);
    log = await FedLog.begin(world, url);
  }, 300_000);
  afterAll(async () => {
    process.stderr.write(`large log: ${JSON.stringify(figures)}\n`);
    await log.end();
    await world.stop();
    await database.drop();
  });

  it('is written faster than anybody decides', async () => {
    const before = await log.signed();
    const began = performance.now();
    await log.feed(ENTRIES);
    await log.untilSigned(before + ENTRIES);
    const perSecond = Math.round((ENTRIES / (performance.now() - began)) * 1000);
    figures['written per second'] = perSecond;
    expect(perSecond).toBeGreaterThan(PER_SECOND_MIN);
  }, 1_800_000);

  it('is exported up to the head with which that began while it grows, in little memory', async () => {
    const before = await log.signed();
    const exporting = took('export', readLogs('export', world, folder));
    const over = new AbortController();
    const growing = (async () => {
      for (; !over.signal.aborted; await pause(200)) await log.feed(MORE);
    })();
    const { sizes, megabytes } = await exporting.finally(() => over.abort());
    await growing;
    const [size = 0] = sizes;
    await log.untilSigned(before + MORE);
    const now = await log.signed();
    Object.assign(figures, { exported: size, 'signed by then': now, 'MiB of export': megabytes });
    expect(size).toBeGreaterThanOrEqual(before);
    // It grew meanwhile, or nothing was tried.
    expect(now).toBeGreaterThan(size);
    expect(megabytes).toBeLessThan(MEGABYTES_MAX);
  }, 3_600_000);

  it('verifies offline as it was exported', async () => {
    const { valid, sizes, failures, megabytes } = await took('verify', readLogs('verify', world, folder));
    Object.assign(figures, { 'MiB of verify': megabytes });
    expect({ valid, sizes, failures }).toEqual({ valid: true, sizes: [figures['exported']], failures: [null] });
    expect(megabytes).toBeLessThan(MEGABYTES_MAX);
  }, 3_600_000);

  it('is exported further from where that ended, and only what is new', async () => {
    const { sizes, megabytes } = await took('second export', readLogs('export', world, folder));
    expect(sizes[0]).toBeGreaterThan(figures['exported'] ?? 0);
    expect(megabytes).toBeLessThan(MEGABYTES_MAX);
    expect(await readLogs('verify', world, folder)).toMatchObject({ valid: true, sizes });
  }, 3_600_000);

  it('leaves the vault with little memory', () => {
    figures['MiB of vault'] = peakOf(world.vault.child.pid);
    expect(figures['MiB of vault']).toBeLessThan(512);
  });
});
