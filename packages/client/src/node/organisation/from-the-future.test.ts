import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDirectory, parsePolicy, Trust } from '@bulla/crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { prepareDevelopment } from './development.js';
import { setFutureAside } from './from-the-future.js';
import { Home } from '../home/home.js';
import { FileTrustStore } from '../trust-store.js';

const NOW = 1_800_000_000;
const DAY = 86_400;
let folder: string;
let home: Home;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-future-'));
  home = new Home(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const prepare = (now: number) =>
  prepareDevelopment(home, {
    vaultUrl: 'http://127.0.0.1:4100',
    responderUrl: 'http://127.0.0.1:4200',
    now,
    suite: 'p256',
  });

describe('what was signed while the clock was ahead', () => {
  it.each([
    [31, ['directory.from-the-future.json']],
    [65, ['directory.from-the-future.json']],
    [400, ['directory.from-the-future.json', 'policy.from-the-future.json', 'root.2.from-the-future.json']],
  ])('by %s days, and never published, is put out of the way, and everything goes on', async (days, names) => {
    const before = await prepare(NOW);
    const ahead = await prepare(NOW + days * DAY);
    expect(ahead.documents.directory).not.toBe(before.documents.directory);
    // [red] With the clock right again nothing could be signed, nor anything else be done.
    await expect(prepare(NOW + 60)).rejects.toMatchObject({ code: 'clock_skew' });

    const lines = await setFutureAside(home, 'dev', NOW + 60);
    expect(lines.map((line) => line.split('org/dev/')[1])).toEqual(names);
    for (const line of lines) expect(line).toContain('while the clock of this machine was ahead');
    expect(await home.read('org/dev/directory.from-the-future.json')).toBe(ahead.documents.directory);
    const after = await prepare(NOW + 60);
    expect(after.documents.roots).toEqual(before.documents.roots);
    expect(after.documents.policy).toBe(before.documents.policy);
    // Keys that were made then are listed now.
    const { version, issued } = (await parseDirectory(after.documents.directory)).payload;
    expect(version).toBeLessThanOrEqual(2);
    expect(Date.parse(issued) / 1000).toBeLessThanOrEqual(NOW + 60);
    expect(await setFutureAside(home, 'dev', NOW + 60)).toEqual([]);
  });

  it('once more is kept beside what was put away before', async () => {
    await prepare(NOW);
    for (const days of [31, 65]) {
      await prepare(NOW + days * DAY);
      await setFutureAside(home, 'dev', NOW);
    }
    expect(await home.read('org/dev/directory.from-the-future.json')).toBeDefined();
    expect(await home.read('org/dev/directory.from-the-future-2.json')).toBeDefined();
  });

  it('stays where it was published, and says so [guard: published-ahead]', async () => {
    const { pin } = await prepare(NOW);
    const { documents } = await prepare(NOW + 400 * DAY);
    const trust = await Trust.establish(documents, { org: 'dev', pin, now: NOW + 400 * DAY, acceptStale: true });
    await new FileTrustStore(home).update('dev', pin, () => ({
      pin,
      documents: trust.documents,
      memory: trust.memory,
      fetchedAt: NOW,
      names: [],
    }));
    await expect(setFutureAside(home, 'dev', NOW)).rejects.toMatchObject({
      code: 'clock_skew',
      check: 'published-ahead',
      message: expect.stringMatching(
        /^directory version 2 was published for 2028-02-19T.*Z, and the clock .* 2027-01-15T/,
      ),
    });
    expect(await setFutureAside(home, 'dev', NOW + 400 * DAY - 60)).toEqual([]);
    expect((await parsePolicy((await home.read('org/dev/policy.json')) ?? '')).payload.version).toBe(2);
  });

  it('is all there is where the organisation was made so: it says to make it anew', async () => {
    await prepare(NOW + 31 * DAY);
    await expect(setFutureAside(home, 'dev', NOW)).rejects.toThrow('make it anew');
    expect(await home.read('org/dev/directory.json')).toBeDefined();
    expect(await setFutureAside(home, 'dev', NOW + 31 * DAY - 60)).toEqual([]);
  });
});

describe('what was signed too long ago', () => {
  const publish = async ({ documents, pin }: Awaited<ReturnType<typeof prepare>>, now: number) => {
    const trust = await Trust.establish(documents, { org: 'dev', pin, now, acceptStale: true });
    const state = { pin, documents: trust.documents, memory: trust.memory, fetchedAt: now, names: [] };
    await new FileTrustStore(home).update('dev', pin, () => state);
  };

  it('and was never published is put out of the way, and signed anew', async () => {
    await publish(await prepare(NOW), NOW);
    const late = await prepare(NOW + 31 * DAY);
    expect(await setFutureAside(home, 'dev', NOW + 32 * DAY)).toEqual([]);
    const [line = '', ...others] = await setFutureAside(home, 'dev', NOW + 32 * DAY + 1);
    expect([line.includes('too long ago'), others]).toEqual([true, []]);
    expect(await home.read('org/dev/directory.too-late.json')).toBe(late.documents.directory);
    const again = await prepare(NOW + 32 * DAY + 1);
    expect((await parseDirectory(again.documents.directory)).payload.version).toBe(2);
  });

  it('goes with its root, which is taken for a quarter of an hour', async () => {
    await publish(await prepare(NOW), NOW);
    await prepare(NOW + 250 * DAY);
    expect(await setFutureAside(home, 'dev', NOW + 250 * DAY + 900)).toEqual([]);
    const lines = await setFutureAside(home, 'dev', NOW + 250 * DAY + 901);
    expect(lines.map((line) => line.split('org/dev/')[1])).toEqual([
      'directory.too-late.json',
      'policy.too-late.json',
      'root.2.too-late.json',
    ]);
    const { documents } = await prepare(NOW + 250 * DAY + 901);
    const { payload } = await parseDirectory(documents.directory);
    expect([documents.roots.length, payload.version, payload.root_version]).toEqual([2, 2, 2]);
    expect((await parsePolicy(documents.policy)).payload.root_version).toBe(2);
  });

  it('stays where it was published [guard: home-late-published]', async () => {
    await publish(await prepare(NOW), NOW);
    await publish(await prepare(NOW + 31 * DAY), NOW + 31 * DAY);
    await expect(setFutureAside(home, 'dev', NOW + 40 * DAY)).resolves.toEqual([]);
  });

  it('stays where no vault has the organisation yet: its first documents are taken whenever', async () => {
    await prepare(NOW);
    expect(await setFutureAside(home, 'dev', NOW + 40 * DAY)).toEqual([]);
  });
});
