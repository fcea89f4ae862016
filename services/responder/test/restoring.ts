import { findPostgres, startTestPostgres } from '@bulla/testkit';
import type { TestPostgres } from '@bulla/testkit';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { appendFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const READY_WITHIN_MS = 120_000;

/** A database that can be saved and brought back as SQL. */
export interface RestorableDatabase {
  readonly url: string;
  /** SQL of everything in the database. */
  dump(): Promise<string>;
  /** Runs a dump into the database it came from, from which everything was dropped. */
  readBack(dump: string): Promise<void>;
  /** Runs a dump into a new database of the cluster. @returns its URL */
  readInto(dump: string, name: string): Promise<string>;
}

/** A cluster whose databases can be saved and brought back, in the ways in which operators do it. */
export interface RestorableCluster extends RestorableDatabase {
  newDatabase(name: string): Promise<RestorableDatabase>;
  /** Copies the files of the cluster while it runs. */
  backUp(): Promise<void>;
  /** Stops the cluster and starts the copy in its place, which recovers to the moment of the copy, on a new timeline. */
  recover(): Promise<void>;
  /** Stops the copy and starts what it stood in for, which is as it was when it was stopped. */
  fallBack(): Promise<void>;
  stop(): Promise<void>;
}

/** Undefined where no PostgreSQL server is installed. */
export const canRestore = findPostgres() !== undefined;

export async function startRestorableCluster(): Promise<RestorableCluster> {
  const cluster = await startTestPostgres();
  const copy = join(dirname(cluster.dataDir), 'copy');
  let stopCopy = async (): Promise<void> => {};
  return {
    ...databaseOf(cluster, cluster.url),
    async newDatabase(name) {
      return databaseOf(cluster, await createDatabase(cluster, name));
    },
    async backUp() {
      await run(cluster, 'pg_basebackup', [`--dbname=${cluster.url}`, `--pgdata=${copy}`, '--checkpoint=fast']);
      const until = `restore_command = 'false'\nrecovery_target = 'immediate'\nrecovery_target_action = 'promote'\n`;
      await appendFile(join(copy, 'postgresql.auto.conf'), until);
      await writeFile(join(copy, 'recovery.signal'), '');
    },
    async recover() {
      await cluster.stop({ keepFiles: true });
      stopCopy = await startServer(cluster, copy);
    },
    async fallBack() {
      await stopCopy();
      stopCopy = await startServer(cluster, cluster.dataDir);
    },
    async stop() {
      await stopCopy();
      await cluster.stop();
      await rm(dirname(cluster.dataDir), { recursive: true, force: true });
    },
  };
}

function databaseOf(cluster: TestPostgres, url: string): RestorableDatabase {
  return {
    url,
    dump: () => run(cluster, 'pg_dump', ['--schema=responder', `--dbname=${url}`]),
    async readBack(dump) {
      await psql(cluster, url, 'drop schema responder cascade');
      await psql(cluster, url, dump);
    },
    async readInto(dump, name) {
      const other = await createDatabase(cluster, name);
      await psql(cluster, other, dump);
      return other;
    },
  };
}

async function createDatabase(cluster: TestPostgres, name: string): Promise<string> {
  await psql(cluster, cluster.url, `create database ${name}`);
  return Object.assign(new URL(cluster.url), { pathname: `/${name}` }).href;
}

async function startServer(cluster: TestPostgres, dataDir: string): Promise<() => Promise<void>> {
  const folder = dirname(dataDir);
  const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: folder, fsync: 'off' };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawn(program('postgres'), ['-D', dataDir, '-p', String(cluster.port), ...options], {
    ...(await ownerOf(cluster)),
    stdio: 'ignore',
  });
  const ended = once(server, 'exit');
  for (const until = Date.now() + READY_WITHIN_MS; ; await pause(50)) {
    const isUp = await psql(cluster, cluster.url, 'select pg_current_wal_lsn()').then(
      () => true,
      () => false,
    );
    if (isUp) break;
    if (server.exitCode !== null || Date.now() > until) throw new Error('the recovered server is not ready');
  }
  return async () => {
    server.kill('SIGINT');
    await ended;
  };
}

function psql(cluster: TestPostgres, url: string, input: string): Promise<string> {
  return run(cluster, 'psql', [url, '-v', 'ON_ERROR_STOP=1', '-q'], input);
}

/** Runs a client program of the server's own version, as the user whom its files belong to. */
async function run(cluster: TestPostgres, name: string, args: readonly string[], input?: string): Promise<string> {
  const options = { ...(await ownerOf(cluster)), maxBuffer: 64 * 1024 * 1024 };
  const running = promisify(execFile)(program(name), [...args], options);
  // A program that has ended reads nothing; why it did is what it is waited for.
  running.child.stdin?.on('error', () => {});
  running.child.stdin?.end(input);
  return (await running).stdout;
}

async function ownerOf({ dataDir }: TestPostgres): Promise<{ uid: number; gid: number; cwd: string }> {
  const { uid, gid } = await stat(dataDir);
  return { uid, gid, cwd: dirname(dataDir) };
}

function program(name: string): string {
  return join(dirname(realpathSync(findPostgres()?.postgres ?? '')), name);
}
