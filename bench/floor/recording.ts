/** Begins the line that a service writes for a statement without a recording. */
export const NOT_RECORDED = 'bench: not recorded:';

/** One statement as it was asked and answered. */
export interface Sample {
  readonly values: readonly unknown[];
  readonly command: string;
  readonly rowCount: number | null;
  readonly rows: readonly Row[];
  /** Milliseconds since 1970, when its answer came. */
  readonly atMs: number;
  /** How long that took. */
  readonly tookMs: number;
}

/** By text of the statement. */
export type Recording = ReadonlyMap<string, readonly Sample[]>;

type Row = Readonly<Record<string, unknown>>;
/** Makes one value of an answer. @param at the place of its row */
type Make = (values: readonly unknown[], at: number) => unknown;
/** Makes the one that was given at an index of what a sample was seen with. */
type Given = (index: number) => Make;

/** What a driver gives for a statement. */
export interface Answer {
  readonly command: string;
  readonly rowCount: number | null;
  readonly rows: Record<string, unknown>[];
}

/** When an answer is due after its question: what waits for it meanwhile goes together, as before. */
export interface Due extends Answer {
  readonly afterMs: number;
}

/** So far from the moment of its answer may a value be that a clock made. */
const CLOCK_WITHIN_MS = 2_000;

/**
 * What a chore sends once a minute, so that a short recording has none of it. No request waits for it, and in a database
 * without rows it removes none.
 */
