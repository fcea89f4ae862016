import { createServer, type AddressInfo, type Server } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { mintId } from '@bulla/crypto';
import { databaseForTest } from '@bulla/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bulla, type RunningCommand, startUp } from '../../bulla-command.js';
import { ForgedExport } from './forged-export.js';
import { succeed } from './second-person.js';

// Ordinary work, after which every way of verifying finds all well; and what somebody with the database takes from it.

type Settings = Readonly<Record<string, string>>;

const database = await databaseForTest();
/** Rows can be changed under a running vault only on a server: the embedded database has one process. */
const withServer = database.url === undefined ? describe.skip : describe;

let folder: string;
let running: RunningCommand;
let owner: Settings;
let sink: Server;
let received: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-ordinary-'));
  owner = {
    BULLA_HOME: join(folder, 'home'),
    ...(database.url !== undefined && { BULLA_DATABASE_URL: database.url }),
  };
  running = await startUp(owner);
  await writeFile(join(folder, 'faq.md'), 'Answer this.\n\n{{claim}}\n');
  received = '';
  sink = createServer((socket) => {
    socket.on('data', (part) => (received += part.toString()));
    socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await running.stop();
  await new Promise((resolve) => sink.close(resolve));
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const push = (name: string, ...more: string[]) =>
  succeed(['prompt', 'push', name, '-f', join(folder, 'faq.md'), '--label', 'production', ...more], owner);

/** Signs a policy with other rules of custody. */
async function setCustody(custody: object): Promise<void> {
  const now = JSON.parse((await succeed(['policy', 'show'], owner)).stdout) as object;
  await writeFile(join(folder, 'policy.json'), JSON.stringify({ ...now, custody }));
  await succeed(['policy', 'set', join(folder, 'policy.json'), '--yes'], owner);
}

/** Waits until so many entries of an act are in the log of a service, and signed. */
async function inLog(count: number, act: string, ...options: string[]): Promise<void> {
  const list = ['audit', 'list', '--act', act, ...options, '--json'];
  const lines = async () => (await succeed(list, owner)).stdout.split('\n').filter((line) => line !== '').length;
  while ((await lines()) < count) await pause(100);
}

/** @returns what arrived */
async function streamed(state: string): Promise<string> {
  received = '';
  const { port } = sink.address() as AddressInfo;
  const to = `syslog+tcp://127.0.0.1:${port}`;
  await succeed(['audit', 'stream', '--to', to, '--state', join(folder, state), '--once'], owner);
  return received;
}

describe('after ordinary work', () => {
  let answer: string;
  beforeAll(async () => {
    await setCustody({ '*': 'sealed', 'open/': 'managed' });
    // A new name, in the clear; it is run, and deleted.
    await push('open/first', '--clear');
    const { stdout } = await succeed(['run', 'open/first', '--var', 'claim=Water. It is urgent.', '--json'], owner);
    answer = join(folder, 'answer.json');
    await writeFile(answer, stdout);
    await succeed(['prompt', 'delete', 'open/first', '--yes'], owner);
    // The vault forgets what it read these by.
    await push('open/kept');
    await push('open/soon/sealed', '--clear');
    await setCustody({ '*': 'sealed', 'open/': 'managed', 'open/soon/': 'sealed' });
    await inLog(2, 'wrap.delete');
    await inLog(1, 'invocation.finish', '--responder', 'local');
  });

  it('every log is good, as the services have it and as it is exported', async () => {
    const live = await succeed(['audit', 'verify'], owner);
    expect(live.stdout.match(/^chain ok/gm)).toHaveLength(2);
    expect(live.stdout).not.toMatch(/✘|BAD|BROKEN/);
    await succeed(['audit', 'export', '--out', join(folder, 'audit')], owner);
    const exported = await succeed(['audit', 'verify', join(folder, 'audit')], owner);
    expect(exported.stdout.match(/^chain ok/gm)).toHaveLength(2);
    expect(exported.stdout).not.toMatch(/✘|BAD|BROKEN/);
  });

  it('an answer is in them, every entry is streamed unmarked, and doctor has read them', async () => {
    const { stdout } = await succeed(['verify', answer, '--audit', join(folder, 'audit')], owner);
    expect(stdout).toMatch(/^✔ log-finish +this very answer is entry/m);
    const messages = await streamed('state');
    expect(messages).toContain('act="version.entrust"');
    expect(messages).toContain('act="wrap.delete"');
    expect(messages).not.toContain('misfit=');
    const doctor = await bulla(['doctor'], owner);
    expect(doctor.stdout.match(/entries signed, .*every entry verified/g)).toHaveLength(2);
  });
});

describe('somebody with the key that signs the log', () => {
  it('shows a stranger entries that nobody asked for, and each is told, with what is behind it', async () => {
    const exported = join(folder, 'forged');
    await succeed(['audit', 'export', '--out', exported], owner);
    const pin = (await succeed(['trust', 'pin'], owner)).stdout.trim();
    const forged = await ForgedExport.open(exported, owner['BULLA_HOME'] ?? '');
    const [deleted, made, moved] = ['prompt.delete', 'version.create', 'label.move'].map((act) => forged.find(act));
    if (deleted === undefined || made === undefined || moved === undefined)
      throw new Error('there is nothing to forge');
    const { leaf } = deleted;
    const { req: _req, ev: _ev, ...unsigned } = leaf;
    const ev = 'A'.repeat(43);
    const expected: [number, string][] = [
      // A real request, for another prompt, and a second time for the same.
      [
        forged.add({ ...leaf, obj: { prompt: mintId('prm') } }, deleted.index),
        'its evidence is a request about something else',
      ],
      [forged.add(leaf, deleted.index), 'its request stands for one change'],
      // A device that is named, and shows nothing; and one that names evidence which is nowhere.
      [forged.add(unsigned), 'it names who did it, and no request'],
      [forged.add({ ...leaf, req: 'A'.repeat(22), ev }), 'what shows who asked is not there'],
    ];
    // What showed who made a version is taken, and an erasure that nobody signed is to excuse it.
    forged.take(made.index);
    expected.push([made.index, 'what shows who asked is not there']);
    const { kid } = made.leaf['who'] as { kid: string };
    const erasure = { log: 1, actor: kid, below: made.index + 1, items: 1 };
    const excuse = forged.add({ ...leaf, act: 'audit.erase', obj: erasure, req: 'B'.repeat(22), ev });
    expected.push([excuse, 'what shows who asked is not there']);
    await forged.sign();
    const stranger = { BULLA_HOME: join(folder, 'stranger'), BULLA_URL: 'http://127.0.0.1:2' };
    const { status, stdout } = await bulla(['audit', 'verify', exported, '--pin', pin], stranger);
    expect(status).toBe(12);
    expect(stdout).toMatch(new RegExp(`^evidence BAD ${expected.length} entries that nobody`, 'm'));
    for (const [index, why] of expected) expect(stdout).toContain(`  entry ${index}: ${why}`);
    expect(stdout.match(/^chain ok/gm)).toHaveLength(2);
  });
});

withServer('somebody with the database', () => {
  let client: pg.Client;
  beforeAll(async () => {
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });
  afterAll(() => client.end());

  it('takes evidence away, which is told from a log that is broken, and the rest is verified', async () => {
    const { rows } = await client.query<{ idx: string; evidence: string }>(
      `select idx, evidence from vault.audit_entry where act = 'version.entrust' order by idx limit 1`,
    );
    const [{ idx, evidence } = { idx: '', evidence: '' }] = rows;
    await client.query(`update vault.audit_entry set evidence = null where idx = $1`, [idx]);
    const { status, stdout, stderr } = await bulla(['audit', 'verify'], owner);
    expect([status, stderr]).toEqual([12, expect.stringContaining(`entry ${idx}: what shows who asked is not there`)]);
    expect(stdout.match(/^chain ok/gm)).toHaveLength(2);
    expect(stdout).toMatch(/^evidence BAD 1 entry that nobody is shown to have asked for$/m);
    const doctor = await bulla(['doctor'], owner);
    expect([doctor.status, doctor.stdout]).toEqual([1, expect.stringContaining('vault: its evidence is bad: 1 entry')]);
    await client.query(`update vault.audit_entry set evidence = $2 where idx = $1`, [idx, evidence]);
    await succeed(['audit', 'verify'], owner);
  });
});
