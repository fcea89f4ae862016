import { readFileSync, writeFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import pg from 'pg';
import { type Answer, NOT_RECORDED, NotRecorded, type Recording, Replay, type Sample } from './recording.js';

// Loaded into a service before its program (`node --import=…/driver.js?mode=…&recording=…`): it takes the place of pg's
// connections. As `record` it asks as before and writes down what was answered, as `replay` it answers from there and
// asks nobody. Nothing of the product knows of it.

/** Of one statement: so many at first, then one in a while, so that they differ in what time changes. */
const SAMPLES_AT_FIRST = 32;
const SAMPLE_EVERY_MS = 250;
const SAMPLES_MAX = 96;
/** Chores come once a minute; while they are recorded, once in so much less. */
const CHORES_SOONER = 20;
const CHORE_MS_MIN = 15_000;
/** How often a service takes decisions into its audit log, and how often a responder reports usage. */
const GATHERED_EVERY_MS: readonly number[] = [250, 10_000];
const HOUR_MS = 3_600_000;

type Query = (this: object, ...of: unknown[]) => unknown;
type Callback = (error: Error | null, result?: unknown) => void;

/** While it is recorded. */
type Recorded = Omit<Sample, 'tookMs'> & { tookMs: number };

interface Asked {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly callback: Callback | undefined;
}

const { searchParams: given } = new URL(import.meta.url);
const file = given.get('recording');
if (file !== null) leaveWhatIsGathered();
if (file !== null && given.get('mode') === 'record') record(file);
if (file !== null && given.get('mode') === 'replay') {
  replay(file);
  await forgetWhatWasTold();
}

function record(to: string): void {
  const recording = new Map<string, Recorded[]>();
  /** How often each statement was asked. */
  const asked = new Map<string, number>();
  const query = Reflect.get(pg.Client.prototype, 'query') as unknown as Query;
  patch({
    query(...of) {
      const { text, values, callback } = askedBy(of);
      const startMs = performance.now();
      const keep = (result: pg.QueryResult) => {
        const samples = recording.get(text) ?? [];
        recording.set(text, samples);
        const { command, rowCount, rows } = result;
        const atMs = Date.now();
        const tookMs = performance.now() - startMs;
        const isFirst = samples.length < SAMPLES_AT_FIRST;
        const isDue = samples.length < SAMPLES_MAX && atMs - (samples.at(-1)?.atMs ?? 0) >= SAMPLE_EVERY_MS;
        if (isFirst || isDue) samples.push({ values, command, rowCount, rows, atMs, tookMs });
        // A process that has just begun waits longest for its own turn: how long it took is said by the last ones.
        const times = asked.get(text) ?? 0;
        asked.set(text, times + 1);
        const latest = samples[times % samples.length];
        if (latest !== undefined) latest.tookMs = tookMs;
      };
      if (callback === undefined)
        return (query.apply(this, of) as Promise<pg.QueryResult>).then((result) => (keep(result), result));
      const noted: Callback = (error, result) => {
        if (error === null && result !== undefined) keep(result as pg.QueryResult);
        callback(error, result);
      };
      return query.apply(this, [...of.slice(0, -1), noted]);
    },
  });
  bringChoresForward();
  // Values are of JavaScript's own kinds: dates, bytes, numbers, text.
  process.on('exit', () => writeFileSync(to, serialize(recording)));
}

function replay(from: string): void {
  const answers = new Replay(deserialize(readFileSync(from)) as Recording);
  patch({
    connect(callback) {
      if (typeof callback !== 'function') return Promise.resolve(this);
      process.nextTick(callback, null);
      return undefined;
    },
    // Without a connection there is nothing that keeps the process alive; pg would wait for one each time.
    ref: () => undefined,
    unref: () => undefined,
    query(...of) {
      const { text, values, callback } = askedBy(of);
      const { promise, resolve, reject } = Promise.withResolvers<Answer>();
      const tell: Callback =
        callback ?? ((error, result) => (error === null ? resolve(result as Answer) : reject(error)));
      try {
        const { afterMs, ...answer } = answers.answer(text, values);
        // Not at once: where the database has nobody wait, nobody goes together.
        setTimeout(tell, afterMs, null, answer);
      } catch (error) {
        if (error instanceof NotRecorded) process.stderr.write(`${NOT_RECORDED} ${error.statement}\n`);
        process.nextTick(tell, error);
      }
      if (callback === undefined) return promise;
      return undefined;
    },
  });
}

function patch(methods: Readonly<Record<string, Query>>): void {
  Object.assign(pg.Client.prototype, methods);
}

/** The ways in which pg is asked: a text or an object, then values, then a callback. */
function askedBy(of: readonly unknown[]): Asked {
  const [first, second] = of;
  const last = of.at(-1);
  const callback = typeof last === 'function' ? (last as Callback) : undefined;
  const isText = typeof first === 'string';
  const { text, values = [] } = isText
    ? { text: first, values: Array.isArray(second) ? (second as unknown[]) : [] }
    : (first as { text: string; values?: readonly unknown[] });
  return { text, values: isText ? values : Array.isArray(second) ? (second as unknown[]) : values, callback };
}

/**
 * Nothing is taken into the audit log, and no usage is reported: what waits there is of other requests each time. That work
 * is in the figure of the service and not in that of the floor.
 */
function leaveWhatIsGathered(): void {
  const { setInterval: begin } = globalThis;
  globalThis.setInterval = ((work: () => void, ms: number, ...rest: []) =>
    GATHERED_EVERY_MS.includes(ms) ? begin(() => {}, HOUR_MS) : begin(work, ms, ...rest)) as typeof setInterval;
}

/** What a floor tells callers comes into no log: it would be looked for, and decisions refused once there are too many. */
async function forgetWhatWasTold(): Promise<void> {
  const path = new URL('../../../../packages/service-kit/dist/audit/acknowledged-leaves.js', import.meta.url);
  const { AcknowledgedLeaves } = (await import(path.href)) as { AcknowledgedLeaves: { prototype: Told } };
  const note = Reflect.get<Told, 'note'>(AcknowledgedLeaves.prototype, 'note');
  AcknowledgedLeaves.prototype.note = function (this: Told, rows) {
    note.call(this, rows);
    for (const { org } of rows)
      this.settle(
        org,
        this.of(org).map(({ hash }) => hash),
      );
  };
}

interface Told {
  note(rows: readonly { readonly org: string }[]): void;
  of(org: string): readonly { readonly hash: string }[];
  settle(org: string, hashes: Iterable<string>): void;
}

/** What a service does once a minute has to be on record as well. */
function bringChoresForward(): void {
  const { setInterval: begin } = globalThis;
  globalThis.setInterval = ((work: () => void, ms: number, ...rest: []) =>
    begin(work, ms >= CHORE_MS_MIN ? ms / CHORES_SOONER : ms, ...rest)) as typeof setInterval;
}
