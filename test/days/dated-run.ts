import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { findPostgres, startTestPostgres, type TestPostgres } from '@bulla/testkit';
import { repository } from '../../scripts/workspaces.mjs';
import { findFaketime } from '../faults/shifted-clock.js';
import type { Day } from './hard-days.js';

/** What the run around it has told its own processes. */
const OF_THE_RUN_AROUND = new Set([
  'TESTKIT_RUN',
  'JEST_WORKER_ID',
  'NODE_OPTIONS',
  'BULLA_TEST_COVERAGE',
  'BULLA_TEST_LONG',
  'BULLA_TEST_PROBLEMS',
]);

export interface DatedRun {
  readonly status: number | null;
  /** All that it printed, coloured by nobody. */
  readonly text: string;
  /** The last line of the run. */
  readonly closing: string;
}

/** What a machine needs to have tests live on another day; undefined where it lacks one of them. */
export interface DatedTools {
  /** libfaketime. */
  readonly library: string;
  /** True waits for the server (true-waits.c), compiled. */
  readonly trueWaits: string;
}

/** @param folder where anybody may read: the server is another user's */
export function findDatedTools(folder: string): DatedTools | undefined {
  const library = findFaketime();
  if (library === undefined || findPostgres() === undefined) return undefined;
  const trueWaits = join(folder, 'true-waits.so');
  const source = join(import.meta.dirname, 'true-waits.c');
  const { status, error, stderr } = spawnSync('cc', ['-shared', '-fPIC', '-O2', '-o', trueWaits, source]);
  if (error !== undefined) return undefined;
  if (status !== 0) throw new Error(`${source} was not compiled:\n${stderr.toString()}`);
  return { library, trueWaits };
}

/**
 * Runs tests as `npm test -- …` does, on another day: every process of the run, and a PostgreSQL of its own for it, live by a
 * wall clock that is so far off. Monotonic clocks and the clock of the machine stay what they are.
 * @param args of Jest
 */
export async function runOn(day: Day, { library, trueWaits }: DatedTools, args: readonly string[]): Promise<DatedRun> {
  const clock = clockOf(day, library);
  const environment = { ...clock, LD_PRELOAD: `${trueWaits}:${library}` };
  const server = await startTestPostgres({ environment, settings: { timezone: day.zone } });
  try {
    return await run(args, clock, server);
  } finally {
    await server.stop();
  }
}

/** The same distance for each process, whenever it starts. */
function clockOf({ at, zone }: Day, library: string): Readonly<Record<string, string>> {
  const seconds = Math.round((Date.parse(at) - Date.now()) / 1000);
  return {
    LD_PRELOAD: library,
    FAKETIME: `${seconds < 0 ? '' : '+'}${seconds}`,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    TZ: zone,
  };
}

async function run(
  args: readonly string[],
  clock: Readonly<Record<string, string>>,
  { url }: TestPostgres,
): Promise<DatedRun> {
  const inherited = Object.entries(process.env).filter(([name]) => !OF_THE_RUN_AROUND.has(name));
  const child = spawn(process.execPath, [`${repository}/scripts/test.mjs`, ...args, '--maxWorkers=1'], {
    cwd: repository,
    env: {
      ...Object.fromEntries(inherited),
      ...clock,
      BULLA_TEST_DATABASE_URL: url,
      NO_COLOR: '1',
      FORCE_COLOR: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part) => (text += part));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const closing = /^\d+ passed, \d+ failed, \d+ skipped$/m.exec(text)?.[0] ?? '';
  return { status, text, closing };
}
