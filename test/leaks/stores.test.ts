import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPostgres, startTestPostgres } from '@bulla/testkit';
import { PGlite } from '@electric-sql/pglite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { bulla } from '../bulla-command.js';
import { prepareHome, startBulla } from '../bulla-process.js';
import { needlesOf } from './needles.js';
import { type Scan, scan } from './scan.js';

const PROMPT = 'Canary-prompt-7f3a: "sort" the claim of Müller';
const VARIABLE = 'Canary-variable-c41d: Wasser läuft durch die Decke';
const CONTROL = 'Canary-control-9e20: this one was planted in plain SQL';
const SECRETS = [
  PROMPT,
  VARIABLE,
  'Water that still flows is always urgent.',
  'A pipe broke in the kitchen last night.',
];
const withServer = findPostgres() === undefined ? describe.skip : describe;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-leaks-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Starts Bulla, runs the demo and a prompt with canaries of our own, and stops it; keeps its log at debug level. */
async function useBulla(settings: Readonly<Record<string, string>>): Promise<void> {
  const env = { BULLA_HOME: join(folder, 'home'), BULLA_LOG_LEVEL: 'debug', ...settings };
  await mkdir(join(folder, 'own'));
  if (settings['BULLA_DATABASE_URL'] === undefined) await prepareHome(env.BULLA_HOME);
  await writeFile(join(folder, 'own/prompt.md'), `${PROMPT}\n\n{{claim}}\n`);
  const up = await startBulla(env);
  try {
    const answer = join(folder, 'own/answer.json');
    const calls: [args: string[], input: string][] = [
      [['demo', '--out', answer], ''],
      [['prompt', 'push', 'leaks/canary', '-f', join(folder, 'own/prompt.md'), '--label', 'production'], ''],
      [['run', 'leaks/canary', '--var', 'claim=-', '--stream'], VARIABLE],
      [['run', 'leaks/canary', '--var', 'claim=-'], VARIABLE],
      [['run', 'leaks/canary', '--var', 'unknown=-'], VARIABLE],
    ];
    const statuses: (number | null)[] = [];
    for (const [args, input] of calls) statuses.push((await bulla(args, env, input)).status);
    // The last run is refused inside the sealed reply, and still nothing of it may be written anywhere.
    expect(statuses).toEqual([0, 0, 0, 0, 2]);
  } finally {
    const { stdout, stderr } = await up.stop();
    await writeFile(join(folder, 'log'), stdout + stderr);
  }
}

function report(store: string, { files, bytes }: Scan): void {
  process.stdout.write(`leaks: ${files} files and ${bytes} bytes of ${store} scanned\n`);
}

/** No spelling of a secret anywhere; the control, planted in the same store, in the store's own files. */
async function expectNoLeak(store: string, paths: readonly string[]): Promise<void> {
  const control = await scan(paths, needlesOf(CONTROL));
  expect(control.found).not.toEqual([]);
  const elsewhere = paths.filter((path) => !path.startsWith(folder));
  const result = await scan([folder, ...elsewhere], SECRETS.flatMap(needlesOf), (path) =>
    path.startsWith(join(folder, 'own/')),
  );
  report(store, result);
  expect(result.files).toBeGreaterThan(50);
  expect(result.found).toEqual([]);
}

describe('nothing of a prompt or its variables is written down [refuses: leaks]', () => {
  it('by the embedded database, the log or the home folder', async () => {
    await useBulla({});
    const database = await PGlite.create({ dataDir: join(folder, 'home/pglite') });
    await database.exec(`create table control (text text); insert into control values ('${CONTROL}'); checkpoint`);
    await database.close();
    await expectNoLeak('PGlite', [join(folder, 'home/pglite')]);
  });
});

withServer('nothing of a prompt or its variables is written down with a server [refuses: leaks]', () => {
  it('by PostgreSQL: its tables, its write-ahead log, its own log with every statement', async () => {
    const settings = {
      log_min_duration_statement: '0',
      log_parameter_max_length: '-1',
      log_error_verbosity: 'verbose',
    };
    const server = await startTestPostgres({ settings });
    try {
      await useBulla({ BULLA_DATABASE_URL: server.url });
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      await client.query('create table control (text text)');
      await client.query('insert into control values ($1)', [CONTROL]);
      await client.query('checkpoint');
      await client.end();
      await server.stop({ keepFiles: true });
      await expectNoLeak('PostgreSQL', [server.dataDir, server.logFile]);
    } finally {
      await server.stop();
    }
  });
});
