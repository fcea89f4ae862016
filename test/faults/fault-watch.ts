import { setTimeout as pause } from 'node:timers/promises';
import { expect } from '@jest/globals';
import pg from 'pg';
import { Author } from './author.js';
import type { VaultWorld } from './vault-world.js';

/** What is promised of every fault: it is over this soon once its cause is. */
const RECOVERS_WITHIN_MS = 30_000;
const LIVE_ANSWERS_WITHIN_MS = 5_000;
const WRITES_BEFORE = 3;

export interface Fault {
  /** Resolves when the trouble is there. */
  begin(): Promise<void>;
  /** Whether the service must notice: then it says that it is not ready before the fault ends. Default true. */
  readonly unready?: boolean;
  /** How long authors rest between two prompts, in a trouble that lasts: all that they write is read again. Default 0. */
  readonly restMs?: number;
  /** What else to see while it lasts. */
  readonly during?: (author: Author) => Promise<void>;
  end(): Promise<void>;
}

/**
 * Has authors write through a fault, and holds what every fault must hold: what was acknowledged is there, byte by
 * byte, and once; every effect has its audit row; a refusal is a 503 that says when to come back, never a 500; it is
 * over by itself; `/health/live` answers all the time.
 * @returns the first author, with all that it met.
 */
export async function expectSurvival(world: VaultWorld, databaseUrl: string, fault: Fault): Promise<Author> {
  const { url } = world.vault;
  const authors = [new Author(url, world.organisation), new Author(url, world.organisation)] as const;
  const over = new AbortController();
  const misses = pulse(url, over.signal);
  const writing = authors.map((author) => author.writeOn(fault.restMs));
  try {
    await until('the first writes', () => authors.every(({ acknowledged }) => acknowledged.length >= WRITES_BEFORE));
    await fault.begin();
    if (fault.unready !== false) await until('not ready', async () => (await ready(url)) === 503);
    await fault.during?.(authors[0]);
    await fault.end();
    const before = authors.map(({ acknowledged }) => acknowledged.length);
    await until('ready again', async () => (await ready(url)) === 200);
    await until('writes again', () => authors.every(({ acknowledged }, n) => acknowledged.length > (before[n] ?? 0)));
  } finally {
    for (const author of authors) author.stop();
    over.abort();
  }
  await Promise.all(writing);
  expect(await misses).toEqual([]);
  for (const author of authors) {
    expect(
      author.refusals.filter(({ status, headers }) => status !== 503 || headers['retry-after'] === undefined),
    ).toEqual([]);
    expect(await author.missing()).toEqual([]);
  }
  const written = authors.flatMap(({ acknowledged }) => acknowledged);
  await expectOnce(
    databaseUrl,
    written.map(({ id }) => id),
  );
  return authors[0];
}

/** Each prompt has one row, one version and an audit row for both. */
async function expectOnce(databaseUrl: string, ids: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string; versions: number; created: number; pushed: number }>(
      `with done as materialized (
         select event->>'act' as act, event->'obj'->>'prompt' as prompt, count(*)::int as count from vault.audit_event
         where event->>'res' = 'ok' and event->>'act' in ('prompt.create', 'version.create') group by 1, 2)
       select p.id,
         (select count(*)::int from vault.prompt_version v where v.prompt_id = p.id) as versions,
         coalesce(c.count, 0) as created, coalesce(v.count, 0) as pushed
       from vault.prompt p
         left join done c on c.prompt = p.id and c.act = 'prompt.create'
         left join done v on v.prompt = p.id and v.act = 'version.create'
       where p.id = any($1)`,
      [ids],
    );
    expect(rows.map(({ id }) => id).toSorted()).toEqual([...ids].toSorted());
    expect(rows.filter(({ versions }) => versions !== 1)).toEqual([]);
    // A try that was answered again has a row of its own.
    expect(rows.filter(({ created, pushed }) => created < 1 || pushed < 1)).toEqual([]);
  } finally {
    await client.end();
  }
}

/** Asks for `/health/live` until told to stop. @returns what came instead of a 200 in time */
async function pulse(url: string, stop: AbortSignal): Promise<string[]> {
  const misses: string[] = [];
  for (; !stop.aborted; await pause(100)) {
    try {
      const { status } = await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(LIVE_ANSWERS_WITHIN_MS) });
      if (status !== 200) misses.push(String(status));
    } catch (error) {
      misses.push(String(error));
    }
  }
  return misses;
}

/** Status of `/health/ready`. */
export async function ready(url: string): Promise<number> {
  const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(RECOVERS_WITHIN_MS) });
  await response.text();
  return response.status;
}

/** Waits for something to become so. @throws {Error} naming it, when it takes longer than a fault may */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const last = performance.now() + RECOVERS_WITHIN_MS; !(await isSo()); await pause(50)) {
    if (performance.now() > last) throw new Error(`it took too long: ${what}`);
  }
}
