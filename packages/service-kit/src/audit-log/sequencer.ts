import { decodeUtf8, encodeBase64url, utf8 } from '@bulla/crypto';
import { emptyRoot, EMPTY_FRONTIER } from '@bulla/crypto/log';
import { auditOfService } from '../audit/audit-record.js';
import type { ServiceKeys } from '../authentication/service-keys.js';
import type { Database } from '../database/database.js';
import type { LedgerTables } from '../audit/ledger-tables.js';
import type { EventLog } from '../observe/event-log.js';
import { LogEvent } from '../observe/event-log.js';
import type { Clock } from '../process/clock.js';
import type { AuditLag } from './audit-lag.js';
import type { CheckpointSigner } from './checkpoint-signer.js';
import { termsOf } from './entry-terms.js';
import { growTree } from './growth.js';
import type { LogHead } from './log-head.js';
import { LogLost } from './log-lost.js';
import type { LogMetrics } from './log-metrics.js';
import type { LogRepository, WaitingRow } from './log.repository.js';
import type { LogMark } from './marks.js';
import { Partitions } from './partitions.js';

/** Entries of one transaction. */
const BATCH = 1_000;
/** Of one organisation before the next has its turn: what one has to wait for another to, if that one floods its log. */
const BATCHES_MAX = 8;
/** As long as there is more than a turn takes, nobody waits for the next look; after so long a stop may come between. */
const ROUNDS_MS = 5_000;

/** Until a person decides what to do about it, nothing is written to this log (docs/guide/deploy.md, After a restore). */
const AUDIT_LOG_LOST = new LogEvent<{ org: string; origin: string; signedSize: number }>('audit-log-lost', 'error');
const TELL_EVERY_MS = 60_000;

export interface SequencerParts {
  readonly database: Pick<Database<LedgerTables>, 'exclusively' | 'schema'>;
  readonly logs: LogRepository;
  readonly lag: Pick<AuditLag, 'note' | 'noteBlind'>;
  readonly signer: CheckpointSigner;
  readonly metrics: Pick<LogMetrics, 'signed' | 'failed'>;
  readonly keys: Pick<ServiceKeys, 'urnIn'>;
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
  /** When it was last said of an organisation that its log is lost. */
  readonly #toldMs = new Map<string, number>();

  constructor(parts: SequencerParts) {
    this.#parts = parts;
    this.#partitions = new Partitions(parts.database.schema);
  }

  /** Writes and signs all that waits, unless another process is at it. @throws what the first that failed threw */
  async run(): Promise<void> {
    const { clock } = this.#parts;
    const untilMs = clock.monotonicMs() + ROUNDS_MS;
    while ((await this.#round()) && clock.monotonicMs() < untilMs);
  }

  /** A turn for each organisation, those with the least first. @returns whether there is more than that for one of them */
  async #round(): Promise<boolean> {
    const { logs, lag, metrics } = this.#parts;
    const waiting = await logs.waiting().catch((error: unknown) => {
      lag.noteBlind();
      throw error;
    });
    lag.note(waiting);
    if (waiting.length === 0) return false;
    let hasMore = false;
    await this.#parts.database.exclusively('audit-sequencer', async () => {
      const failures: unknown[] = [];
      for (const { org } of waiting) {
        try {
          const { size, isCut } = await this.#turn(org);
          metrics.signed(org, size);
          if (isCut) hasMore = true;
        } catch (error) {
          metrics.failed(org, error);
          // What is wrong with the log of one organisation keeps no other waiting.
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    });
    return hasMore;
  }

  /** @returns how far the log is signed now, and whether the turn was over before there was nothing left. */
  async #turn(org: string): Promise<{ size: number; isCut: boolean }> {
    const { logs, signer } = this.#parts;
    let head = await this.#continued(org);
    let isCut = true;
    for (let batches = 0; isCut && batches < BATCHES_MAX; batches++) {
      const grown = await this.#append(head, (trx) => logs.take(trx, org, BATCH));
      // What came meanwhile waits for the next look: to write it a few at a time costs more than what there is of it.
      isCut = grown !== undefined && grown.size - head.size === BATCH;
      head = grown ?? head;
    }
    await signer.sign(org);
    return { size: head.size, isCut };
  }

