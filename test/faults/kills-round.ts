import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { Bulla, BullaError, identityOf } from '@bulla/client';
import type { KeyFile } from '@bulla/crypto';
import { type FakeOpenai, isLongRun, startFakeOpenai } from '@bulla/testkit';
import { environment } from '../bulla-process.js';
import type { Completion, StoredText, Work } from './kills-history.js';
import { findFaults, readHistory, workOf } from './kills-history.js';
import { findUnlogged } from './kills-logs.js';
import type { Logs } from './kills-logs.js';
import { MODEL_MS } from './kills-nemesis.js';
import { findMiscounted } from './kills-usage.js';
import type { Tell } from './kills-nemesis.js';

/** Services with one client identity, whose processes are killed. */
export interface Stack {
  readonly vaultUrl: string;
  readonly pin: string;
  /** A device that may write and run. */
  readonly keyFile: KeyFile;
  readonly logs: Logs;
  /** Kills what there is to kill and brings it back. */
  haunt(tell: Tell): Promise<void>;
  /** Takes a minute off the life of every lease, as time would; the services are ready afterwards. */
  ageLeases(): Promise<void>;
  stop(): Promise<void>;
}

export interface Round extends Work {
  readonly kills: number;
  /** The longest that a process took to be ready. */
  readonly longestReadyMs: number;
}

/** Eight busy clients are no attack. */
export const WIDE_LIMITS = {
  BULLA_LIMIT_KEY_PER_SECOND: '100000',
  BULLA_LIMIT_ORG_PER_SECOND: '100000',
} as const;

const WRITERS = 8;
const TOKENS = ['All ', 'is ', 'well.'];
const WRITERS_END_WITHIN_MS = 240_000;
const READY_WITHIN_MS = 30_000;
const FIRST_ANSWER_WITHIN_MS = 120_000;
const MARKER = /<[^>]*>/;

export function startModel(): Promise<FakeOpenai> {
  return startFakeOpenai({ replies: { tokens: TOKENS, delayBeforeTokensMs: MODEL_MS } });
}

/**
 * One round: clients in processes of their own write and run while processes are killed, then everything that they were
 * told is checked. The folder with histories and kills stays where something was wrong.
 * @throws {Error} with seed and folder, where a fault was found or the round did not come to its end
 */
export async function play(folder: string, seed: number, stack: Stack, model: FakeOpenai): Promise<Round> {
  await mkdir(folder, { recursive: true });
  try {
    const round = await playIn(folder, stack, model);
    process.stderr.write(`seed ${seed}: ${JSON.stringify(round)}\n`);
    await rm(folder, { recursive: true });
    return round;
  } catch (error) {
    throw new Error(`seed ${seed}, see ${folder}: ${(error as Error).message}`, { cause: error });
  }
}

async function playIn(folder: string, stack: Stack, model: FakeOpenai): Promise<Round> {
  const writers = await Promise.all(Array.from({ length: WRITERS }, (_, index) => startWriter(folder, stack, index)));
  const readyMs: number[] = [];
  let kills = 0;
  try {
    // An answer that was given must outlive all that follows; each run that is cut short keeps its place to the end.
    await firstAnswer(writers);
    await stack.haunt((what) => {
      if ('readyMs' in what) readyMs.push(what.readyMs);
      else appendFileSync(join(folder, 'kills'), `${++kills}. ${what.kill}\n`);
    });
    await stack.ageLeases();
    await Promise.all(writers.map((writer) => writer.finish()));
  } finally {
    for (const { child } of writers) child.kill('SIGKILL');
  }
  const lines = (await Promise.all(writers.map(({ history }) => readHistory(history)))).flat();
  const bulla = Bulla.offline({ url: stack.vaultUrl, pin: stack.pin, identity: await identityOf(stack.keyFile) });
  const completions = completionsOf(model);
  const read = (name: string, version: number) => storedOf(bulla, name, version);
  expect(await findFaults(lines, { completions, answer: TOKENS.join(''), read })).toEqual([]);
  expect(await findUnlogged(stack.logs, lines, completions)).toEqual([]);
  const counted = async () => (await bulla.usage.read()).total;
  expect(await findMiscounted(stack.logs.responder, completions, counted)).toEqual([]);
  return { kills, longestReadyMs: Math.round(Math.max(...readyMs)), ...workOf(lines, completions) };
}

