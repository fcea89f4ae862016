import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bulla, type RunningCommand, startUp } from '../../bulla-command.js';
import { LogTampering } from './log-tampering.js';
import { letIn, succeed } from './second-person.js';

// Who did what, told by somebody who can open nothing, to somebody who has nothing but the pin.

type Settings = Readonly<Record<string, string>>;

const database = await databaseForTest();
/** Rows can be changed under a running vault only on a server: the embedded database has one process. */
const withServer = database.url === undefined ? describe.skip : describe;

let folder: string;
let running: RunningCommand;
let owner: Settings;
let ci: Settings;
let auditor: Settings;
let prompt: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-s11-'));
  owner = {
    BULLA_HOME: join(folder, 'home'),
    ...(database.url !== undefined && { BULLA_DATABASE_URL: database.url }),
  };
  running = await startUp(owner);
  ci = await letIn(folder, owner, 'ci', '--role', 'invoker', '--group', 'grp:members');
  auditor = await letIn(folder, owner, 'auditor', '--role', 'auditor');
  const text = join(folder, 'triage.md');
  await writeFile(text, 'Sort this claim by urgency and say why.\n\n{{claim}}\n');
  await succeed(['prompt', 'push', 'claims/triage', '-f', text, '--label', 'production'], owner);
  await runAs(ci, 'a.json');
  prompt = (JSON.parse((await succeed(['prompt', 'list', '--json'], owner)).stdout) as { id: string }[])[0]?.id ?? '';
  await answersInLogs(1);
});
afterAll(async () => {
  await running.stop();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the prompt and keeps the answer file. */
async function runAs(settings: Settings, file: string): Promise<string> {
  const answer = join(folder, file);
  const { stdout } = await succeed(['run', 'claims/triage', '--var', 'claim=Water. It is urgent.', '--json'], settings);
  await writeFile(answer, stdout);
  return answer;
}

/** How many entries a checkpoint is of: its second line. */
function sizeIn(note: string): number {
  return Number(note.split('\n')[1]);
}

async function deviceOf(settings: Settings): Promise<string> {
  const { device } = JSON.parse((await succeed(['whoami', '--json'], settings)).stdout) as { device: string };
  return device;
}

/** Waits until so many entries of an act are in the log of a service: the vault, unless options name another. */
async function inLog(count: number, act: string, ...options: string[]): Promise<void> {
  const list = ['audit', 'list', '--act', act, ...options, '--json'];
  while (linesOf((await succeed(list, auditor)).stdout).length < count) await pause(200);
}

/** Waits for what belongs to so many answers: each service signs what is in its log in its own time. */
async function answersInLogs(count: number): Promise<void> {
  // One that was refused is in the log as well.
  await inLog(count, 'envelope.issue', '--result', 'ok');
  await inLog(count, 'invocation.finish', '--responder', 'local');
}

function linesOf(text: string): { readonly index: number; readonly entry: { act: string; who: { kid: string } } }[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as never);
}

describe('an auditor, whose keys open nothing', () => {
  it('sees what one person did since yesterday, by the name that they have there', async () => {
    const urn = await deviceOf(ci);
    const devices = JSON.parse((await succeed(['device', 'list', '--json'], auditor)).stdout) as {
      urn: string;
      user: string;
    }[];
    const person = devices.find((device) => device.urn === urn)?.user ?? '';
    await succeed(['people', 'name', person, 'ci'], auditor);
    const { stdout } = await succeed(['audit', 'list', '--since', '24h', '--actor', 'ci', '--json'], auditor);
    const entries = linesOf(stdout);
    expect(entries.map(({ entry }) => entry.act)).toContain('envelope.issue');
    expect(new Set(entries.map(({ entry }) => entry.who.kid)).size).toBe(1);
    expect((await bulla(['run', 'claims/triage', '--var', 'claim=x'], auditor)).status).toBe(5);
  });

  it('proves that nothing was changed', async () => {
    const { stdout } = await succeed(['audit', 'verify'], auditor);
    expect(stdout).toMatch(
      /^chain ok \d+ events, head=[\w-]{43}, signed checkpoint, newest entry of \d{4}-\d\d-\d\dT/m,
    );
    expect(stdout).not.toContain('✘');
    expect(stdout.match(/^chain ok/gm)).toHaveLength(2);
  });
});

describe('an auditor on another machine, with the pin and an export alone', () => {
  let bundle: string;
  let pin: string;
  let stranger: Settings;
  beforeAll(async () => {
    bundle = join(folder, 'audit');
    await succeed(['audit', 'export', '--out', bundle], auditor);
    pin = (await succeed(['trust', 'pin'], auditor)).stdout.trim();
    // No network either: nothing is there that it could ask.
    stranger = { BULLA_HOME: join(folder, 'stranger'), BULLA_URL: 'http://127.0.0.1:2' };
  });

  it('proves the logs', async () => {
    const { stdout } = await succeed(['audit', 'verify', bundle, '--pin', pin], stranger);
    expect(stdout.match(/^chain ok/gm)).toHaveLength(2);
    const wrong = `sha256:${'0'.repeat(64)}`;
    expect((await bulla(['audit', 'verify', bundle, '--pin', wrong], stranger)).stderr).toContain('pin_mismatch');
  });

  it('answers who could read a prompt, who ran it and what was answered', async () => {
    const { stdout } = await succeed(['audit', 'show', prompt, '--bundle', bundle, '--pin', pin], stranger);
    const me = (await deviceOf(ci)).split(':').at(-1) ?? '';
    expect(stdout).toMatch(new RegExp(`stored version 1 of ${prompt}, sealed to \\d keys: .*responder local`));
    expect(stdout).toMatch(new RegExp(`dev ${me} was allowed to run version 1 of ${prompt} on responder local`));
    expect(stdout).toMatch(/answered inv_\w+ to dev dev_\w+: stop, \d pieces?, receipt [\w-]{43}/);
  });

  it('proves that an answer is the one in the log, or says what is missing', async () => {
    const a = join(folder, 'a.json');
    const { stdout } = await succeed(['verify', a, '--audit', bundle, '--pin', pin], stranger);
    expect(stdout).toMatch(/✔ log-issue .*\n✔ log-claim .*\n✔ log-finish .*this very answer is entry \d+/);
    // An answer of later.
    const later = await runAs(ci, 'b.json');
    const ended = await bulla(['verify', later, '--audit', bundle, '--pin', pin, '--json'], stranger);
    expect(ended.status).toBe(10);
    const said = JSON.parse(ended.stdout) as {
      answer: { checkpoint: string };
      audit: { entries: { name: string; state: string }[] };
    };
    const exported = await readFile(join(bundle, 'logs/responder-local-1/checkpoint'), 'utf8');
    // What it tells of the log may be of before the export or of after it.
    const isBefore = sizeIn(said.answer.checkpoint) <= sizeIn(exported);
    expect(said.audit.entries.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'log-issue failed',
      'log-claim failed',
      'log-finish failed',
      `log-checkpoint ${isBefore ? 'passed' : 'failed'}`,
    ]);
    await answersInLogs(2);
    const newer = join(folder, 'audit-of-later');
    await succeed(['audit', 'export', '--out', newer], auditor);
    const proved = await succeed(['verify', later, '--audit', newer, '--pin', pin], stranger);
    expect(proved.stdout).toMatch(
      /^✔ log-checkpoint +bulla\/[0-9a-f]{16}\/dev\/responder:local\/audit\/1 begins with the \d+ entr(y|ies) that the answer tells of$/m,
    );
    expect(ended.stderr).toContain('(check log-issue)');
  });
});

