import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { databaseForTest, freePorts } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { HeldSyslog } from '../../../packages/client/test/held-syslog.js';
import type { TestCertificates } from '../../../packages/client/test/test-certificates.js';
import { hasOpenssl, makeCertificates } from '../../../packages/client/test/test-certificates.js';
import { bulla, type RunningCommand, startUp } from '../../bulla-command.js';
import { environment } from '../../bulla-process.js';
import { LogTampering } from './log-tampering.js';
import { letIn, succeed } from './second-person.js';

// The log of a running vault and responder, streamed by a process of its own that is killed, to syslog servers over TLS.

type Settings = Readonly<Record<string, string>>;

const PROGRAM = resolve(import.meta.dirname, '../../../packages/cli/bin/bulla.js');
const database = await databaseForTest();
/** Rows can be changed under a running vault only on a server: the embedded database has one process. */
const withServer = database.url === undefined ? describe.skip : describe;
const withTls = hasOpenssl ? describe : describe.skip;
const RSYSLOGD = ['/usr/sbin/rsyslogd', '/usr/local/sbin/rsyslogd'].find(existsSync) ?? 'rsyslogd';
const hasRsyslog = hasOpenssl && spawnSync(RSYSLOGD, ['-v']).status === 0;
const withRsyslog = hasRsyslog ? describe : describe.skip;

let folder: string;
let running: RunningCommand;
let owner: Settings;
let auditor: Settings;
let certificates: TestCertificates;
const processes: ChildProcess[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-stream-'));
  owner = {
    BULLA_HOME: join(folder, 'home'),
    ...(database.url !== undefined && { BULLA_DATABASE_URL: database.url }),
  };
  running = await startUp(owner);
  auditor = await letIn(folder, owner, 'auditor', '--role', 'auditor');
  if (hasOpenssl) certificates = makeCertificates(folder, 'siem', 'DNS:localhost');
  await work(3);
});
afterEach(async () => {
  for (const child of processes.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'close');
  }
});
afterAll(async () => {
  await running.stop();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

/** Writes something into the log of the vault. */
async function work(times: number): Promise<void> {
  const names = Array.from({ length: times }, () => `claims/n${Math.random().toString(36).slice(2)}`);
  for (const name of names) await succeed(['prompt', 'push', name, '-f', '-'], owner, 'Sort: {{claim}}\n');
}

/** Starts a stream as a process of its own. */
function startStream(port: number, state: string, ...more: string[]) {
  const to = `syslog+tls://localhost:${port}`;
  const args = ['audit', 'stream', '--to', to, '--ca', certificates.files.ca, '--state', join(folder, state), ...more];
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: environment(auditor),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  processes.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (said += part.toString()));
  return { child, said: () => said, ended: once(child, 'close') as Promise<[number | null]> };
}

async function until(what: () => boolean | Promise<boolean>, why: () => string): Promise<void> {
  for (const last = Date.now() + 60_000; !(await what()); await pause(50))
    if (Date.now() > last) throw new Error(`it does not come: ${why()}`);
}

/** How many entries the vault has signed. */
async function signed(): Promise<number> {
  const { stdout } = await succeed(['audit', 'verify', '--json'], auditor);
  const { logs } = JSON.parse(stdout) as { logs: { origin: string; entries: number }[] };
  const { entries } = logs.find(({ origin }) => origin.endsWith('/vault/audit/1')) ?? {};
  if (entries === undefined) throw new Error(`no log of the vault is verified: ${stdout}`);
  return entries;
}

/** The indexes of the vault's log, in the order in which they came. */
function indexes(server: HeldSyslog): number[] {
  return server.lines.filter(({ app }) => app === 'bulla-vault').map(({ params }) => Number(params['index']));
}

/** The same without repetitions: how a receiver keeps them. */
const kept = (came: readonly number[]) => [...new Set(came)];
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at);

