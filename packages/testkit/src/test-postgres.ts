import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePorts } from './free-ports.js';
import { findPostgres, type PostgresPrograms, type ServerUser, serverUser } from './postgres-programs.js';

const STARTS_MAX = 3;
const START_POLL_MS = 25;
const START_TIMEOUT_MS = 120_000;

export interface TestPostgresOptions {
  /** Server settings by name, such as `{ fsync: 'on', log_min_duration_statement: '0' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Of the server's process, such as a library that shifts its clock. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Default: the newest one found on this machine. */
  readonly programs?: PostgresPrograms | undefined;
}

/** A PostgreSQL cluster of one's own: nobody else's data is in it, and all its files may be read. */
export interface TestPostgres {
  /** Superuser's URL on 127.0.0.1, with a random password. */
  readonly url: string;
  readonly port: number;
  /** Process id of the postmaster, for tests that kill it. */
  readonly pid: number;
  /** Tables, indexes and WAL. */
  readonly dataDir: string;
  /** The server's own log. */
  readonly logFile: string;
  /** Fast shutdown, then removes all files unless they shall be read first. Stopping twice is no error. */
  stop(options?: { readonly keepFiles?: boolean }): Promise<void>;
}

/**
 * Starts a throw-away cluster under the temporary folder. As root the server runs as the user `postgres`.
 * @throws {Error} when no PostgreSQL is installed, or it does not start; the message ends with its log.
 */
export async function startTestPostgres(options: TestPostgresOptions = {}): Promise<TestPostgres> {
  const programs = options.programs ?? findPostgres();
  if (programs === undefined) throw new Error('no PostgreSQL server (initdb, postgres) is installed');
  const cluster = await makeCluster(programs, serverUser());
  try {
    for (let attempt = 1; ; attempt += 1) {
      const [port = 0] = await freePorts(1);
      const server = await startServer(cluster, port, options);
      if (server !== undefined) return running(cluster, port, server);
      // Somebody took the port in between: take another one.
      if (attempt === STARTS_MAX)
        throw new Error(`PostgreSQL did not start:\n${await readFile(cluster.logFile, 'utf8')}`);
    }
  } catch (error) {
    await rm(cluster.folder, { recursive: true, force: true });
    throw error;
  }
}

interface Cluster {
  readonly programs: PostgresPrograms;
  readonly user: ServerUser | undefined;
  readonly folder: string;
  readonly dataDir: string;
  readonly logFile: string;
  readonly password: string;
}

async function makeCluster(programs: PostgresPrograms, user: ServerUser | undefined): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'bulla-postgres-'));
  const cluster = {
    programs,
    user,
    folder,
    dataDir: join(folder, 'data'),
    logFile: join(folder, 'postgres.log'),
    password: randomBytes(16).toString('hex'),
  };
  const passwordFile = join(folder, 'password');
  try {
    await writeFile(passwordFile, cluster.password, { mode: 0o600 });
    await mkdir(cluster.dataDir, { mode: 0o700 });
    if (user !== undefined)
      for (const path of [folder, passwordFile, cluster.dataDir]) await chown(path, user.uid, user.gid);
    const options = ['--username=postgres', '--encoding=UTF8', '--locale=C', '--auth=scram-sha-256', '--no-sync'];
    await promisify(execFile)(
      programs.initdb,
      [...options, `--pwfile=${passwordFile}`, `--pgdata=${cluster.dataDir}`],
      processOptions(cluster),
    );
    return cluster;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Undefined when the server ended before it was ready. */
async function startServer(
  cluster: Cluster,
  port: number,
  { settings = {}, environment = {} }: Pick<TestPostgresOptions, 'settings' | 'environment'>,
): Promise<ChildProcess | undefined> {
  const all = { listen_addresses: '127.0.0.1', unix_socket_directories: cluster.folder, fsync: 'off', ...settings };
  const log = await open(cluster.logFile, 'a');
  const server = spawn(
    cluster.programs.postgres,
    [
      '-D',
      cluster.dataDir,
      '-p',
      String(port),
      ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    {
      ...processOptions(cluster),
      env: { ...processOptions(cluster).env, ...environment },
      stdio: ['ignore', log.fd, log.fd],
    },
  );
  await log.close();
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (isRunning(server) && Date.now() < deadline) {
    if (await isReady(cluster.dataDir, server.pid)) return server;
    await sleep(START_POLL_MS);
  }
  await shutDown(server);
  return undefined;
}

function running(cluster: Cluster, port: number, server: ChildProcess): TestPostgres {
  const stopWithUs = () => server.kill('SIGQUIT');
  process.once('exit', stopWithUs);
  return {
    url: `postgresql://postgres:${cluster.password}@127.0.0.1:${port}/postgres`,
    port,
    pid: server.pid as number,
    dataDir: cluster.dataDir,
    logFile: cluster.logFile,
    async stop({ keepFiles = false } = {}) {
      process.off('exit', stopWithUs);
      await shutDown(server);
      if (!keepFiles) await rm(cluster.folder, { recursive: true, force: true });
    },
  };
}

/** SIGINT is PostgreSQL's fast shutdown: it ends sessions and writes a checkpoint. */
async function shutDown(server: ChildProcess): Promise<void> {
  if (!isRunning(server)) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGINT');
  await ended;
}

function isRunning(server: ChildProcess): boolean {
  return server.pid !== undefined && server.exitCode === null && server.signalCode === null;
}

/** The postmaster writes its state to the eighth line of its lock file; `pg_ctl -w` reads it there too. */
async function isReady(dataDir: string, pid: number | undefined): Promise<boolean> {
  const lines = (await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
}

/** No environment of ours: PG* variables would change what is started. */
function processOptions(cluster: Cluster): { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number } {
  return { cwd: cluster.folder, env: { LC_ALL: 'C' }, ...cluster.user };
}
