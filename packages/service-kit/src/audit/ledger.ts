import { auditResult, Problem } from '@bulla/contract';
import type { Kysely, Transaction } from 'kysely';
import { sql } from 'kysely';
import { Answer } from '../route/answer.js';
import type { ActAtOnce } from './act-at-once.js';
import { auditOfAct, auditOfFailure } from './audit-record.js';
import type { AuditEntry, AuditFailure } from './audit-record.js';
import type { Effect, LedgerParts, OneStatement, RunOptions } from './effect.js';
import type { Signatory } from '../authentication/caller.js';
import type { LedgerTables } from './ledger-tables.js';
import { ledgerOf } from './ledger-tables.js';
import {
  answerAgain,
  answeredBefore,
  earlierAnswer,
  keepAnswer,
  KEEP_SECONDS,
  requestHash,
  stillRunning,
  storedAnswer,
  troubleOf,
} from './idempotency.js';
import { useNonce } from './nonces.js';
import type { WriteOnce } from './one-statement.js';
import type { AuditedChange } from './outbox.js';
import type { SealedRow } from './audit-row.js';
import { DecisionRows, usedAlready } from './decision-rows.js';
import { isOurFault, notWritten, overloaded, problemOf } from '../edge/problem-of.js';

export type AuditResult = 'ok' | 'denied' | 'error';
type Work<Tables, Body> = (trx: Transaction<Tables>) => Promise<Effect<Body>>;

/** How often something may change between a read and its write before that is left to the asker. */
const TRIES_MAX = 5;

/**
 * Writes down what callers do: nonce, idempotent answer, effect and audit row in one transaction, or nothing of it
 * (protocol.md §6 and §8). The rows are written by outbox.ts.
 */
export class Ledger<Tables extends LedgerTables = LedgerTables> {
  readonly #db: Kysely<Tables>;
  readonly #clock: LedgerParts['clock'];
  readonly #drift: LedgerParts['drift'];
  readonly #lag: LedgerParts['lag'];
  readonly #outbox: LedgerParts['outbox'];
  readonly #acknowledged: LedgerParts['acknowledged'];
  readonly #onWritten: (result: AuditResult) => void;

  /** @param onWritten told of each decision that is in the audit log. */
  constructor(
    db: Kysely<Tables>,
    { clock, drift, lag, outbox, acknowledged }: LedgerParts,
    onWritten: (result: AuditResult) => void = () => {},
  ) {
    this.#db = db;
    this.#clock = clock;
    this.#drift = drift;
    this.#lag = lag;
    this.#outbox = outbox;
    this.#acknowledged = acknowledged;
    this.#onWritten = onWritten;
  }

