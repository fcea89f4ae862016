import { mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeOrganisation } from '@bulla/crypto/testing';
import type { FakeOpenai, TestDatabase } from '@bulla/testkit';
import { setUpMarkFolder } from '@bulla/service-kit/testing';
import { databaseForTest, freePorts, isLongRun, randomFrom, seedOfRun } from '@bulla/testkit';
import pg from 'pg';
import { haunt } from './kills-nemesis.js';
import type { Victim } from './kills-nemesis.js';
import { expectWork, paceOf, play, requireReady, startModel, WIDE_LIMITS } from './kills-round.js';
import type { Pace, Stack } from './kills-round.js';
import { logPlaceOf } from './log-verified.js';
import type { Spawned } from './service-process.js';
import { spawnService } from './service-process.js';
import { bring, vaultSettings } from './vault-world.js';

const KILLS_EACH = isLongRun() ? 10 : 2;
const KEYS = 'responder.keys.json';
const database: TestDatabase = await databaseForTest({ empty: true });
const withServer = database.url === undefined ? describe.skip : describe;

let folder: string;
let model: FakeOpenai;
let stack: Stack;
/** Of the first starts, which a busy machine makes long. */
let pace: Pace = { readyWithinMs: 120_000, mostMs: 0 };
const startedMs = { vault: 0, responder: 0 };
const seed = seedOfRun();

withServer('vault and responder on PostgreSQL, each killed with -9 under eight writers (F01, F02)', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-kills-'));
    model = await startModel();
    stack = await startStack(database.url ?? '');
  }, 300_000);
  afterAll(async () => {
    await stack.stop();
    await model.stop();
    await database.drop();
    await rm(join(folder, KEYS), { force: true });
    // A round leaves its files for the person who looks for its fault.
    await rmdir(folder).catch(() => {});
  });

  it('lose nothing that was acknowledged, run nothing twice, and are back within half a minute', async () => {
    const round = await play(join(folder, 'round'), seed, stack, model);
    expect(round.kills).toBe(2 * KILLS_EACH);
    expectWork(round);
  }, 600_000);
});

async function startStack(databaseUrl: string): Promise<Stack> {
  const [vaultPort = 0, responderPort = 0] = await freePorts(2);
  const urls = { vault: `http://127.0.0.1:${vaultPort}`, responder: `http://127.0.0.1:${responderPort}` };
  const organisation = await makeOrganisation();
  const [responder] = organisation.responders;
  await organisation.publish((draft) => {
    const entity = draft.entities[responder.urn];
    if (entity?.kind === 'responder') entity.url = urls.responder;
  });
  const prepared = await vaultSettings(organisation, databaseUrl);
  const keys = join(folder, KEYS);
  await writeFile(keys, JSON.stringify(responder.keyFile), { mode: 0o600 });
  setUpMarkFolder(`${keys}.audit-marks`, responder.keyFile);
  const vault = victim('vault', urls.vault, { ...prepared.settings, BULLA_VAULT_PORT: String(vaultPort) });
  const other = victim('responder', urls.responder, {
    BULLA_DATABASE_URL: databaseUrl,
    BULLA_KEYS_FILE: keys,
    BULLA_PIN: organisation.pin,
    BULLA_VAULT_URL: urls.vault,
    BULLA_RESPONDER_PORT: String(responderPort),
    BULLA_LLM: `openai:${model.url}`,
    BULLA_LLM_MODEL: 'fake-model',
  });
  vault.start();
  await vault.ready();
  await bring(urls.vault, organisation);
  other.start();
  await other.ready();
  // Both at once, as after a kill.
  await Promise.all([vault.kill(), other.kill()]);
  pace = await paceOf(async () => {
    vault.start();
    other.start();
    await Promise.all([vault.ready(), other.ready()]);
  });
  return {
    vaultUrl: urls.vault,
    pin: organisation.pin,
    keyFile: organisation.owner.keyFile,
    logs: {
      vault: await logPlaceOf(urls.vault, organisation.pin, organisation.vault.keyFile, organisation.owner.keyFile),
      responder: await logPlaceOf(urls.responder, organisation.pin, responder.keyFile, organisation.owner.keyFile),
    },
    async haunt(tell) {
      const haunting = { kills: KILLS_EACH, mostMs: pace.mostMs, tell };
      await Promise.all([
        haunt(vault, { ...haunting, random: randomFrom(seed) }),
        haunt(other, { ...haunting, random: randomFrom(seed + 1), model }),
      ]);
    },
    ageLeases: () => ageLeases(databaseUrl),
    async stop() {
      await vault.kill();
      await other.kill();
      await prepared.remove();
    },
  };
}

function victim(name: 'vault' | 'responder', url: string, settings: Readonly<Record<string, string>>): Victim {
  let running: Spawned | undefined;
  return {
    name,
    start() {
      startedMs[name] = performance.now();
      running = spawnService(name, { BULLA_LOG_LEVEL: 'error', ...WIDE_LIMITS, ...settings });
    },
    async kill() {
      running?.child.kill('SIGKILL');
      await running?.ended;
    },
    ready: () =>
      requireReady(url, {
        withinMs: pace.readyWithinMs,
        // A responder needs documents, so it has as long from the last start of the vault.
        sinceMs: () => (name === 'vault' ? startedMs.vault : Math.max(startedMs.vault, startedMs.responder)),
        said: () => running?.output() ?? '',
      }),
  };
}

async function ageLeases(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    `update responder.invocation set heartbeat = heartbeat - interval '1 minute' where state in ('accepted', 'running')`,
  );
  await client.end();
}
