import type { AcknowledgedLeaves } from '../audit/acknowledged-leaves.js';
import type { ServiceKeys } from '../authentication/service-keys.js';
import type { Database } from '../database/database.js';
import type { LedgerTables } from '../audit/ledger-tables.js';
import type { EventLog } from '../observe/event-log.js';
import { LogEvent } from '../observe/event-log.js';
import type { Clock } from '../process/clock.js';
import type { AuditLag } from './audit-lag.js';
import type { CheckpointSigner } from './checkpoint-signer.js';
import { growTree } from './growth.js';
import type { LogHead } from './log-head.js';
import { LogLost } from './log-lost.js';
import { BadMark } from './marks.js';
import type { LogMetrics } from './log-metrics.js';
import type { LogRepository } from './log.repository.js';
import type { LogBegin } from './begin/log-begin.js';
import type { LogPens, Pen } from './log-pens.js';
import { Partitions } from './partitions.js';
import type { RowAlarms } from '../audit-rows/row-alarms.js';
import type { Taken } from '../audit-rows/row-check.js';
import { RowCheck } from '../audit-rows/row-check.js';

type Db = Parameters<LogRepository['take']>[0];

/** Entries of one transaction. */
const BATCH = 1_000;
/** Of one organisation before the next has its turn: what one has to wait for another to, if that one floods its log. */
const BATCHES_MAX = 8;
/** As long as there is more than a turn takes, nobody waits for the next look; after so long a stop may come between. */
const ROUNDS_MS = 5_000;

/** Until a person decides what to do about it, nothing is written to this log (docs/guide/deploy.md, After a restore). */
const AUDIT_LOG_LOST = new LogEvent<{ org: string; why: string; origin: string; signedSize: number }>(
  'audit-log-lost',
  'error',
);
/** The directory lists a key for the log that the key file of this process does not have. */
const AUDIT_KEY_MISSING = new LogEvent<{ org: string }>('audit-key-missing', 'error');
/** A file in the folder of marks is none, or no key of its log signed it; until it is moved away nothing is signed. */
const AUDIT_MARK_REFUSED = new LogEvent<{ org: string; why: string; file: string }>('audit-mark-refused', 'error');
const TELL_EVERY_MS = 60_000;
/** What `bulla trust renew --begin-logs` takes between the folder of marks and the directory. */
const BEGINNING_MS = 30_000;

export interface SequencerParts {
  readonly database: Pick<Database<LedgerTables>, 'exclusively' | 'schema'>;
  readonly logs: LogRepository;
  readonly lag: Pick<AuditLag, 'note' | 'noteBlind' | 'noteLost'>;
  readonly pens: Pick<LogPens, 'of'>;
  readonly signer: Pick<CheckpointSigner, 'requireContinued' | 'sign'>;
  readonly begin: Pick<LogBegin, 'isDue' | 'begin' | 'takeBack'>;
  /** Those whose documents are at hand: their logs begin although nothing waits. */
  readonly organisations: () => readonly string[];
  readonly metrics: Pick<LogMetrics, 'signed' | 'failed'>;
  readonly alarms: Pick<RowAlarms, 'forged' | 'unknown'>;
  readonly keys: Pick<ServiceKeys, 'rows'>;
  readonly told?: Pick<AcknowledgedLeaves, 'isTold'> | undefined;
  readonly clock: Clock;
  readonly log: EventLog;
}

/**
 * Takes decisions out of the outbox into the log of their organisation, one batch in one transaction, and has each
 * grown tree signed once it is committed (protocol.md §8). Any process may do it; a lock keeps the others from trying,
 * and the fence of the head decides.
 */
export class Sequencer {
  readonly #parts: SequencerParts;
  readonly #partitions: Partitions;
  readonly #check: RowCheck;
  /** The log of each organisation that this process has looked at and found whole. */
  readonly #looked = new Map<string, string>();
  /** Since when a log is lost, as this process found it. */
  readonly #lostSinceMs = new Map<string, number>();
  /** When it was last said of an organisation that its log is lost. */
  readonly #toldMs = new Map<string, number>();

  constructor(parts: SequencerParts) {
    this.#parts = parts;
    this.#partitions = new Partitions(parts.database.schema);
    this.#check = new RowCheck(parts);
  }