withServer('a log that somebody changed in the database', () => {
  let tampering: LogTampering;
  beforeAll(async () => {
    tampering = await LogTampering.connect(database.url ?? '', owner['BULLA_HOME'] ?? '');
    await succeed(['audit', 'verify'], auditor);
  });
  afterAll(() => tampering.end());

  it.each([
    ['an entry edited', 'edit', /vault\/audit\/1: entry 3: an entry does not have its hash/],
    ['an entry deleted', 'remove', /vault\/audit\/1: entry 3: an entry is not there/],
    ['two entries swapped', 'swap', /vault\/audit\/1: entry 3: an entry does not have its hash/],
    ['its tail cut off', 'cutTail', /vault\/audit\/1: entry 5: an entry is not there/],
    [
      'all of it rewritten and signed anew',
      'fork',
      /vault\/audit\/1: the log (does not begin with the \d+ entries that it had|has two trees of \d+ entries)/,
    ],
    [
      'its state of an hour ago, signed',
      'rollBack',
      /vault\/audit\/1: this machine saw \d+ entries of this log, \d+ more/,
    ],
  ] as const)('has %s, and verifying names it', async (_name, how, found) => {
    const undo = await tampering[how]();
    const { status, stdout, stderr } = await bulla(['audit', 'verify'], auditor);
    await undo();
    expect({ status, stderr }).toEqual({ status: 10, stderr: expect.stringMatching(found) });
    expect(stdout).toMatch(/^chain BROKEN/m);
    expect(stdout).toMatch(/^chain ok .*\n*$/m);
    await succeed(['audit', 'verify'], auditor);
  });

  it('shows no story of an entry that was changed, and its list says whose word it is', async () => {
    const undo = await tampering.editPermissions();
    const shown = await bulla(['audit', 'show', prompt], auditor);
    const listed = await bulla(['audit', 'list', '--act', 'envelope.issue'], auditor);
    const asJson = await bulla(['audit', 'list', '--act', 'envelope.issue', '--json'], auditor);
    await undo();
    expect(shown).toMatchObject({ status: 10, stdout: '', stderr: expect.stringContaining('log_inconsistent') });
    expect(listed.stdout).toContain(`${prompt} v7`);
    expect(listed.stderr).toContain('these entries are the word of the services: `bulla audit verify` verifies');
    for (const line of linesOf(asJson.stdout)) expect(line).toMatchObject({ proved: false });
    expect((await succeed(['audit', 'show', prompt], auditor)).stdout).toMatch(
      /^✔ each of \d+ entries is in a tree that the service has signed$/m,
    );
  });
});