async function startWriter(folder: string, { vaultUrl: url, pin, keyFile }: Stack, index: number) {
  const history = join(folder, `history-${index}`);
  const orders = join(folder, `orders-${index}`);
  const name = `kills/writer-${index}`;
  await writeFile(orders, JSON.stringify({ url, pin, keyFile, name, history }), { mode: 0o600 });
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, 'kills-writer.mjs'), orders], {
    env: environment({}),
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const said: Buffer[] = [];
  child.stderr?.on('data', (part: Buffer) => said.push(part));
  const ended = once(child, 'close') as Promise<[number | null]>;
  return {
    child,
    history,
    /** Has it end what it began. @throws {Error} when it does not, or had ended before */
    async finish() {
      child.stdin?.end();
      const [status] = await Promise.race([ended, pause(WRITERS_END_WITHIN_MS, [undefined], { ref: false })]);
      if (status !== 0) throw new Error(`${name} ended with ${status}:\n${Buffer.concat(said).toString()}`);
    },
  };
}

async function firstAnswer(writers: readonly { readonly history: string }[]): Promise<void> {
  const untilMs = performance.now() + FIRST_ANSWER_WITHIN_MS;
  for (; performance.now() < untilMs; await pause(20)) {
    // A writer that has only just begun has no history yet.
    const texts = await Promise.all(writers.map(({ history }) => readFile(history, 'utf8').catch(() => '')));
    if (texts.some((text) => text.includes('"op":"answered"'))) return;
  }
  throw new Error(`nobody was answered within ${FIRST_ANSWER_WITHIN_MS} ms, before any kill`);
}

function completionsOf(model: FakeOpenai): Completion[] {
  const jtis = new Map(
    model.requests.map(({ requestId, body }) => [requestId, MARKER.exec(body.toString())?.[0] ?? '']),
  );
  return [...jtis].map(([jti, marker]) => ({ jti, marker, started: model.completionsOf(jti).started }));
}

async function storedOf(bulla: Bulla, name: string, version: number): Promise<StoredText | undefined> {
  try {
    const { statement, chash } = await bulla.prompts.read(name, { version });
    return { text: statement.content.messages[0]?.content ?? '', chash };
  } catch (error) {
    if (error instanceof BullaError && error.code === 'not_found') return undefined;
    throw error;
  }
}

/** That the clients had something to lose, in a short round a version each: else nothing was tried. */
export function expectWork({ versions, answers, cutShort }: Work): void {
  expect(versions).toBeGreaterThanOrEqual(isLongRun() ? 21 : WRITERS);
  expect(answers).toBeGreaterThan(0);
  expect(cutShort).toBeGreaterThan(0);
}

/** How long things take on this machine, which may be busy: measured by a start that nobody disturbs. */
export interface Pace {
  /** Half a minute where a start takes a few seconds. */
  readonly readyWithinMs: number;
  /** The longest that a process is left alone: about as long as it needs to come up. */
  readonly mostMs: number;
}

export async function paceOf(start: () => Promise<unknown>): Promise<Pace> {
  const startedMs = performance.now();
  await start();
  const takenMs = performance.now() - startedMs;
  return {
    readyWithinMs: Math.max(READY_WITHIN_MS, Math.round(5 * takenMs)),
    mostMs: Math.round(Math.min(Math.max(0.7 * takenMs, 700), 10_000)),
  };
}

/**
 * Waits until a service is ready.
 * @param sinceMs from when it had everything that it needs
 * @returns how long ago that is
 * @throws {Error} if that is too long ago
 */
export async function requireReady(
  url: string,
  { withinMs, sinceMs, said }: { withinMs: number; sinceMs: () => number; said: () => string },
): Promise<number> {
  for (; ; await pause(50)) {
    const status = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(withinMs) }).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) return performance.now() - sinceMs();
    if (performance.now() - sinceMs() > withinMs)
      throw new Error(`${url} is not ready after ${withinMs} ms (${status}):\n${said()}`);
  }
}
