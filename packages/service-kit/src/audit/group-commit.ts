import { databaseFault } from '../database/database-fault.js';
import { OutcomeUnknown } from '../database/outcome.js';

/** Rows in one statement, and the characters of their values, unless one row alone has more. */
const ROWS_MAX = 64;
const CHARACTERS_MAX = 1_048_576;
/** Batches of one kind on their way at the same moment (docs/decisions/2026-11-29-group-commit.md). */
const ON_THE_WAY_MAX = 1;
/** A batch that takes longer holds nobody back who comes after it. */
const SLOW_MS = 250;
/** How long a batch waits for what another transaction holds; from then on each of its rows waits by itself. */
const LOCK_TOGETHER_MS = 100;
/** With that, a request waits for another no longer than two seconds (protocol.md §6). */
const LOCK_ALONE_MS = 1_900;
const LOCK_NOT_AVAILABLE = '55P03';
/** The server has no room, is going down or gives up: no row is to blame. */
const HOPELESS = /^(53|57|58)/;

/** How rows of one kind are written. */
export interface Sender<Row, Verdict> {
  /**
   * Writes rows in one statement: all that can be written of them, or nothing at all where it fails.
   * @returns what became of each
   * @throws {OutcomeUnknown}; any other error says that nothing was written
   */
  send(rows: readonly Row[], lockTimeoutMs: number): Promise<readonly Verdict[]>;
  /** Finds what is there of rows that may have been written; undefined for those of which there is nothing. */
  look(rows: readonly Row[]): Promise<readonly (Verdict | undefined)[]>;
  /** Whether what became of a row is that it was written. */
  isWritten(verdict: Verdict): boolean;
}

/** A row, and what it is told. */
interface Waiting<Row, Verdict> {
  readonly row: Row;
  readonly keys: readonly string[];
  readonly length: number;
  readonly resolve: (verdict: Verdict) => void;
  readonly reject: (error: unknown) => void;
  /** Why it is not known whether it was written, once that is so. */
  untold?: { readonly cause: unknown };
  /** Whether that was so of it alone. */
  isUntoldAlone?: boolean;
}

/**
 * Writes rows together that come at about the same moment. While a batch is on its way those that come wait, and go in the
 * next; where none is, a row goes at once. Nobody waits for a clock. What goes wrong with one row is of no consequence to
 * the others: a batch that fails is halved, and each half is sent again.
 */
export class GroupCommit<Row, Verdict> {
  readonly #sender: Sender<Row, Verdict>;
  #queue: Waiting<Row, Verdict>[] = [];
  #onTheWay = 0;
  /** Of all batches on their way. */
  readonly #keysOnTheWay = new Set<string>();

  constructor(sender: Sender<Row, Verdict>) {
    this.#sender = sender;
  }

  /**
   * @param keys of what only one request at a time can have: rows that share one are never in the same batch, and go in the
   *   order in which they came.
   * @param length of the row, in characters.
   * @throws whatever the database says of this row
   */
  submit(row: Row, keys: readonly string[], length: number): Promise<Verdict> {
    const { promise, resolve, reject } = Promise.withResolvers<Verdict>();
    this.#queue.push({ row, keys, length, resolve, reject });
    this.#depart();
    return promise;
  }

