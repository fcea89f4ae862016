import { Problem, ProblemCode } from '@bulla/contract';
import type { Caller, Effect } from '@bulla/service-kit';
import { Ledger } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { ResponderTables, ResponderTransaction } from '../database/types.js';
import { countedRun } from '../usage/run-usage.js';
import type { ClaimKey, DirectoryRef, Taken } from './claims.repository.js';
import { ClaimsRepository, LEASE_SECONDS, TOMBSTONE_SECONDS } from './claims.repository.js';
import { FIRST_CLAIM } from './first-claim.js';
import { Heartbeats } from './heartbeats.js';
import { Lease } from './lease.js';
import type { Endings, RunEnd } from './lease.js';
import { RestoreGuard } from './restore-guard.js';
import type { EndedRun } from './run-ends.js';
import { GIVING_UP, SEALING } from './run-ends.js';

/** What decides whether a question may run: who asked it, its two hashes' worth of identity, and its envelope. */
export interface Question {
  readonly org: string;
  /** URN of the asker. */
  readonly iss: string;
  readonly jti: string;
  /** `H(I)`: the same question sealed again is another one. */
  readonly rh: string;
  /** Which version of which prompt; a chat has none. */
  readonly promptId?: string;
  readonly version?: number;
  /** Whether it arrived past its own or its envelope's `exp`: known ones are answered again, new ones are not. */
  readonly late: boolean;
  /** The directory that it was judged by. */
  readonly directory: DirectoryRef;
  /** When the older of it and its envelope was signed, in seconds. */
  readonly issuedAt: number;
  readonly envelope: { readonly jti: string; readonly uses: number /** Seconds. */; readonly exp: number };
}

/** A claimed question is run under a lease; one that was answered before has its reply. */
export type Claim =
  | { readonly kind: 'run'; readonly lease: Lease }
  /** JSON text of the reply, as it was first sent. */
  | { readonly kind: 'replay'; readonly reply: string };

/** Another replica trusts a newer directory than the one this question was judged by: load it and start again. */
export class TrustOutdated extends Error {
  override readonly name = 'TrustOutdated';
}

/** This is not the database, or not the state of it, that the replicas have worked with: mark it and start again. */
class DatabaseReplaced extends Error {
  override readonly name = 'DatabaseReplaced';
}

type Settled = { readonly kind: 'run'; readonly fence: number } | Extract<Claim, { readonly kind: 'replay' }>;

/** When a run that has just begun is worth asking for again. */
const RETRY_AFTER_SECONDS = 2;

/** At most one run for each question, one stored reply for all its retries (protocol.md §6). */
@Injectable()
export class ReplayService {
  constructor(
    private readonly ledger: Ledger<ResponderTables>,
    private readonly claims: ClaimsRepository,
    private readonly heartbeats: Heartbeats,
    private readonly restores: RestoreGuard,
  ) {}

  /**
   * Step 9 of protocol.md §2.4: nonce, claim, one use of the envelope and the audit row, in one transaction that also
   * reads the newest directory which the replicas of this responder have seen.
   * @throws {TrustOutdated}
   * @throws {Problem} trust_rollback when they have seen another one of this version; idempotency_conflict,
   *   envelope_expired, envelope_replayed; indeterminate, with a time to retry while the first try is still at work
   */
  async claim(caller: Caller, question: Question): Promise<Claim> {
    const { org, iss, jti } = question;
    const key: ClaimKey = { org, iss, jti };
    const settled = await this.#settle(caller, key, question);
    if (settled.kind === 'replay') return settled;
    const { promptId: prompt } = question;
    const endings: Endings = {
      seal: (held, end, usage) => this.#seal(caller, { ...held, ...countedRun(usage, prompt) }, end),
      abandon: (held, usage) => this.#abandon(caller, { ...held, ...countedRun(usage, prompt) }),
    };
    const { claims, heartbeats } = this;
    return { kind: 'run', lease: new Lease({ claims, heartbeats, endings }, { ...key, fence: settled.fence }) };
  }

  async #settle(caller: Caller, key: ClaimKey, question: Question): Promise<Settled> {
    if (await this.#isFirst(caller, key, question)) return { kind: 'run', fence: 1 };
    const decide = () => this.ledger.run(caller, (trx) => this.#decide(trx, key, question), { ownReplay: true });
    try {
      const { body } = await decide().catch(async (error: unknown) => {
        if (!(error instanceof DatabaseReplaced)) throw error;
        // Not within the claim: a refusal would take the mark back with it.
        await this.restores.renew();
        return decide();
      });
      return body;
    } catch (error) {
      if (error instanceof DatabaseReplaced) throw new Problem('overloaded', { retryAfterSeconds: 1 });
      // What an asker was told is so from now on: a worker that comes back late cannot say otherwise.
      // guard: claim-settled
      if (error instanceof Problem && error.code === 'indeterminate') await this.claims.settle(key);
      throw error;
    }
  }

  /** Whether the question is claimed by the one statement that is enough for nearly all of them. */
  async #isFirst(caller: Caller, key: ClaimKey, question: Question): Promise<boolean> {
    const { rh, late, issuedAt, directory, promptId: prompt, version, envelope } = question;
    const mark = this.restores.known();
    // guard: first-late without: if (mark === undefined) return false;
    if (mark === undefined || late) return false;
    const facts = { invocation: key.jti, envelope: envelope.jti, prompt, version, replayed: false };
    const expiresAt = new Date((envelope.exp + TOMBSTONE_SECONDS) * 1000);
    const use = { envelope: envelope.jti, max: envelope.uses, expiresAt };
    const judgedBy = { directoryVersion: directory.ver, directoryHash: directory.hash, generation: mark.generation };
    const own = { ...key, rh, ...use, issuedAt, ...judgedBy, mark: mark.id };
    return this.ledger.actAtOnce(caller, FIRST_CLAIM, { act: 'invocation.run', obj: facts }, own);
  }

