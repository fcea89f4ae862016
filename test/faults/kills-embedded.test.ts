import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { KeyFile } from '@bulla/crypto';
import { openPglite } from '@bulla/service-kit';
import type { FakeOpenai } from '@bulla/testkit';
import { freePorts, isLongRun, randomFrom, seedOfRun } from '@bulla/testkit';
import { environment, prepareHome } from '../bulla-process.js';
import { haunt } from './kills-nemesis.js';
import type { Victim } from './kills-nemesis.js';
import { expectWork, paceOf, play, requireReady, startModel, WIDE_LIMITS } from './kills-round.js';
import type { Pace, Stack } from './kills-round.js';
import { logPlaceOf } from './log-verified.js';

const KILLS = isLongRun() ? 20 : 3;
const repository = resolve(import.meta.dirname, '../..');

let folder: string;
let model: FakeOpenai;
let stack: Stack;
/** Of the first start, which a busy machine makes long. */
let pace: Pace = { readyWithinMs: 120_000, mostMs: 0 };
const seed = seedOfRun();

describe('vault and responder in one process on PGlite, killed with -9 under eight writers (F01, F02)', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-kills-'));
    model = await startModel();
    stack = await startStack();
  }, 300_000);
  afterAll(async () => {
    await stack.stop();
    await model.stop();
    await rm(join(folder, 'home'), { recursive: true, force: true });
    // A round leaves its files for the person who looks for its fault.
    await rmdir(folder).catch(() => {});
  });

  it('lose nothing that was acknowledged, run nothing twice, and are back within half a minute', async () => {
    const round = await play(join(folder, 'round'), seed, stack, model);
    expect(round.kills).toBe(KILLS);
    expectWork(round);
  }, 600_000);
});

async function startStack(): Promise<Stack> {
  const [vaultPort = 0, responderPort = 0] = await freePorts(2);
  const home = join(folder, 'home');
  const urls = [vaultPort, responderPort].map((port) => `http://127.0.0.1:${port}`);
  const settings = {
    BULLA_HOME: home,
    BULLA_VAULT_PORT: String(vaultPort),
    BULLA_RESPONDER_PORT: String(responderPort),
    BULLA_METRICS_PORT: '0',
    BULLA_LOG_LEVEL: 'error',
    BULLA_LLM: `openai:${model.url}`,
    BULLA_LLM_MODEL: 'fake-model',
    ...WIDE_LIMITS,
  };
  const up = victim(await commandOfNpmStart(), settings, urls);
  await prepareHome(home);
  pace = await paceOf(() => {
    up.start();
    return up.ready();
  });
  const read = async (name: string) => JSON.parse(await readFile(join(home, name), 'utf8')) as unknown;
  const { pin } = (await read('profile.json')) as { pin: string };
  const keyFile = (await read('identity.json')) as KeyFile;
  const [vault = '', responder = ''] = urls;
  return {
    vaultUrl: vault,
    pin,
    keyFile,
    logs: {
      vault: await logPlaceOf(vault, pin, (await read('services/vault.keys.json')) as KeyFile, keyFile),
      responder: await logPlaceOf(responder, pin, (await read('services/responder.keys.json')) as KeyFile, keyFile),
    },
    haunt: (tell) => haunt(up, { kills: KILLS, mostMs: pace.mostMs, random: randomFrom(seed), model, tell }),
    async ageLeases() {
      await up.kill();
      // Nobody else may hold the folder meanwhile.
      const database = await openPglite(join(home, 'pglite'));
      await database.query(
        `update responder.invocation set heartbeat = heartbeat - interval '1 minute' where state in ('accepted', 'running')`,
      );
      await database.close();
      up.start();
      await up.ready();
    },
    async stop() {
      await up.kill();
    },
  };
}

/** What `npm start` runs once all is built: what it sets for the allocator and the threads is part of it. */
async function commandOfNpmStart(): Promise<string> {
  const manifest = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  const { start } = manifest.scripts;
  // Else the shell would be killed, and the service would live on.
  if (!start.includes('exec node scripts/start.mjs')) throw new Error(`another start than expected: ${start}`);
  return start;
}

function victim(command: string, settings: Readonly<Record<string, string>>, urls: readonly string[]): Victim {
  let child: ChildProcess | undefined;
  let ended: Promise<unknown>;
  let said: Buffer[] = [];
  let startedMs = 0;
  return {
    name: 'npm start',
    start() {
      said = [];
      startedMs = performance.now();
      const path = `${dirname(process.execPath)}:${process.env['PATH']}`;
      const starting = spawn('sh', ['-c', command], {
        cwd: repository,
        env: environment({ PATH: path, ...settings }),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      for (const stream of [starting.stdout, starting.stderr]) stream.on('data', (part: Buffer) => said.push(part));
      ended = once(starting, 'close');
      process.once('exit', () => starting.kill('SIGKILL'));
      child = starting;
    },
    async kill() {
      child?.kill('SIGKILL');
      await ended;
    },
    async ready() {
      const limits = {
        withinMs: pace.readyWithinMs,
        sinceMs: () => startedMs,
        said: () => Buffer.concat(said).toString(),
      };
      const readyMs = await Promise.all(urls.map((url) => requireReady(url, limits)));
      return Math.max(...readyMs);
    },
  };
}