withTls('a stream to a syslog server over TLS', () => {
  let server: HeldSyslog;
  beforeAll(async () => {
    server = await new HeldSyslog({ cert: certificates.cert, key: certificates.key }).start();
  });
  afterAll(() => server.stop());

  it('sends each entry once while all goes well, and ends in order when it is told to', async () => {
    const stream = startStream(server.port, 'well');
    const size = await signed();
    await until(() => indexes(server).length >= size, stream.said);
    stream.child.kill('SIGTERM');
    expect(await stream.ended).toEqual([0, null]);
    expect([indexes(server), server.faults]).toEqual([upTo(indexes(server).length), []]);
    const again = startStream(server.port, 'well', '--once');
    expect((await again.ended)[0]).toBe(0);
    expect(indexes(server)).toEqual(upTo(indexes(server).length));
    const entries = (await succeed(['audit', 'list', '--json', '--limit', '1000'], auditor)).stdout.split('\n');
    const listed = entries
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { index: number; entry: object });
    for (const { params, msg } of server.lines.filter(({ app }) => app === 'bulla-vault'))
      expect(JSON.parse(msg)).toEqual(listed.find(({ index }) => String(index) === params['index'])?.entry);
  });

  it('loses nothing when it is killed, again and again, and repeats nothing but at the seam', async () => {
    server.lines.length = 0;
    for (let kills = 0; kills < 4; kills++) {
      const before = indexes(server).length;
      const stream = startStream(server.port, 'killed');
      await until(() => indexes(server).length > before + kills, stream.said);
      stream.child.kill('SIGKILL');
      await stream.ended;
      await work(1);
    }
    const last = startStream(server.port, 'killed', '--once');
    expect((await last.ended)[0]).toBe(0);
    const came = indexes(server);
    expect(kept(came)).toEqual(upTo(kept(came).length));
    expect(kept(came).length).toBeGreaterThanOrEqual((await signed()) - 8);
    // In order between two seams: an index that is not higher than the one before begins again where nothing was sure.
    const seams = came.filter((index, at) => at > 0 && index !== (came[at - 1] ?? 0) + 1);
    expect(seams.length).toBeLessThanOrEqual(4);
    expect(server.faults).toEqual([]);
  });

  it('waits for a server that is away, and then sends what it does not have', async () => {
    const [port = 0] = await freePorts(1);
    const stream = startStream(port, 'away');
    await until(() => stream.said().includes('sink away'), stream.said);
    await work(1);
    const size = await signed();
    const late = await new HeldSyslog({ cert: certificates.cert, key: certificates.key }).start(port);
    await until(() => indexes(late).length >= size, stream.said);
    // A batch that is still being written when the connection ends goes as well, and nothing is said of that.
    for (let drops = 0; drops < 10 && !stream.said().includes('may not have arrived and go again'); drops++) {
      late.drop('at once');
      await work(1);
      const more = await signed();
      await until(() => kept(indexes(late)).length >= more, stream.said);
    }
    stream.child.kill('SIGTERM');
    expect(await stream.ended).toEqual([0, null]);
    expect(kept(indexes(late))).toEqual(upTo(kept(indexes(late)).length));
    expect(stream.said()).toContain('may not have arrived and go again');
    await late.stop();
  });

  it('is one process for a folder', async () => {
    const stream = startStream(server.port, 'one');
    await until(() => existsSync(join(folder, 'one', 'stream.json')), stream.said);
    const second = startStream(server.port, 'one', '--once');
    expect([(await second.ended)[0], second.said()]).toEqual([1, expect.stringContaining('is in use by process')]);
  });
});

withServer('a log that somebody changed in the database', () => {
  let tampering: LogTampering;
  beforeAll(async () => {
    tampering = await LogTampering.connect(database.url ?? '', owner['BULLA_HOME'] ?? '');
  });
  afterAll(() => tampering.end());

  it.each(['edit', 'remove', 'swap', 'cutTail', 'fork', 'rollBack'] as const)('is not sent after %s', async (how) => {
    const server = await new HeldSyslog().start();
    const to = ['--to', `syslog+tcp://127.0.0.1:${server.port}`, '--state', join(folder, how), '--once'];
    // What was seen is kept: a fork and a rollback are good logs by themselves.
    await succeed(['audit', 'verify'], auditor);
    const undo = await tampering[how]();
    try {
      const { status, stderr } = await bulla(['audit', 'stream', ...to], auditor);
      expect([status, stderr]).toEqual([10, expect.stringContaining('(log_inconsistent, check ')]);
      expect(indexes(server)).toEqual([]);
    } finally {
      await undo();
      await server.stop();
    }
  });
});

withRsyslog('a stream to rsyslog over TLS', () => {
  it('arrives whole, in order, and as it was sent', async () => {
    const [port = 0] = await freePorts(1);
    const place = join(folder, 'rsyslog');
    await mkdir(place);
    await chmod(certificates.files.key, 0o600);
    await writeFile(
      join(place, 'rsyslog.conf'),
      `global(workDirectory="${place}" maxMessageSize="128k"
  defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="${certificates.files.ca}"
  defaultNetstreamDriverCertFile="${certificates.files.cert}" defaultNetstreamDriverKeyFile="${certificates.files.key}")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imtcp" address="127.0.0.1" port="${port}")
template(name="fields" type="list") {
  property(name="syslogfacility-text") constant(value=" ") property(name="syslogseverity-text") constant(value=" ")
  property(name="app-name") constant(value=" ") property(name="msgid") constant(value=" ")
  property(name="structured-data") constant(value=" ") property(name="msg") constant(value="\\n")
}
action(type="omfile" file="${join(place, 'entries')}" template="fields")
`,
    );
    const rsyslog = spawn(RSYSLOGD, ['-n', '-f', join(place, 'rsyslog.conf'), '-i', join(place, 'pid')], {
      stdio: 'ignore',
    });
    processes.push(rsyslog);
    const stream = startStream(port, 'to-rsyslog', '--max-message', '131072', '--once');
    expect([(await stream.ended)[0], stream.said()]).toEqual([0, expect.stringContaining('entries sent')]);
    const size = await signed();
    const lines = async () =>
      (await readFile(join(place, 'entries'), 'utf8').catch(() => ''))
        .split('\n')
        .filter((line) => line.includes('/vault/audit/'));
    await until(async () => (await lines()).length >= size - 4, stream.said);
    for (const [index, line] of (await lines()).entries()) {
      const [, fields = '', act, at, leaf = ''] =
        /^(\S+ \S+ \S+) (\S+) \[bulla@32473 origin="bulla\/[0-9a-f]{16}\/dev\/vault\/audit\/1" index="(\d+)" id="aud_\w{26}" act="\S+" result="\w+"\]\s+(\{.*\})$/.exec(
          line,
        ) ?? [];
      expect([fields, at]).toEqual([expect.stringMatching(/^\S+ (info|warning|err) bulla-vault$/), String(index)]);
      expect(JSON.parse(leaf)).toMatchObject({ act });
    }
  });
});