  /** Writes and signs all that waits, unless another process is at it. @throws what the first that failed threw */
  async run(): Promise<void> {
    const { clock } = this.#parts;
    const untilMs = clock.monotonicMs() + ROUNDS_MS;
    while ((await this.#round()) && clock.monotonicMs() < untilMs);
  }

  /** A turn for each organisation, those with the least first. @returns whether there is more than that for one of them */
  async #round(): Promise<boolean> {
    const { logs, lag, metrics, keys, pens } = this.#parts;
    const isWritten = async (org: string, log: number) => (await pens.of(org).catch(() => undefined))?.number === log;
    const waiting = await logs.waiting(keys.rows.ids, isWritten).catch((error: unknown) => {
      lag.noteBlind();
      throw error;
    });
    lag.note(waiting);
    for (const { org, unknown } of waiting) this.#parts.alarms.unknown(org, unknown);
    const orgs = [...new Set([...waiting.map(({ org }) => org), ...(await this.#due())])];
    if (orgs.length === 0) return false;
    let hasMore = false;
    await this.#parts.database.exclusively('audit-sequencer', async () => {
      const failures: unknown[] = [];
      for (const org of orgs) {
        try {
          const turn = await this.#turn(org);
          if (turn !== undefined) metrics.signed(org, turn.size);
          lag.noteLost(org, false);
          this.#lostSinceMs.delete(org);
          if (turn?.isCut === true) hasMore = true;
        } catch (error) {
          metrics.failed(org, error);
          this.#noteLost(org, error);
          // What is wrong with the log of one organisation keeps no other waiting.
          failures.push(error);
        }
      }
      // What is lost was said already.
      if (failures.length > 0) throw failures.find((error) => !(error instanceof LogLost)) ?? failures[0];
    });
    return hasMore;
  }

  /** Organisations of which nothing may wait, and whose log this process has not looked at since its number is what it is. */
  async #due(): Promise<string[]> {
    const { organisations, pens } = this.#parts;
    const due: string[] = [];
    for (const org of organisations()) {
      // Why there is none the turn finds, and says.
      const pen = await pens.of(org).catch(() => undefined);
      if (pen === undefined || this.#looked.get(org) !== pen.origin) due.push(org);
    }
    return due;
  }

  /** @returns how far the log is written now, and whether the turn was over before there was nothing left. */
  async #turn(org: string): Promise<{ size: number; isCut: boolean } | undefined> {
    const { signer, pens, begin } = this.#parts;
    const pen = await pens.of(org);
    // Its documents come later.
    if (pen === undefined) return undefined;
    let head = await this.#continued(pen);
    // Another process signs, and so begins.
    if (head === undefined) return undefined;
    const begun = head;
    // Another process may have written to a log that has ended, by a directory of before.
    // guard: turn-takes-back
    if (pen.signsFrom !== undefined) await begin.takeBack(pen);
    let isCut = true;
    for (let batches = 0; isCut && batches < BATCHES_MAX; batches++) {
      const before: LogHead = head;
      const written = { head: before, marks: pen.marks };
      const grown = await this.#append(before, (trx) => this.#check.take(trx, written, BATCH));
      // What came meanwhile waits for the next look: to write it a few at a time costs more than what there is of it.
      isCut = grown.isCut;
      head = grown.head;
    }
    // The first mark may be of this turn.
    await signer.sign((await pens.of(org)) ?? pen, { from: begun, to: head });
    this.#looked.set(org, pen.origin);
    return { size: head.size, isCut };
  }

  /** The log to write to, begun where it is not. @throws {LogLost} if what is there is not what was signed of it */
  async #continued(pen: Pen): Promise<LogHead | undefined> {
    const { logs, signer, begin } = this.#parts;
    const there = await logs.treeOf(pen.org, pen.number);
    if (begin.isDue(pen, there)) {
      await begin.begin(pen, there);
      const begun = await this.#parts.pens.of(pen.org);
      return begun === undefined || begun.origin !== pen.origin ? undefined : await this.#written(begun);
    }
    const head = await logs.find(pen.org, pen.number);
    if (head === undefined && pen.signsFrom === undefined) return undefined;
    // guard: log-other-database
    if (head === undefined) throw new LogLost('changed', pen.marks.at(-1));
    await signer.requireContinued(pen, head);
    return head;
  }

  async #written(pen: Pen): Promise<LogHead> {
    const head = await this.#parts.logs.find(pen.org, pen.number);
    if (head === undefined) throw new Error('another process has begun the log');
    await this.#parts.signer.requireContinued(pen, head);
    return head;
  }

  #noteLost(org: string, error: unknown): void {
    const { lag, log, clock } = this.#parts;
    if (error instanceof BadMark && this.#mayTell(org, clock.monotonicMs()))
      log.write(AUDIT_MARK_REFUSED, { org, why: error.why, file: error.file });
    if (!(error instanceof LogLost)) return;
    lag.noteLost(org, true);
    const nowMs = clock.monotonicMs();
    const sinceMs = this.#lostSinceMs.get(org) ?? nowMs;
    this.#lostSinceMs.set(org, sinceMs);
    // A folder that a person has just set up for the next number, and whose key will be listed in a moment.
    // guard: lost-number-new
    if (error.why === 'number' && nowMs - sinceMs < BEGINNING_MS) return;
    if (!this.#mayTell(org, nowMs)) return;
    if (error.why === 'key') log.write(AUDIT_KEY_MISSING, { org });
    else {
      const { origin = '', size: signedSize = 0 } = error.mark ?? {};
      log.write(AUDIT_LOG_LOST, { org, why: error.why, origin, signedSize });
    }
  }

  #mayTell(org: string, nowMs: number): boolean {
    const toldMs = this.#toldMs.get(org);
    if (toldMs !== undefined && nowMs - toldMs < TELL_EVERY_MS) return false;
    this.#toldMs.set(org, nowMs);
    return true;
  }

  /** @returns the head after it. @throws {Error} if another has grown the log */
  async #append(head: LogHead, take: (trx: Db) => Promise<Taken>): Promise<{ head: LogHead; isCut: boolean }> {
    const { logs } = this.#parts;
    const moments: Date[] = [];
    const { taken, grown } = await logs.transaction(async (trx) => {
      const found = await take(trx);
      const { rows } = found;
      if (rows.length === 0) return { taken: found, grown: head };
      const growth = await growTree(
        head.frontier,
        rows.map(({ hash }) => hash),
      );
      if (!(await logs.advance(trx, head, growth))) throw new Error('another process has grown the log');
      moments.push(...rows.map(({ at }) => at));
      await this.#partitions.require(trx, moments);
      await logs.addTiles(trx, head, growth);
      await logs.addEntries(
        trx,
        head,
        rows.map(({ id, terms }) => ({ ...terms, id })),
      );
      return { taken: found, grown: { ...head, ...growth.head, frontier: growth.frontier } };
    });
    this.#partitions.note(moments);
    this.#parts.alarms.forged(head.org, taken.forged);
    if (grown !== head) this.#check.note(grown, taken.rows);
    return { head: grown, isCut: taken.isCut };
  }
}