const PURGE = /^delete from "[a-z]+"\."[a-z_]+" where ctid = any\(array\(\(select ctid as "at"/;
const NOTHING_PURGED: Due = { command: 'DELETE', rowCount: 0, rows: [], afterMs: 0 };

/** A statement that was never recorded, or not so that its answer to these values is known. */
export class NotRecorded extends Error {
  override readonly name = 'NotRecorded';

  constructor(readonly statement: string) {
    super(`there is no recorded answer to this statement: ${statement}`);
  }
}

/** Answers statements from a recording, without any work but that. */
export class Replay {
  readonly #statements = new Map<string, Statement>();

  constructor(recording: Recording) {
    for (const [text, samples] of recording) this.#statements.set(text, new Statement(samples));
  }

  /** @throws {NotRecorded} */
  answer(text: string, values: readonly unknown[]): Due {
    const statement = this.#statements.get(text);
    if (statement === undefined && PURGE.test(text)) return NOTHING_PURGED;
    const answer = statement?.answer(values);
    if (statement === undefined || answer === undefined) throw new NotRecorded(text);
    return { ...answer, afterMs: statement.afterMs };
  }
}

/** All answers to one statement. */
class Statement {
  /** For whatever values: known where the answers to several different ones can be told from these values. */
  readonly #any: ((values: readonly unknown[]) => Answer) | undefined;
  /** For the same values as before. */
  readonly #exact = new Map<string, Sample>();
  /** How long most answers took at most: the one in the middle. */
  readonly afterMs: number;

  constructor(samples: readonly Sample[]) {
    for (const sample of samples) this.#exact.set(JSON.stringify(sample.values), sample);
    const took = samples.map(({ tookMs }) => tookMs).toSorted((one, other) => one - other);
    this.afterMs = took[took.length >> 1] ?? 0;
    const isSure = this.#exact.size > 1 || samples.every(({ values }) => values.length === 0);
    this.#any = isSure ? learn(samples) : undefined;
  }

  answer(values: readonly unknown[]): Answer | undefined {
    if (this.#any !== undefined) return this.#any(values);
    const sample = this.#exact.get(JSON.stringify(values));
    if (sample === undefined) return undefined;
    return { command: sample.command, rowCount: sample.rowCount, rows: sample.rows.map((row) => ({ ...row })) };
  }
}

/** How to answer whatever values; undefined where the samples do not say. */
function learn(samples: readonly Sample[]): ((values: readonly unknown[]) => Answer) | undefined {
  const [first] = samples;
  if (first === undefined) return undefined;
  const isList = ({ values, rows }: Sample) => {
    const lengths = values.map(lengthOf).filter((length) => length !== undefined);
    return lengths.length > 0 && lengths.every((length) => length === rows.length);
  };
  if (samples.every(isList)) return learnList(samples, first);
  const { command, rowCount } = first;
  const isAlike = samples.every(
    (one) => one.command === command && one.rowCount === rowCount && one.rows.length === first.rows.length,
  );
  if (!isAlike) return undefined;
  const rows: [string, Make][][] = [];
  for (const at of first.rows.keys()) {
    const seen = samples.map(({ values, atMs, rows: all }) => ({ values, atMs, row: all[at] ?? {} }));
    const columns = learnRow(seen, (index) => (values) => values[index]);
    if (columns === undefined) return undefined;
    rows.push(columns);
  }
  return (values) => ({ command, rowCount, rows: rows.map((columns, at) => made(columns, values, at)) });
}

/** The same for a statement that has a row for each item of the lists among its values, in their order. */
function learnList(
  samples: readonly Sample[],
  { command }: Sample,
): ((values: readonly unknown[]) => Answer) | undefined {
  const seen = samples.flatMap(({ values, rows, atMs }) =>
    inOrder(rows).map((row, at) => ({ values: [at + 1, ...values.map((list) => itemOf(list, at))], atMs, row })),
  );
  const columns = learnRow(seen, (index) => (values, at) => (index === 0 ? at + 1 : itemOf(values[index - 1], at)));
  if (columns === undefined) return undefined;
  return (values) => {
    const length = values.map(lengthOf).find((one) => one !== undefined) ?? 0;
    const rows = Array.from({ length }, (_, at) => made(columns, values, at));
    return { command, rowCount: rows.length, rows };
  };
}

/** By their places, where a column numbers them: a statement that groups its rows answers them in any order. */
function inOrder(rows: readonly Row[]): readonly Row[] {
  const place = Object.keys(rows[0] ?? {}).find((name) => {
    const places = new Set(rows.map(({ [name]: at }) => at));
    return rows.every((_, at) => places.has(at + 1));
  });
  return place === undefined ? rows : rows.toSorted((one, other) => Number(one[place]) - Number(other[place]));
}

/** One row of a statement, as it was answered to some values. */
interface Seen {
  readonly values: readonly unknown[];
  readonly atMs: number;
  readonly row: Row;
}

function learnRow(seen: readonly Seen[], given: Given): [string, Make][] | undefined {
  const columns: [string, Make][] = [];
  for (const name of Object.keys(seen[0]?.row ?? {})) {
    const make = learnValue(seen, name, given);
    if (make === undefined) return undefined;
    columns.push([name, make]);
  }
  return columns;
}

/** What a clock said, what is always so, or what was given; undefined for anything else. */
function learnValue(seen: readonly Seen[], name: string, given: Given): Make | undefined {
  const isClock = (unitMs: number) =>
    seen.every(({ row: { [name]: value }, atMs }) => {
      return typeof value === 'number' && Math.abs(value * unitMs - atMs) < CLOCK_WITHIN_MS;
    });
  if (isClock(1)) return () => Date.now();
  const value = seen[0]?.row[name];
  if (new Set(seen.map(({ row }) => JSON.stringify(row[name]))).size === 1) return () => value;
  const index = seen[0]?.values.findIndex((_, at) => seen.every(({ row, values }) => values[at] === row[name])) ?? -1;
  if (index >= 0) return given(index);
  return isClock(1000) ? () => Math.floor(Date.now() / 1000) : undefined;
}

function made(
  columns: readonly (readonly [string, Make])[],
  values: readonly unknown[],
  at: number,
): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const [name, make] of columns) row[name] = make(values, at);
  return row;
}

function lengthOf(list: unknown): number | undefined {
  return Array.isArray(list) ? list.length : undefined;
}

/** What a row is given: its item of a list, or what all are given. */
function itemOf(value: unknown, at: number): unknown {
  return Array.isArray(value) ? (value as unknown[])[at] : value;
}
