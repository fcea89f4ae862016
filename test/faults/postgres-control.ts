import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { TestPostgres } from '@bulla/testkit';
import pg from 'pg';

type Cluster = Pick<TestPostgres, 'dataDir' | 'logFile' | 'url'>;

/** Runs one statement as the superuser, on a connection of its own. */
export async function query<Row extends object>({ url }: Pick<Cluster, 'url'>, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'test', connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** The postmaster of a cluster and everything it started: no process of anybody else. */
export async function processesOf({ dataDir }: Cluster): Promise<number[]> {
  const [line = ''] = (await readFile(join(dataDir, 'postmaster.pid'), 'utf8')).split('\n');
  const postmaster = Number(line);
  if (!(postmaster > 1)) throw new Error('the cluster has no postmaster');
  const children = readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name) && parentOf(name) === postmaster)
    .map(Number);
  return [postmaster, ...children];
}

/** Sends a signal to all of a cluster. */
export async function signalAll(cluster: Cluster, signal: NodeJS.Signals): Promise<void> {
  for (const pid of await processesOf(cluster)) process.kill(pid, signal);
}

/** Starts a cluster that is down as it was started before, on its own port; tries again while its remains are in the way. */
export async function restart(cluster: Cluster): Promise<ChildProcess> {
  const [program = '', ...args] = await commandOf(cluster);
  const { uid, gid } = await stat(cluster.dataDir);
  const asOwner = process.getuid?.() === 0 ? { uid, gid } : {};
  for (;;) {
    const log = await open(cluster.logFile, 'a');
    const server = spawn(program, args, {
      cwd: dirname(cluster.dataDir),
      env: { LC_ALL: 'C' },
      stdio: ['ignore', log.fd, log.fd],
      ...asOwner,
    });
    await log.close();
    process.once('exit', () => server.kill('SIGQUIT'));
    while (!hasEnded(server)) {
      const answers = await query(cluster, 'select 1').catch(() => []);
      if (answers.length === 1) return server;
      await pause(50);
    }
  }
}

export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** Immediate shutdown of a postmaster that {@link restart} started; its files are of no use afterwards. */
export async function shutDown(server: ChildProcess): Promise<void> {
  if (hasEnded(server)) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGQUIT');
  await ended;
}

/** PostgreSQL writes down what it was started with, each word in double quotes but the first. */
async function commandOf({ dataDir }: Cluster): Promise<string[]> {
  const text = (await readFile(join(dataDir, 'postmaster.opts'), 'utf8')).trim();
  const [program = ''] = text.split(' ', 1);
  return [program, ...[...text.matchAll(/"([^"]*)"/g)].map(([, word]) => word ?? '')];
}

function parentOf(pid: string): number {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}