  #depart(): void {
    while (this.#onTheWay < ON_THE_WAY_MAX) {
      const batch = this.#next();
      if (batch.length === 0) return;
      this.#onTheWay++;
      const keys = batch.flatMap((one) => one.keys);
      for (const key of keys) this.#keysOnTheWay.add(key);
      let isGone = false;
      const makeWay = () => {
        if (isGone) return;
        isGone = true;
        clearTimeout(slow);
        this.#onTheWay--;
        for (const key of keys) this.#keysOnTheWay.delete(key);
        this.#depart();
      };
      const slow = setTimeout(makeWay, SLOW_MS).unref();
      void this.#write(batch, LOCK_TOGETHER_MS).finally(makeWay);
    }
  }

  /** Takes from the queue what may go together; what comes later does not overtake what shares a key with it. */
  #next(): Waiting<Row, Verdict>[] {
    const batch: Waiting<Row, Verdict>[] = [];
    const left: Waiting<Row, Verdict>[] = [];
    const taken = new Set(this.#keysOnTheWay);
    let characters = 0;
    for (const one of this.#queue) {
      const hasRoom = batch.length < ROWS_MAX && (batch.length === 0 || characters + one.length <= CHARACTERS_MAX);
      if (hasRoom && !one.keys.some((key) => taken.has(key))) {
        batch.push(one);
        characters += one.length;
      } else left.push(one);
      for (const key of one.keys) taken.add(key);
    }
    this.#queue = left;
    return batch;
  }

  /** Never rejects: each row is told. */
  async #write(batch: readonly Waiting<Row, Verdict>[], lockTimeoutMs: number): Promise<void> {
    let verdicts: readonly Verdict[] = [];
    try {
      verdicts = await this.#sender.send(rowsOf(batch), lockTimeoutMs);
    } catch (error) {
      if (error instanceof OutcomeUnknown) await this.#findOut(batch, error.cause);
      else if (databaseFault(error)?.code === LOCK_NOT_AVAILABLE && lockTimeoutMs < LOCK_ALONE_MS)
        for (const one of batch) void this.#write([one], LOCK_ALONE_MS);
      else if (batch.length === 1 || HOPELESS.test(databaseFault(error)?.code ?? '')) refuse(batch, error);
      else await this.#halve(batch, lockTimeoutMs);
      return;
    }
    await this.#tell(batch, verdicts);
  }

  async #halve(batch: readonly Waiting<Row, Verdict>[], lockTimeoutMs: number): Promise<void> {
    const middle = Math.ceil(batch.length / 2);
    for (const half of [batch.slice(0, middle), batch.slice(middle)])
      if (half.length > 0) await this.#write(half, lockTimeoutMs);
  }

  /** What was sent again may be kept from being written by what was sent first. */
  async #tell(batch: readonly Waiting<Row, Verdict>[], verdicts: readonly Verdict[]): Promise<void> {
    const doubtful: Waiting<Row, Verdict>[] = [];
    for (const [index, one] of batch.entries()) {
      const verdict = verdicts[index] as Verdict;
      // guard: group-doubtful without: one.resolve(verdict);
      if (one.untold === undefined || this.#sender.isWritten(verdict)) one.resolve(verdict);
      else doubtful.push(one);
    }
    if (doubtful.length > 0) refuse(await this.#look(doubtful), undefined);
  }

  /** Reads what is there before anybody is told anything; what is not there is sent again with the same ids. */
  async #findOut(batch: readonly Waiting<Row, Verdict>[], cause: unknown): Promise<void> {
    const wasAlone = batch.length === 1 && batch[0]?.isUntoldAlone === true;
    for (const one of batch) {
      one.untold ??= { cause };
      if (batch.length === 1) one.isUntoldAlone = true;
    }
    const left = await this.#look(batch);
    if (wasAlone) refuse(left, cause);
    else await this.#halve(left, LOCK_ALONE_MS);
  }

  /** Tells those whose rows are there. @returns the others; none where the database does not answer: they are refused */
  async #look(batch: readonly Waiting<Row, Verdict>[]): Promise<readonly Waiting<Row, Verdict>[]> {
    // Where one connection broke, the next one from the pool may be broken too.
    const found = await this.#sender
      .look(rowsOf(batch))
      .catch(() => this.#sender.look(rowsOf(batch)))
      .catch((error: unknown) => refuse(batch, error));
    if (found === undefined) return [];
    return batch.filter((one, index) => {
      const verdict = found[index];
      if (verdict !== undefined) one.resolve(verdict);
      return verdict === undefined;
    });
  }
}

function rowsOf<Row>(batch: readonly { readonly row: Row }[]): Row[] {
  return batch.map(({ row }) => row);
}

/** Where it is not known whether a row was written, that is what is said of it. */
function refuse(batch: readonly Pick<Waiting<never, never>, 'untold' | 'reject'>[], error: unknown): undefined {
  for (const one of batch) one.reject(one.untold === undefined ? error : one.untold.cause);
  return undefined;
}
