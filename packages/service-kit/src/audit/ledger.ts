import { auditResult, Problem } from '@bulla/contract';
import type { Kysely, Selectable, Transaction } from 'kysely';
import { sql } from 'kysely';
import { Answer } from '../route/answer.js';
import type { ActAtOnce } from './act-at-once.js';
import { auditOfAct, auditOfFailure } from './audit-record.js';
import type { AuditEntry, AuditFailure } from './audit-record.js';
import type { Effect, LedgerParts, OneStatement, RunOptions, StoredAnswer } from './effect.js';
import type { Signatory } from '../authentication/caller.js';
import type { IdempotencyTable, LedgerTables } from './ledger-tables.js';
import { ledgerOf } from './ledger-tables.js';
import {
  answeredBefore,
  keepAnswer,
  KEEP_SECONDS,
  pastItsAnswer,
  requestHash,
  requestHashes,
  stillRunning,
  storedAnswer,
  takeKey,
  troubleOf,
} from './idempotency.js';
import { useNonce } from './nonces.js';
import type { WriteOnce } from './one-statement.js';
import type { AuditedChange } from './outbox.js';
import { insertAudit, refused, usedAlready } from './ledger-rows.js';
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
  readonly #onWritten: (result: AuditResult) => void;

  /** @param onWritten told of each decision that is in the audit log. */
  constructor(
    db: Kysely<Tables>,
    { clock, drift, lag }: LedgerParts,
    onWritten: (result: AuditResult) => void = () => {},
  ) {
    this.#db = db;
    this.#clock = clock;
    this.#drift = drift;
    this.#lag = lag;
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
    this.#lag.require(caller.org);
    const outcome = await this.#db.transaction().execute(async (trx) => {
      const ledger = ledgerOf(trx);
      const askedMs = this.#clock.machineMs();
      const theirsMs = await useNonce(ledger, caller);
      // guard: nonce-effect
      if (theirsMs === undefined) return refused(ledger, caller, usedAlready(), this.#clock.nowMs());
      // guard: claim-drifted
      this.#drift.require(askedMs, theirsMs);
      await sql`savepoint effect`.execute(trx);
      try {
        const earlier = await this.#earlierAnswer<Body>(ledger, caller, options);
        return earlier ?? (await this.#apply(trx, caller, work, options));
      } catch (error) {
        const problem = problemOf(error);
        if (isOurFault(problem)) throw error;
        await sql`rollback to savepoint effect`.execute(trx);
        return refused(ledger, caller, problem, this.#clock.nowMs());
      }
    });
    caller.decision.isRecorded = true;
    if (outcome instanceof Problem) {
      this.#onWritten('denied');
      throw outcome;
    }
    this.#onWritten('ok');
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
    this.#lag.require(caller.org);
    const machineMs = this.#clock.machineMs();
    const event = auditOfAct(caller, entry, this.#clock.nowMs());
    const theirsMs = await act.run(this.#db, { caller, event, machineMs, own });
    if (theirsMs === undefined) return false;
    this.#drift.note(machineMs, theirsMs);
    caller.decision.isRecorded = true;
    this.#onWritten('ok');
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
    this.#lag.require(caller.org);
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
      const event = auditOfAct(caller, made.event, this.#clock.nowMs());
      const kept = { key, requestSha256, answer, answerUntil, keepSeconds: KEEP_SECONDS, event };
      const written = await write.run(this.#db, { caller, machineMs, kept, own: made.own }).catch(troubleOf);
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
      caller.decision.isRecorded = true;
      this.#onWritten('ok');
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
      return this.#answerAgain<Body>(ledger, caller, earlier, [requestSha256]);
    });
    caller.decision.isRecorded = true;
    this.#onWritten('ok');
    return answer;
  }

  /** Writes the audit row of a read that gives something away, before that. @throws whatever the database says */
  async read(caller: Signatory, event: AuditEntry): Promise<void> {
    // guard: audit-read
    await insertAudit(ledgerOf(this.#db), caller, auditOfAct(caller, event, this.#clock.nowMs()));
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
    const nowMs = this.#clock.nowMs();
    const event = 'why' in entry ? auditOfFailure(caller, entry, nowMs) : auditOfAct(caller, entry, nowMs);
    const row = { org: caller.org, event, evidence: null };
    const written = await change.run(this.#db, row, own).catch((error: unknown) => {
      throw notWritten(error);
    });
    // guard: record-change
    if (written !== 1) return false;
    this.#onWritten('why' in entry ? auditResult(entry.why) : 'ok');
    return true;
  }

  /**
   * Writes down a refusal that did not come from {@link run}: nonce, so that the request cannot come back, and row.
   * @throws whatever the database says
   */
  async refuse(caller: Signatory, problem: Problem): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      const ledger = ledgerOf(trx);
      // guard: nonce-refusal
      if (caller.request.method !== 'GET') await useNonce(ledger, caller);
      await refused(ledger, caller, problem, this.#clock.nowMs());
    });
    caller.decision.isRecorded = true;
    this.#onWritten(auditResult(problem.code));
  }

  /** The answer to an earlier request with this key; undefined if there was none and the key is ours now. */
  async #earlierAnswer<Body>(
    trx: Kysely<LedgerTables>,
    caller: Signatory,
    options: RunOptions,
  ): Promise<Answer<Body> | undefined> {
    const { idempotencyKey: key } = caller.request;
    if (key === undefined || options.ownReplay === true) return undefined;
    const hashes = await requestHashes(caller, options.requestHashes);
    const [request_sha256 = ''] = hashes;
    if (await takeKey(trx, caller, { key, request_sha256 })) return undefined;
    const earlier = await answeredBefore(trx, caller, key);
    // Purged between the two statements: the next try finds the key free.
    if (earlier === undefined) throw stillRunning();
    return this.#answerAgain(trx, caller, earlier, hashes);
  }

  async #answerAgain<Body>(
    trx: Kysely<LedgerTables>,
    caller: Signatory,
    earlier: Selectable<IdempotencyTable>,
    hashes: readonly string[],
  ): Promise<Answer<Body>> {
    // guard: idempotency-request
    if (!hashes.includes(earlier.request_sha256)) throw new Problem('idempotency_conflict');
    // guard: idempotency-ended
    if (earlier.answer_until !== null && earlier.answer_until <= this.#clock.now()) throw pastItsAnswer();
    const { body, event, ...rest } = JSON.parse(earlier.answer) as StoredAnswer<Body>;
    await insertAudit(trx, caller, auditOfAct(caller, event, this.#clock.nowMs()));
    return new Answer(body, { ...rest, replayed: true });
  }

  async #apply<Body>(
    trx: Transaction<Tables>,
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
    await insertAudit(ledger, caller, auditOfAct(caller, event, this.#clock.nowMs()));
    for (const one of also) await insertAudit(ledger, caller, auditOfAct(caller, one, this.#clock.nowMs()));
    return new Answer(body, rest);
  }
}
