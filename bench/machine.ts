import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import pg from 'pg';

/** Units of time in `/proc/<pid>/stat`, a second: what Linux tells every program. */
const TICKS_PER_SECOND = 100;
const OPENSSL_SECONDS = 2;

/** What every bench runs on. */
export interface Host {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly openssl: string;
}

/** What the figures of the services were measured on. */
export interface Machine extends Host {
  readonly postgres: string;
  /** RSA-2048 signatures a second on one core, by `openssl speed`: the limit that no service can pass. */
  readonly signsPerSecond: number;
}

export async function describeMachine(databaseUrl: string): Promise<Machine> {
  return { ...describeHost(), postgres: await postgresOf(databaseUrl), signsPerSecond: signsPerSecond() };
}

export function describeHost(): Host {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    node: process.version,
    openssl: execFileSync('openssl', ['version'], { encoding: 'utf8' }).trim().split(' ').slice(0, 2).join(' '),
  };
}

/** RSA-2048 signatures a second on one core now, by `openssl speed`. */
export function signsPerSecond(): number {
  const speed = ['speed', '-mr', '-seconds', String(OPENSSL_SECONDS), 'rsa2048'];
  return signsOf(execFileSync('openssl', speed, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
}

/**
 * @param text what `openssl speed -mr rsa2048` says: `+F2:<n>:2048:` and then signatures a second, or, before OpenSSL
 *   3.2, the seconds that one takes, which is less than one.
 */
export function signsOf(text: string): number {
  const value = Number(/^\+F2:\d+:2048:([0-9.]+):/m.exec(text)?.[1]);
  if (!(value > 0)) throw new Error('openssl speed said nothing about RSA-2048');
  return value < 1 ? 1 / value : value;
}

async function postgresOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const setting = async (name: string) =>
      (await client.query<{ value: string }>('select current_setting($1) as value', [name])).rows[0]?.value;
    const version = (await setting('server_version'))?.split(' ')[0];
    return `PostgreSQL ${version} (fsync ${await setting('fsync')}, synchronous_commit ${await setting('synchronous_commit')})`;
  } finally {
    await client.end();
  }
}

/** Seconds of processor time that a process has taken, all its threads. */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name of the program, in brackets, may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