  async #decide(trx: ResponderTransaction, key: ClaimKey, question: Question): Promise<Effect<Settled>> {
    const { jti, uses: max, exp } = question.envelope;
    const expiresAt = new Date((exp + TOMBSTONE_SECONDS) * 1000);
    const taken = await this.claims.take(trx, key, question.rh, { jti, max, expiresAt });
    const { newest, notBefore, mark } = taken;
    if (
      notBefore === undefined ||
      !this.restores.isNewest(mark) // guard: mark-older
    )
      throw new DatabaseReplaced('the database does not bear our mark');
    if (newest !== undefined) requireNewest(question.directory, newest);
    const isLost = question.issuedAt < notBefore;
    const body = taken.isNew ? first(question, taken, isLost) : await this.#again(trx, key, question, isLost);
    const { promptId: prompt, version, envelope } = question;
    const facts = { invocation: key.jti, envelope: envelope.jti, prompt, version, replayed: body.kind === 'replay' };
    return { body, event: { act: 'invocation.run', obj: facts } };
  }

  #seal(caller: Caller, ended: EndedRun, { reply, frames, finish, code, fin }: RunEnd): Promise<boolean> {
    const act = 'invocation.finish';
    const obj = { invocation: ended.jti, frames, fin };
    const own = { ...ended, reply };
    return finish === 'error'
      ? this.ledger.recordChange(caller, SEALING, own, { act, why: problemCodeOf(code), obj })
      : this.ledger.recordChange(caller, SEALING, own, { act, obj: { ...obj, finish } });
  }

  async #abandon(caller: Caller, ended: EndedRun): Promise<void> {
    const failure = { act: 'invocation.finish', why: 'indeterminate', obj: { invocation: ended.jti } } as const;
    const wasRunning = await this.ledger.recordChange(caller, GIVING_UP, ended, failure);
    if (!wasRunning) await this.claims.free(ended, ended.fence);
  }

  async #again(trx: ResponderTransaction, key: ClaimKey, { rh }: Question, isLost: boolean): Promise<Settled> {
    const known = await this.claims.lock(trx, key);
    // The key is unique over all organisations, and no other one's question is told from one that never was.
    if (
      known === undefined ||
      known.rh !== rh // guard: claim-rh
    )
      throw new Problem('idempotency_conflict');
    const { state, alive, reply } = known;
    if (state === 'sealed' && reply !== null) return { kind: 'replay', reply };
    // guard: claim-at-work
    if ((state === 'accepted' || state === 'running') && alive) throw atWork();
    if (state === 'accepted' && isLost) throw fromBefore();
    if (state === 'accepted') return { kind: 'run', fence: await this.claims.takeOver(trx, key) };
    throw new Problem('indeterminate');
  }
}

/**
 * What takes a question back takes its claim and the use of its envelope back too.
 * @param isLost whether it may have run in a time that this database has forgotten.
 */
function first({ late }: Question, { isUsed }: Taken, isLost: boolean): Settled {
  // Before the times: who is told that it came too late may ask anew, since it never ran.
  // guard: claim-before-restore
  if (isLost) throw fromBefore();
  // guard: claim-late
  if (late) throw new Problem('envelope_expired');
  // guard: claim-use
  if (!isUsed) throw new Problem('envelope_replayed');
  return { kind: 'run', fence: 1 };
}

/** A check that only clients name a code for is a bad form here. */
function problemCodeOf(code: string | undefined): ProblemCode {
  return ProblemCode.safeParse(code).data ?? 'validation_failed';
}

function requireNewest(own: DirectoryRef, newest: DirectoryRef): void {
  // guard: claim-newer
  if (newest.ver > own.ver) throw new TrustOutdated('another replica has seen a newer directory');
  // guard: claim-fork
  if (newest.ver === own.ver && newest.hash !== own.hash) {
    throw new Problem('trust_rollback', { detail: 'another replica has seen another directory of this version' });
  }
}

/** Not envelope_expired, which says that it never ran. */
function fromBefore(): Problem {
  const detail =
    'the database of this responder is new, was restored or took over from another: what was issued before that, or within a minute of it, is not run';
  return new Problem('indeterminate', { detail });
}

function atWork(): Problem {
  const detail = `the first try of this question is still at work, or was lost less than ${LEASE_SECONDS} seconds ago`;
  return new Problem('indeterminate', { detail, retryAfterSeconds: RETRY_AFTER_SECONDS });
}
