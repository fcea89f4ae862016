import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Bulla, BullaError, identityOf } from '@bulla/client';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { setUpMarkFolder } from '@bulla/service-kit/testing';
import type { FakeOpenai, TestDatabase } from '@bulla/testkit';
import {
  committedKeyPair,
  databaseForTest,
  freePorts,
  isLongRun,
  randomFrom,
  seedOfRun,
  startFakeOpenai,
} from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from './fault-watch.js';
import { requireReady } from './kills-round.js';
import { ModelProcess } from './model-process.js';
import { type Spawned, spawnService } from './service-process.js';
import { bring, vaultSettings } from './vault-world.js';

// Chats, while the model server, the responder or the vault is killed with -9: an answer is whole or none, and no question
// is asked of the model twice or counted twice.

const KILLS = isLongRun() ? 20 : 3;
const WORDS = Array.from({ length: 30 }, (_, number) => `word${number} `);
const WHOLE = WORDS.join('');
/** How long the model speaks, and a little more: a kill falls before, during or after it. */
const MOMENTS_MS = 1_200;
const database: TestDatabase = await databaseForTest({ empty: true });
const withServer = database.url === undefined ? describe.skip : describe;
type Name = 'vault' | 'responder';

let folder: string;
let model: FakeOpenai;
let organisation: TestOrganisation;
let urls: Record<Name, string>;
let settings: Record<Name, Readonly<Record<string, string>>>;
let removeSettings: () => Promise<void>;
let bulla: Bulla;
const running: Partial<Record<Name, Spawned>> = {};

withServer('chats, while a service is killed', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-chats-killed-'));
    model = await startFakeOpenai({ replies: { tokens: WORDS, delayBetweenTokensMs: 30 } });
    const [vaultPort = 0, responderPort = 0] = await freePorts(2);
    urls = { vault: `http://127.0.0.1:${vaultPort}`, responder: `http://127.0.0.1:${responderPort}` };
    organisation = await makeOrganisation({ readyKeyPair: committedKeyPair, policy: { chat: ['grp:authors'] } });
    const [responder] = organisation.responders;
    await organisation.publish((draft) => {
      const entity = draft.entities[responder.urn];
      if (entity?.kind === 'responder') entity.url = urls.responder;
    });
    const prepared = await vaultSettings(organisation, database.url ?? '');
    removeSettings = () => prepared.remove();
    const keys = join(folder, 'responder.keys.json');
    await writeFile(keys, JSON.stringify(responder.keyFile), { mode: 0o600 });
    setUpMarkFolder(`${keys}.audit-marks`, responder.keyFile);
    settings = {
      vault: { ...prepared.settings, BULLA_VAULT_PORT: String(vaultPort) },
      responder: {
        BULLA_DATABASE_URL: database.url ?? '',
        BULLA_KEYS_FILE: keys,
        BULLA_PIN: organisation.pin,
        BULLA_VAULT_URL: urls.vault,
        BULLA_RESPONDER_PORT: String(responderPort),
        BULLA_LLM: `openai:${model.url}`,
        BULLA_LLM_MODEL: 'm',
      },
    };
    await start('vault');
    await bring(urls.vault, organisation);
    await start('responder');
    const identity = await identityOf(organisation.owner.keyFile);
    bulla = await Bulla.connect({ url: urls.vault, identity, pin: organisation.pin });
  }, 300_000);
  afterAll(async () => {
    await bulla.close();
    await Promise.all([kill('vault'), kill('responder')]);
    await model.stop();
    await removeSettings();
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });

  // First, so that nobody's runs are counted beside these.
  it('model server: no half of an answer is one, and every question runs once', async () => {
    const [port = 0] = await freePorts(1);
    const script = join(folder, 'model.json');
    await writeFile(script, JSON.stringify({ replies: { tokens: WORDS, delayBetweenTokensMs: 30 } }));
    const mortal = new ModelProcess(port, script);
    await mortal.start();
    const { responder } = settings;
    try {
      await askOf(mortal.url);
      const asked = await survive(mortal);
      await until('every question to be counted', async () => (await runsCounted()) >= asked);
      expect(await runsCounted()).toBe(asked);
    } finally {
      settings.responder = responder;
      await mortal.kill();
    }
    await askOf(model.url);
  }, 600_000);

  it.each<Name>(['responder', 'vault'])(
    '%s: no half of an answer is one, and no question is asked twice',
    async (name) => {
      await survive({ kill: () => kill(name), start: () => start(name) });
      const ids = new Set(model.requests.map(({ requestId }) => requestId));
      expect(ids.size).toBeGreaterThan(KILLS);
      const twice = [...ids].filter((id) => id.startsWith('inv_') && model.completionsOf(id).started !== 1);
      expect(twice).toEqual([]);
    },
    600_000,
  );
});

/**
 * Kills and starts something while four ask, again and again.
 * @returns how many questions were asked
 */
async function survive(mortal: { kill(): Promise<void>; start(): Promise<void> }): Promise<number> {
  const random = randomFrom(seedOfRun());
  const outcomes: string[] = [];
  let after = 0;
  for (let kills = 0; kills < KILLS; kills++) {
    const atMs = Math.floor(random() * MOMENTS_MS);
    const asked = Promise.all([ask(), ask(), ask(), ask()]);
    await pause(atMs);
    await mortal.kill();
    await mortal.start();
    for (const { text, isAnswer } of await asked) outcomes.push(isAnswer ? text : 'error');
    // And it goes on as if nothing had been.
    await until('an answer', async () => {
      after++;
      return (await ask()).isAnswer;
    });
  }
  expect(outcomes).toHaveLength(4 * KILLS);
  expect(outcomes.filter((outcome) => outcome !== WHOLE && outcome !== 'error')).toEqual([]);
  return outcomes.length + after;
}

/** Starts the responder anew, with another model server. */
async function askOf(modelUrl: string): Promise<void> {
  await kill('responder');
  settings.responder = { ...settings.responder, BULLA_LLM: `openai:${modelUrl}` };
  await start('responder');
}

/** How many runs the vault was told of. */
async function runsCounted(): Promise<number> {
  return (await bulla.usage.read()).total.runs;
}

/** Asks, and says what came: text, and whether it is an answer. Anything but an error of the SDK fails the test. */
async function ask(): Promise<{ text: string; isAnswer: boolean }> {
  let text = '';
  try {
    const request = { messages: [{ role: 'user' as const, content: 'Speak.' }] };
    for await (const event of bulla.chat.completions.stream(request, { timeoutMs: 20_000 })) {
      if (event.answer !== undefined) return { text: event.answer.text, isAnswer: true };
      text += event.text;
    }
    throw new Error('a stream without an end and without an error');
  } catch (error) {
    if (error instanceof BullaError) return { text, isAnswer: false };
    throw error;
  }
}

async function start(name: Name): Promise<void> {
  const startedMs = performance.now();
  const service = spawnService(name, { BULLA_LOG_LEVEL: 'error', ...settings[name] });
  running[name] = service;
  await requireReady(urls[name], { withinMs: 120_000, sinceMs: () => startedMs, said: service.output });
}

async function kill(name: Name): Promise<void> {
  running[name]?.child.kill('SIGKILL');
  await running[name]?.ended;
}