  /**
   * Does the work of a mutation once: a retry with the same Idempotency-Key gets the first answer. A problem takes
   * the work back and leaves nonce and audit row of the refusal.
   * @param work makes the effect with the transaction it is given, and with nothing else.
   * @throws {Problem} what the work throws; unauthenticated for a signature used before; idempotency_conflict;
   *   indeterminate while another request with this key is still at work after two seconds; envelope_expired for a key
   *   that comes past its answer; overloaded while the clocks of process and database are too far apart
   */
  async run<Body>(caller: Signatory, work: Work<Tables, Body>, options: RunOptions = {}): Promise<Answer<Body>> {
    this.#lag.require(caller.org, caller.request.route);
    const rows = this.#rowsOf(caller);
    const outcome = await this.#db.transaction().execute(async (trx) => {
      const ledger = ledgerOf(trx);
      const askedMs = this.#clock.machineMs();
      const theirsMs = await useNonce(ledger, caller);
      // guard: nonce-effect
      if (theirsMs === undefined) return rows.refusal(ledger, usedAlready());
      // guard: claim-drifted
      this.#drift.require(askedMs, theirsMs);
      await sql`savepoint effect`.execute(trx);
      try {
        const earlier = await earlierAnswer<Body>(ledger, rows, caller, { ...options, now: this.#clock.now() });
        return earlier ?? (await this.#apply(trx, rows, caller, work, options));
      } catch (error) {
        const problem = problemOf(error);
        if (isOurFault(problem)) throw error;
        await sql`rollback to savepoint effect`.execute(trx);
        rows.takeBack();
        return rows.refusal(ledger, problem);
      }
    });
    this.#noteWritten(caller, rows.written, outcome instanceof Problem ? 'denied' : 'ok');
    if (outcome instanceof Problem) throw outcome;
    return outcome;
  }

  /**
   * Does an act whose replay its room recognises, if everything about it is as usual.
   * @returns whether it is done and written down; else nothing is: {@link run} says why
   * @throws whatever the database says
   */
  async actAtOnce<Own extends object>(
    caller: Signatory,
    act: ActAtOnce<Tables, Own>,
    entry: AuditEntry,
    own: Own,
  ): Promise<boolean> {
    this.#lag.require(caller.org, caller.request.route);
    await this.#compareClocks();
    const machineMs = this.#clock.machineMs();
    const row = this.#rowsOf(caller).seal(entry);
    const theirsMs = await act.run(this.#db, { caller, row, machineMs, own });
    if (theirsMs === undefined) return false;
    this.#drift.note(machineMs, theirsMs);
    this.#noteWritten(caller, [row], 'ok');
    return true;
  }

  /**
   * Does as {@link run} does, with one write: nonce, answer, effect and audit row are there together or not at all. What
   * it relies on is read before, and repeated as a condition of the write.
   * @param write the statement, of which there is one for each kind of effect.
   * @param make reads, judges and makes the effect; it is asked again if meanwhile something changed.
   * @throws {Problem} as {@link run}; what `make` throws, unless the same Idempotency-Key was answered before
   */
  async insertOnce<Own extends object, Body>(
    caller: Signatory,
    write: WriteOnce<Tables, Own>,
    make: () => Promise<OneStatement<Own, Body>>,
  ): Promise<Answer<Body>> {
    const { idempotencyKey: key } = caller.request;
    if (key === undefined) throw new Error('this route takes no Idempotency-Key');
    this.#lag.require(caller.org, caller.request.route);
    await this.#compareClocks();
    const requestSha256 = await requestHash(caller);
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      let made: OneStatement<Own, Body>;
      try {
        made = await make();
      } catch (error) {
        // A request that was answered before gets the same answer again, even if the state behind it has changed.
        const earlier = await this.#replay<Body>(caller, key, requestSha256);
        if (earlier === undefined) throw error;
        return earlier;
      }
      const answerUntil = made.keepSeconds === undefined ? null : this.#clock.now() + made.keepSeconds;
      const machineMs = this.#clock.machineMs();
      const answer = storedAnswer(made, made.bodyText);
      const row = this.#rowsOf(caller).seal(made.event);
      const kept = { key, requestSha256, answer, answerUntil, keepSeconds: KEEP_SECONDS };
      const written = await write.run(this.#db, { caller, machineMs, kept, row, own: made.own }).catch(troubleOf);
      if (written.isFirst) this.#drift.note(machineMs, written.theirsMs);
      else this.#drift.require(machineMs, written.theirsMs);
      if (!written.holds) continue;
      // guard: once-nonce
      if (!written.isNew) throw usedAlready();
      if (!written.isFirst) {
        const earlier = await this.#replay<Body>(caller, key, requestSha256, { isUsed: true });
        // Purged between the two statements: the next try finds the key free.
        if (earlier === undefined) throw stillRunning();
        return earlier;
      }
      this.#noteWritten(caller, [row], 'ok');
      return new Answer(made.body, made);
    }
    throw overloaded();
  }

  /**
   * The answer to an earlier request with this key, once its own nonce is used and that is written down.
   * @returns undefined if there was none
   */
  async #replay<Body>(
    caller: Signatory,
    key: string,
    requestSha256: string,
    { isUsed = false } = {},
  ): Promise<Answer<Body> | undefined> {
    const earlier = await answeredBefore(ledgerOf(this.#db), caller, key);
    if (earlier === undefined) return undefined;
    const rows = this.#rowsOf(caller);
    const answer = await this.#db.transaction().execute(async (trx) => {
      const ledger = ledgerOf(trx);
      if (!isUsed) {
        const askedMs = this.#clock.machineMs();
        const theirsMs = await useNonce(ledger, caller);
        // guard: replay-nonce
        if (theirsMs === undefined) throw usedAlready();
        // guard: replay-drifted
        this.#drift.require(askedMs, theirsMs);
      }
      return answerAgain<Body>(ledger, rows, earlier, { hashes: [requestSha256], now: this.#clock.now() });
    });
    this.#noteWritten(caller, rows.written, 'ok');
    return answer;
  }

  /** Writes the audit row of a read that gives something away, before that. @throws whatever the database says */
  async read(caller: Signatory, event: AuditEntry): Promise<void> {
    await this.#compareClocks();
    const rows = this.#rowsOf(caller);
    // guard: audit-read
    await rows.act(ledgerOf(this.#db), event);
    this.#acknowledged.note(rows.written);
    this.#onWritten('ok');
  }

  /**
   * Changes something and writes the audit row of it, in one statement: where nothing is changed, nothing is written.
   * @param change the statement, of which there is one for each kind of change.
   * @param entry what was done, or what failed after it had begun
   * @returns whether something was changed
   */
  async recordChange<Own extends object>(
    caller: Signatory,
    change: AuditedChange<Tables, Own>,
    own: Own,
    entry: AuditEntry | AuditFailure,
  ): Promise<boolean> {
    await this.#compareClocks();
    const nowMs = this.#clock.nowMs();
    const event = 'why' in entry ? auditOfFailure(caller, entry, nowMs) : auditOfAct(caller, entry, nowMs);
    const row = this.#outbox.seal({ org: caller.org, event, evidence: null });
    const written = await change.run(this.#db, row, own).catch((error: unknown) => {
      throw notWritten(error);
    });
    // guard: record-change
    if (written !== 1) return false;
    this.#acknowledged.note([row]);
    this.#onWritten('why' in entry ? auditResult(entry.why) : 'ok');
    return true;
  }

  /**
   * Writes down a refusal that did not come from {@link run}: nonce, so that the request cannot come back, and row.
   * @throws whatever the database says
   */
  async refuse(caller: Signatory, problem: Problem): Promise<void> {
    await this.#compareClocks();
    const rows = this.#rowsOf(caller);
    await this.#db.transaction().execute(async (trx) => {
      const ledger = ledgerOf(trx);
      // guard: nonce-refusal
      if (caller.request.method !== 'GET') await useNonce(ledger, caller);
      await rows.refusal(ledger, problem);
    });
    this.#noteWritten(caller, rows.written, auditResult(problem.code));
  }

  async #apply<Body>(
    trx: Transaction<Tables>,
    rows: DecisionRows,
    caller: Signatory,
    work: Work<Tables, Body>,
    options: RunOptions,
  ): Promise<Answer<Body>> {
    const ledger = ledgerOf(trx);
    const { keepSeconds, also = [], ...effect } = await work(trx);
    const { idempotencyKey: key } = caller.request;
    if (key !== undefined && options.ownReplay !== true) {
      const answer_until = keepSeconds === undefined ? null : this.#clock.now() + keepSeconds;
      await keepAnswer(ledger, caller, { key, answer: storedAnswer(effect), answer_until });
    }
    const { body, event, ...rest } = effect;
    // guard: audit-effect
    await rows.act(ledger, event);
    for (const one of also) await rows.act(ledger, one);
    return new Answer(body, rest);
  }

  /** They may agree again since they were last compared. */
  async #compareClocks(): Promise<void> {
    if (this.#drift.isApart) await this.#drift.look();
  }

  #rowsOf(caller: Signatory): DecisionRows {
    return new DecisionRows(this.#outbox, this.#clock, caller);
  }

  #noteWritten(caller: Signatory, rows: readonly SealedRow[], result: AuditResult): void {
    caller.decision.isRecorded = true;
    this.#acknowledged.note(rows);
    this.#onWritten(result);
  }
}
