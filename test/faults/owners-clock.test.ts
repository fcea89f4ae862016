import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Home, prepareDevelopment, renewOrganisation } from '@bulla/client/node';
import { databaseForTest, folderForTest, freePorts, isLongRun } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { bulla } from '../bulla-command.js';
import type { Ended } from '../bulla-process.js';
import { bulla as bullaByThatClock, portSettings, prepareHome, startBulla } from '../bulla-process.js';
import type { ServiceProcess } from './service-process.js';
import { startService } from './service-process.js';
import { findFaketime, ShiftedClock } from './shifted-clock.js';

// [red] The clock of an owner's machine was wrong once: what `trust renew` signed then stood in the home, from a day to
// come, and with the clock right again every command of the owner failed.

const library = findFaketime();
const database = await databaseForTest();
const withClock = library === undefined || database.url === undefined ? describe.skip : describe;
const DAY = 86_400;
/** Days by which the clock is ahead. */
const AHEAD = isLongRun() ? [5, 31, 65, 400] : [31, 400];

withClock('an owner whose clock was wrong', () => {
  let folder: string;
  let home: string;
  let clock: ShiftedClock;
  let settings: Record<string, string>;
  let vault: ServiceProcess;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-owners-clock-'));
    home = join(folder, 'home');
    clock = new ShiftedClock(library ?? '', folder);
    settings = { BULLA_HOME: home, ...clock.environment };
    const [vaultPort = 0, responderPort = 0] = await freePorts(2);
    const urls = [
      '--vault-url',
      `http://127.0.0.1:${vaultPort}`,
      '--responder-url',
      `http://127.0.0.1:${responderPort}`,
    ];
    ok(await bulla(['init', '--production', '--org', 'acme', '--suite', 'p256', ...urls], settings));
    vault = await startService('vault', {
      BULLA_DATABASE_URL: database.url ?? '',
      BULLA_KEYS_FILE: join(home, 'services/vault.keys.json'),
      BULLA_AUDIT_MARKS: join(home, 'audit/vault'),
      BULLA_BOOTSTRAP_SECRET_FILE: join(home, 'bootstrap.secret'),
      BULLA_VAULT_PORT: String(vaultPort),
    });
    ok(await bulla(['trust', 'renew'], settings));
  }, 300_000);
  afterAll(async () => {
    await vault.stop();
    await rm(folder, { recursive: true });
    await database.drop();
  });

  const ok = (ended: Ended): Ended => {
    expect({ status: ended.status, stderr: ended.status === 0 ? '' : ended.stderr }).toEqual({ status: 0, stderr: '' });
    return ended;
  };
  /** All that is signed here, and the keys. */
  const kept = async () => {
    // The services keep the marks of their audit logs in folders beside their keys.
    const names = ['org/acme', 'services'].map(async (part) =>
      (await readdir(join(home, part), { withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map(({ name }) => join(part, name))
        .toSorted(),
    );
    const files = ['identity.json', ...(await Promise.all(names)).flat()];
    return Promise.all(files.map(async (name) => [name, await readFile(join(home, name), 'utf8')]));
  };

  it.each(AHEAD)(
    'by %s days is told so before anything is signed, and goes on with the clock right again',
    async (days) => {
      const before = await kept();
      const shown = ok(await bulla(['policy', 'show'], settings)).stdout;
      await writeFile(join(folder, 'policy.json'), shown.replace('"max_skew": 60', '"max_skew": 59'));
      clock.shift(`+${days}d`);
      const refused = [
        await bullaByThatClock(['trust', 'renew'], settings),
        await bullaByThatClock(['policy', 'set', join(folder, 'policy.json')], settings),
      ];
      clock.shift('+0');
      for (const { status, stderr } of refused)
        expect({ status, stderr }).toEqual({
          status: 4,
          stderr: expect.stringMatching(/ days ahead of the vault's: nothing was signed \(clock_skew\)/),
        });
      expect(await kept()).toEqual(before);
      ok(await bulla(['trust', 'renew'], settings));
    },
    300_000,
  );

  it.each(AHEAD.filter((days) => days > 28))(
    'by %s days, as an earlier command signed it, finds it put out of the way, and goes on',
    async (days) => {
      const ahead = await renewOrganisation(new Home(home), Math.floor(Date.now() / 1000) + days * DAY);
      expect(ahead?.changes).not.toEqual([]);
      const renewed = ok(await bulla(['trust', 'renew'], settings));
      expect(renewed.stderr).toMatch(
        /note: directory version \d+ was signed for .* kept as org\/acme\/directory\.from-the-future/,
      );
      ok(await bulla(['trust', 'show'], settings));
      ok(await bulla(['trust', 'renew'], settings));
    },
    300_000,
  );
});

// The vault of `bulla up` goes by the same clock, so nothing says that it is wrong: what is signed then is published.
const UP_AHEAD = isLongRun() ? [31, 65, 400] : [31];
(library === undefined ? describe.skip : describe)('`bulla up` whose clock was wrong', () => {
  let folder: string;
  let home: string;
  let clock: ShiftedClock;
  let settings: Record<string, string>;
  /** A home that `bulla up` has once published: each test has a copy of it. */
  let published: string;
  beforeAll(async () => {
    folder = folderForTest('owners-clock');
    published = join(folder, 'published');
    clock = new ShiftedClock(library ?? '', folder);
    const ports = await portSettings();
    settings = { BULLA_HOME: published, ...ports, ...clock.environment };
    const [vaultUrl, responderUrl] = [ports.BULLA_VAULT_PORT, ports.BULLA_RESPONDER_PORT].map(
      (port) => `http://127.0.0.1:${port}`,
    ) as [string, string];
    // The first start is the subject of others: database and keys are made in a quicker way.
    await prepareHome(published);
    await prepareDevelopment(new Home(published), {
      vaultUrl,
      responderUrl,
      now: Math.floor(Date.now() / 1000),
      suite: 'p256',
    });
    await runUp();
  }, 60_000);
  beforeEach(async () => {
    clock.shift('+0');
    home = await mkdtemp(join(folder, 'home-'));
    await cp(published, home, { recursive: true });
    settings = { ...settings, BULLA_HOME: home };
  });
  afterEach(() => rm(home, { recursive: true }));
  afterAll(() => rm(folder, { recursive: true }));

  async function runUp() {
    const running = await startBulla(settings);
    return running.stop();
  }

  it('by days in which nothing was due goes on with the clock right again', async () => {
    clock.shift('+5d');
    await runUp();
    clock.shift('+0');
    expect(await runUp()).toMatchObject({ status: 0 });
  }, 120_000);

  it.each(UP_AHEAD)(
    'by %s days says which document stands until its day, and what to do',
    async (days) => {
      clock.shift(`+${days}d`);
      expect((await runUp()).stderr).toMatch(/directory version 2 signed/);
      clock.shift('+0');
      await expect(runUp()).rejects.toThrow(
        /directory version 2 was published for .*, and the clock of this machine says .* \(clock_skew, check published-ahead\)\n.*begin anew in another folder/,
      );
      clock.shift(`+${days}d`);
      expect(await runUp()).toMatchObject({ status: 0 });
    },
    120_000,
  );

  it.each(UP_AHEAD)(
    'by %s days, and did not get as far as its vault, goes on',
    async (days) => {
      const urls = { vaultUrl: 'http://127.0.0.1:4100', responderUrl: 'http://127.0.0.1:4200' };
      await prepareDevelopment(new Home(home), { ...urls, now: Math.floor(Date.now() / 1000) + days * DAY });
      const { status, stderr } = await runUp();
      expect(status).toBe(0);
      expect(stderr).toMatch(
        /directory version 2 was signed for .* kept as org\/dev\/directory\.from-the-future\.json/,
      );
    },
    120_000,
  );
});
