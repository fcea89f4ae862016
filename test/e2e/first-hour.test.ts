import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { databaseForTest, type FakeOpenai, startFakeOpenai } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { bulla as bullaHere, type RunningCommand, startUp } from '../bulla-command.js';
import { bulla, type Ended, environment, prepareHome, startBulla } from '../bulla-process.js';

const repository = resolve(import.meta.dirname, '../..');
const TOKENS = ['Priority: ', 'high. ', 'Water ', 'still ', 'flows.'];

const database = await databaseForTest({ empty: true });
const withServer = database.url === undefined ? describe.skip : describe;

let folder: string;
let model: FakeOpenai;
beforeAll(async () => {
  model = await startFakeOpenai({ replies: { tokens: TOKENS } });
});
afterAll(async () => {
  await model.stop();
  await database.drop();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-e2e-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

type Settings = Readonly<Record<string, string>>;
/** How commands are run and services started. */
interface Way {
  readonly bulla: typeof bulla;
  readonly up: (settings: Settings) => Promise<RunningCommand>;
}
const PROCESSES: Way = { bulla, up: startBulla };
const HERE: Way = { bulla: bullaHere, up: startUp };

/** The commands of the README, in a folder with its two files. */
async function readme(way: Way, settings: Settings): Promise<Record<string, Ended>> {
  const [triage, claim, answer] = ['triage.md', 'claim.txt', 'answer.json'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(triage, 'Sort this claim by urgency and say why.\n\n{{claim}}\n');
  await writeFile(claim, 'Water is flowing through the ceiling. It is urgent.\n');
  const demo = await way.bulla(['demo'], settings);
  const push = await way.bulla(
    ['prompt', 'push', 'claims/triage', '-f', triage, '--label', 'production', '-m', 'first'],
    settings,
  );
  const whole = await way.bulla(['run', 'claims/triage', '--var', `claim=@${claim}`], settings);
  const stream = await way.bulla(['run', 'claims/triage', '--var', `claim=@${claim}`, '--stream'], settings);
  const json = await way.bulla(['run', 'claims/triage', '--var', `claim=@${claim}`, '--json'], settings);
  await writeFile(answer, json.stdout);
  return {
    demo,
    push,
    whole,
    stream,
    json,
    verify: await way.bulla(['verify', answer], settings),
    doctor: await way.bulla(['doctor'], settings),
  };
}

function portsIn(said: string): number[] {
  return [...said.matchAll(/http:\/\/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));
}

function portsOf(up: RunningCommand): number[] {
  return portsIn(up.stdout());
}

/** What a process has said so far. */
class Said {
  text = '';
  readonly #stream: Readable;

  constructor(stream: Readable) {
    this.#stream = stream.setEncoding('utf8').on('data', (part: string) => (this.text += part));
  }

  async until(words: string): Promise<void> {
    while (!this.text.includes(words)) await once(this.#stream, 'data');
  }
}

/** A request that is being served and whose body does not end: the service that serves it cannot end before. */
async function heldRequest(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const head = [
    'POST /api/v1/envelopes HTTP/1.1',
    `host: 127.0.0.1:${port}`,
    'content-length: 9',
    'expect: 100-continue',
  ];
  socket.on('error', () => {}).write(`${head.join('\r\n')}\r\n\r\n`);
  const [told] = (await once(socket, 'data')) as [Buffer];
  expect(told.toString()).toContain('100 Continue');
  socket.write('{');
  return socket;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((done) =>
    server.once('error', () => done(false)).listen(port, '127.0.0.1', () => done(true)),
  );
  await new Promise((done) => server.close(done));
  return free;
}

async function filesOf(home: string): Promise<string[]> {
  const names = [
    'identity.json',
    'profile.json',
    'bootstrap.secret',
    'org/dev/root.json',
    'org/dev/policy.json',
    'services/vault.keys.json',
    'services/responder.keys.json',
  ];
  return Promise.all(names.map((name) => readFile(join(home, name), 'utf8')));
}

/** A first start, every command of the README, and a second start that finds everything and changes nothing. */
function firstHour(stack: () => Settings, words: string, way: Way): void {
  it('every command of the README works, and a second start finds everything and changes nothing', async () => {
    const settings = {
      BULLA_HOME: join(folder, 'home'),
      ...stack(),
    };
    const up = await way.up(settings);
    const first = await readme(way, settings);
    expect(
      Object.entries(first).map(([name, { status, stderr }]) => [name, status, status === 0 ? '' : stderr]),
    ).toEqual(Object.keys(first).map((name) => [name, 0, '']));
    // One more where the log of the responder had a checkpoint by then.
    const shown = first['demo']?.stdout ?? '';
    expect(shown).toContain(`demo ok: ${/✔ checkpoint /.test(shown) ? 17 : 16} checks`);
    expect(first['demo']?.stdout.includes('not a language model')).toBe(words !== TOKENS.join(''));
    for (const name of ['whole', 'stream']) expect(first[name]?.stdout).toContain(words);
    expect(first['stream']?.stdout).toBe(first['whole']?.stdout);
    expect(first['verify']?.stdout).toMatch(/VALID as of .* prompt=claims\/triage@1 /);
    const before = await filesOf(settings.BULLA_HOME);
    const [vaultPort = 0, responderPort = 0] = portsOf(up);
    expect((await up.stop()).status).toBe(0);

    const again = await way.up({
      ...settings,
      BULLA_VAULT_PORT: String(vaultPort),
      BULLA_RESPONDER_PORT: String(responderPort),
    });
    expect(again.stderr()).not.toMatch(/^bulla: (root|policy|directory) version/m);
    expect(await filesOf(settings.BULLA_HOME)).toEqual(before);
    const demo = await way.bulla(['demo'], settings);
    expect({ status: demo.status, stderr: demo.stderr }).toEqual({ status: 0, stderr: '' });
    expect(demo.stdout).toContain('there already, unchanged');
    expect((await again.stop()).status).toBe(0);
  });
}

const EXTRACTED = 'Water is flowing through the ceiling.';
describe('on the embedded database and the built-in processor', () => {
  firstHour(() => ({}), EXTRACTED, PROCESSES);
});
describe('on a model behind an OpenAI interface', () => {
  firstHour(() => ({ BULLA_LLM: `openai:${model.url}` }), TOKENS.join(''), HERE);
});
withServer('on PostgreSQL', () => {
  firstHour(() => ({ BULLA_DATABASE_URL: database.url ?? '' }), EXTRACTED, HERE);
});

describe('a stop', () => {
  let kept: string;
  beforeAll(async () => {
    kept = await mkdtemp(join(tmpdir(), 'bulla-stops-'));
    await prepareHome(join(kept, 'home'));
  });
  afterAll(() => rm(kept, { recursive: true, force: true }));

  it.each([
    ['SIGTERM to node', 'SIGTERM', (pid: number) => pid],
    ['SIGINT to node', 'SIGINT', (pid: number) => pid],
    ['SIGTERM to the process group', 'SIGTERM', (pid: number) => -pid],
    ['SIGINT to the process group', 'SIGINT', (pid: number) => -pid],
  ] as const)('by %s ends with 0, the ports free and the lock gone', async (_name, signal, target) => {
    const home = join(kept, 'home');
    const ports = { BULLA_VAULT_PORT: '0', BULLA_RESPONDER_PORT: '0', BULLA_METRICS_PORT: '0' };
    // As `npm start` does it, and in a group of its own, so that the group can be signalled and not this test.
    const child = spawn(process.execPath, [join(repository, 'scripts/start.mjs')], {
      detached: true,
      env: environment({ ...ports, BULLA_HOME: home, BULLA_LOG_LEVEL: 'silent' }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'close');
    const [stdout, stderr] = [new Said(child.stdout), new Said(child.stderr)];
    await stdout.until('bulla: ready');
    const [vaultPort = 0] = portsIn(stdout.text);
    const held = await heldRequest(vaultPort);
    process.kill(target(child.pid ?? 0), signal);
    // What arrives twice means no more than once: the second one while what is held keeps the stop from its end.
    await stderr.until('bulla: stopping');
    process.kill(target(child.pid ?? 0), signal);
    held.destroy();
    const [status, by] = (await ended) as [number | null, string | null];
    const said = status === 0 ? '' : stderr.text;
    expect({ status, by, said }).toEqual({ status: 0, by: null, said: '' });
    expect(existsSync(join(home, 'lock'))).toBe(false);
    const used = [...new Set(portsIn(stdout.text))];
    expect(used.length).toBeGreaterThan(0);
    expect(await Promise.all(used.map(isFree))).toEqual(used.map(() => true));
  });
});