  /** The log to write to: the newest, or another where that was lost and a new key is there to begin it with. */
  async #continued(org: string): Promise<LogHead> {
    const { logs, signer, clock, log } = this.#parts;
    try {
      const marks = await signer.marks(org);
      const newest = await logs.newest(org);
      if (newest === undefined) return await this.#beginFirst(org, marks.at(-1));
      await signer.requireContinued(newest, marks);
      return newest;
    } catch (error) {
      if (!(error instanceof LogLost)) throw error;
      // A restored log is never continued: what is put to its end would contradict what was signed.
      // guard: log-new-key
      if (error.mark.kid !== (await signer.kidOf(org))) return this.#begin(org, error.next, error.mark);
      const { origin, size } = error.mark;
      if (this.#mayTell(org, clock.monotonicMs())) log.write(AUDIT_LOG_LOST, { org, origin, signedSize: size });
      throw error;
    }
  }

  /** A database without a log, where none was signed before. */
  async #beginFirst(org: string, mark: LogMark | undefined): Promise<LogHead> {
    // guard: log-other-database
    if (mark !== undefined) throw new LogLost(mark);
    return this.#begin(org, 1);
  }

  #mayTell(org: string, nowMs: number): boolean {
    const toldMs = this.#toldMs.get(org);
    if (toldMs !== undefined && nowMs - toldMs < TELL_EVERY_MS) return false;
    this.#toldMs.set(org, nowMs);
    return true;
  }

  async #begin(org: string, log: number, before?: LogMark): Promise<LogHead> {
    const { logs, keys, clock } = this.#parts;
    const origin = `${keys.urnIn(org)}/audit/${log}`;
    const empty = { org, log, origin, size: 0, root: await emptyRoot(), frontier: EMPTY_FRONTIER };
    const head: LogHead = { ...empty, checkpoint: null, signedSize: 0 };
    const obj = {
      log,
      ...(before !== undefined && {
        before: { origin: before.origin, size: before.size, root: encodeBase64url(before.root) },
      }),
    };
    const leaf = utf8(auditOfService(org, { act: 'log.begin', obj }, clock.nowMs()));
    const first = { at: new Date(clock.machineMs()), leaf };
    const begun = await this.#append(head, async (trx) => {
      const row = await logs.begin(trx, head, first);
      return row === undefined ? [] : [row];
    });
    // Another process has begun it.
    return begun ?? (await this.#continued(org));
  }

  /** @returns the head after it; undefined if there was nothing to append. @throws {Error} if another has grown the log */
  async #append(
    head: LogHead,
    take: (trx: Parameters<LogRepository['take']>[0]) => Promise<readonly WaitingRow[]>,
  ): Promise<LogHead | undefined> {
    const { logs } = this.#parts;
    const moments: Date[] = [];
    const grown = await logs.transaction(async (trx) => {
      const rows = await take(trx);
      if (rows.length === 0) return undefined;
      const growth = await growTree(
        head.frontier,
        rows.map(({ leaf }) => leaf),
      );
      if (!(await logs.advance(trx, head, growth))) throw new Error('another process has grown the log');
      moments.push(...rows.map(({ at }) => at));
      await this.#partitions.require(trx, moments);
      await logs.addTiles(trx, head, growth);
      const placed = rows.map(({ id, leaf }) => ({ id, ...termsOf(decodeUtf8(leaf)) }));
      await logs.addEntries(trx, head, placed);
      return { ...head, ...growth.head, frontier: growth.frontier };
    });
    this.#partitions.note(moments);
    return grown;
  }
}
