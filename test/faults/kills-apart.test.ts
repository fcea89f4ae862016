import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeOrganisation } from '@bulla/crypto/testing';
import type { FakeOpenai, TestDatabase } from '@bulla/testkit';
import { databaseForTest } from '@bulla/testkit';
import pg from 'pg';
import { haunt, randomFrom, seedForTest } from './kills-nemesis.js';
import type { Victim } from './kills-nemesis.js';
import { freePorts, play, requireReady, startModel } from './kills-round.js';
import type { Stack } from './kills-round.js';
import type { Spawned } from './service-process.js';
import { spawnService } from './service-process.js';
import { bring, vaultSettings } from './vault-world.js';

const KILLS_EACH = 12;
const database: TestDatabase = await databaseForTest();
const withServer = database.url === undefined ? describe.skip : describe;

let folder: string;
let model: FakeOpenai;
let stack: Stack;
const seed = seedForTest('kills, services apart');

withServer('vault and responder on PostgreSQL, each killed with -9 under eight writers (F01, F02)', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-kills-'));
    model = await startModel();
    stack = await startStack(database.url ?? '');
  }, 120_000);
  afterAll(async () => {
    await stack.stop();
    await model.stop();
    await database.drop();
    await rm(join(folder, 'services'), { recursive: true, force: true });
  });

  it('lose nothing that was acknowledged, run nothing twice, and are back within half a minute', async () => {
    const { kills, lines, faults } = await play(join(folder, 'round'), stack, model);
    expect({ seed, folder, faults }).toEqual({ seed, folder, faults: [] });
    expect(kills).toHaveLength(2 * KILLS_EACH);
    const told = (op: string, code?: string) =>
      lines.filter((line) => line.op === op && (code === undefined || ('code' in line && line.code === code))).length;
    // Otherwise nothing was tried.
    expect(told('acknowledged')).toBeGreaterThan(50);
    expect(told('answered')).toBeGreaterThan(10);
    expect(told('refused', 'indeterminate')).toBeGreaterThan(0);
    process.stderr.write(`${told('acknowledged')} versions, ${told('answered')} answers, ${told('refused')} refusals\n`);
  }, 300_000);
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
  const { settings, remove } = await vaultSettings(organisation, databaseUrl);
  const keys = join(folder, 'responder.keys.json');
  await writeFile(keys, JSON.stringify(responder.keyFile), { mode: 0o600 });
  const vault = victim('vault', urls.vault, { ...settings, BULLA_VAULT_PORT: String(vaultPort) });
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
  await requireReady(urls.vault, () => '').catch(() => {});
  await bring(urls.vault, organisation);
  other.start();
  await Promise.all([vault.ready(), other.ready()]);
  return {
    vaultUrl: urls.vault,
    pin: organisation.pin,
    keyFile: organisation.owner.keyFile,
    async haunt() {
      const done = await Promise.all([
        haunt(vault, KILLS_EACH, randomFrom(seed)),
        haunt(other, KILLS_EACH, randomFrom(seed + 1), model),
      ]);
      return done.flat();
    },
    ageLeases: () => ageLeases(databaseUrl),
    async stop() {
      await vault.kill();
      await other.kill();
      await remove();
    },
  };
}

function victim(name: 'vault' | 'responder', url: string, settings: Readonly<Record<string, string>>): Victim {
  let running: Spawned | undefined;
  return {
    name,
    start() {
      running = spawnService(name, { BULLA_LOG_LEVEL: 'error', ...settings });
    },
    async kill() {
      running?.child.kill('SIGKILL');
      await running?.ended;
    },
    ready: () => requireReady(url, () => running?.output() ?? ''),
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
