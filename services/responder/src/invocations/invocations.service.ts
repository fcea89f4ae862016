import { may, Problem } from '@bulla/contract';
import type { NewInvocation, Reply } from '@bulla/contract';
import { CryptoError, encodeBase64url } from '@bulla/crypto';
import type { Trust } from '@bulla/crypto';
import type { Caller, Work } from '@bulla/service-kit';
import { Answer, EventLog, ServiceKeys, TRUST_FORK, TrustSource } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { Revocations } from '../trust/revocations.js';
import { TrustOutdated } from '../replay/replay.service.js';
import type { Lease, RunEnd } from '../replay/lease.js';
import type { Judgement } from './admission.js';
import type { ReplyPart } from './answer.js';
import type { AnswerMeter } from './answer-budget.js';
import type { AnswerEnd } from './answer-end.js';
import { AnswersService } from './answers.service.js';
import type { RunAccount } from '../usage/run-account.js';
import { Pipeline } from './pipeline.js';
import type { Admitted } from './pipeline.js';
import { RunsInFlight } from './runs-in-flight.js';

/** A whole reply, or the parts of a stream as they are made. */
export type Answered = Answer<Reply> | AsyncGenerator<ReplyPart>;

/** What a run depends on beside its question. */
export interface Surroundings {
  /** Aborts when the asker hangs up, and at the latest when the response is out. */
  readonly gone: AbortSignal;
  /** Its place among the requests at work. */
  readonly work: Work;
}

/** A run that has begun: what it says, its hold on the question, and how it ends. */
interface Run {
  readonly parts: AsyncGenerator<ReplyPart>;
  readonly lease: Lease;
  readonly end: AnswerEnd;
  readonly account: RunAccount;
  readonly meter: AnswerMeter;
  readonly work: Work;
}

/** A request is judged anew by newer documents so often at most. */
const JUDGEMENTS_MAX = 3;
const NO_STORE = { 'cache-control': 'no-store' };

/** Answers questions: at most one run for each, whole or as a stream. */
@Injectable()
export class InvocationsService {
  constructor(
    private readonly pipeline: Pipeline,
    private readonly answers: AnswersService,
    private readonly runs: RunsInFlight,
    private readonly trust: TrustSource,
    private readonly revocations: Revocations,
    private readonly keys: ServiceKeys,
    private readonly log: EventLog,
  ) {}

  /**
   * @param arrivedAt seconds; every time in the request is judged by it.
   * @throws as Pipeline.admit, before anything has happened; indeterminate where the claim was lost
   */
  async run(caller: Caller, body: NewInvocation, arrivedAt: number, around: Surroundings): Promise<Answered> {
    const account = this.answers.openAccount();
    const leave = await this.runs.enter(caller, around);
    around.gone.addEventListener('abort', leave, { once: true });
    try {
      const admitted = await this.#admit(
        { caller, trust: caller.trust, now: arrivedAt, responder: this.keys.urn },
        body,
      );
      if (admitted.claim.kind === 'replay') return replayed(admitted.claim.reply, leave);
      const run = await this.#begin(admitted, admitted.claim.lease, account, around);
      return admitted.question.claims.opt.stream ? streamed(run, leave) : await whole(run, leave);
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Steps 3 to 9, again under newer documents where it is those that are missing. */
  async #admit(first: Judgement, body: NewInvocation): Promise<Admitted> {
    let judgement = first;
    for (let judged = 1; ; judged++) {
      try {
        return await this.pipeline.admit(judgement, body);
      } catch (error) {
        if (isFork(error)) this.#logFork(judgement.trust);
        const newer =
          judged < JUDGEMENTS_MAX && mayBeOutdated(error) ? await this.#newerThan(judgement.trust) : undefined;
        if (newer === undefined) throw error instanceof TrustOutdated ? tryAgain() : error;
        requireCallerUnder(newer, judgement);
        judgement = { ...judgement, trust: newer };
      }
    }
  }

  /** Two directories of one version: somebody signs more than one, and somebody shows one here and another there. */
  #logFork({ org, directoryRef }: Trust): void {
    this.log.write(TRUST_FORK, { org, directoryVersion: directoryRef.ver });
  }

  async #newerThan(trust: Trust): Promise<Trust | undefined> {
    await this.trust.refresh(trust.org);
    const newest = await this.trust.trustOf(trust.org);
    return newest !== undefined && newest.directoryRef.ver > trust.directoryRef.ver ? newest : undefined;
  }

  /** Steps 10 to 14, then the moment from which the question is never run again. */
  async #begin(admitted: Admitted, lease: Lease, account: RunAccount, { gone, work }: Surroundings): Promise<Run> {
    lease.countAs((isAnswered) => account.usage(isAnswered));
    try {
      const call = await this.pipeline.prepare(admitted).catch((refused: unknown) => ({ refused }));
      gone.throwIfAborted();
      if (!(await lease.begin())) throw new Problem('indeterminate', { retryAfterSeconds: 1 });
      // An asker who hung up meanwhile reads no stream. Nothing of the stream would run, and not its cleanup either.
      gone.throwIfAborted();
      const { signal } = this.#watched(admitted.judgement.caller.kid, lease, gone);
      const end = this.answers.newEnd(call);
      const meter = this.answers.newMeter(!admitted.question.claims.opt.stream);
      const { judgement, presented, question } = admitted;
      const asked = { judgement, envelope: presented.envelope, question };
      const parts = this.answers.answer({ admitted: asked, lease, call, signal, end, account, meter, work });
      return { parts, lease, end, account, meter, work };
    } catch (error) {
      await lease.abandon();
      throw error;
    }
  }

  /**
   * Aborts with what ends a run before its answer does: its asker is gone, its claim is lost, the service stops, or a
   * newer directory takes the asker's key away, where its fin names the one that let it in. Not by AbortSignal.any, which
   * knows its signals weakly: V8's young collections take that for a use, and all of each run would be kept beyond them.
   */
  #watched(kid: string, lease: Lease, gone: AbortSignal): AbortController {
    const run = new AbortController();
    const leaves = [this.runs.watch(run), this.revocations.watch(kid, run)];
    const lose = () => run.abort(lease.lost.reason);
    if (lease.lost.aborted) lose();
    // guard: run-lost
    lease.lost.addEventListener('abort', lose, { once: true });
    const leave = () => {
      run.abort(gone.reason);
      for (const each of leaves) each();
      void lease.abandon();
    };
    gone.addEventListener('abort', leave, { once: true });
    return run;
  }
}

function replayed(reply: string, leave: () => void): Answer<Reply> {
  leave();
  return new Answer(JSON.parse(reply) as Reply, { replayed: true, headers: NO_STORE, text: reply });
}

/** Collects the parts, and keeps the reply for those who ask again. */
async function whole({ parts, lease, end, account, meter }: Run, leave: () => void): Promise<Answer<Reply>> {
  try {
    const texts: Record<ReplyPart['kind'], string[]> = { head: [], frame: [], final: [] };
    for await (const { kind, bytes } of parts) texts[kind].push(encodeBase64url(bytes));
    const reply: Reply = { head: texts.head.join(''), frames: texts.frame, final: texts.final.join('') };
    const kept = { reply: JSON.stringify(reply), frames: texts.frame.length, ...howItEnded(end) };
    if (!(await lease.seal(kept))) throw lost();
    account.close(true);
    // The text that is kept is the text that is sent: an answer of megabytes is written once.
    return new Answer(reply, { headers: NO_STORE, text: kept.reply });
  } catch (error) {
    await lease.abandon();
    account.close(false);
    throw error;
  } finally {
    // From here on it counts among the answers that nobody has taken yet.
    meter.close();
    leave();
  }
}

function howItEnded(end: AnswerEnd): Pick<RunEnd, 'finish' | 'code' | 'fin'> {
  return { finish: end.summary().finish, code: end.code, fin: end.fin };
}

/** Passes the parts on; the final only while the run still holds its claim, so that no two ends are told. */
async function* streamed(
  { parts, lease, end, account, meter, work }: Run,
  leave: () => void,
): AsyncGenerator<ReplyPart> {
  const isOver = account.streams();
  let frames = 0;
  let sealed = false;
  try {
    for await (const part of parts) {
      if (part.kind === 'frame') frames += 1;
      if (part.kind === 'final') {
        sealed = await lease.seal({ reply: null, frames, ...howItEnded(end) });
        if (!sealed) return;
        account.close(true);
        // Its reader may be slow.
        work.rest();
      }
      yield part;
    }
  } finally {
    if (!sealed) await lease.abandon();
    account.close(false);
    isOver();
    meter.close();
    leave();
  }
}

/** Whether newer documents could make it right: somebody's key, or the asker's directory, may be newer than ours. */
function mayBeOutdated(error: unknown): boolean {
  if (error instanceof TrustOutdated) return true;
  return error instanceof CryptoError && (error.code === 'key_unknown' || error.check === 'asker-directory');
}

function isFork(error: unknown): boolean {
  return (error instanceof CryptoError || error instanceof Problem) && error.code === 'trust_rollback';
}

/**
 * Step 2 again, by newer documents: the same key, held by the same entity, which may still ask here. The caller stays
 * the object that it is: what it did is written down once.
 */
function requireCallerUnder(trust: Trust, { caller, now }: Judgement): void {
  trust.requireFresh(now);
  const holder = trust.holderOfKeyid(caller.keyid);
  if (holder === undefined) throw new Problem('unauthenticated');
  // guard: run-key-again
  trust.requireKey(caller.kid, { usage: 'http', purpose: 'http', now, check: 'request-key' });
  // guard: run-role-again
  if (!may(holder.entity.roles, 'invocation.run')) throw new Problem('forbidden');
}

function lost(): Problem {
  return new Problem('indeterminate');
}

function tryAgain(): Problem {
  return new Problem('overloaded', { retryAfterSeconds: 1 });
}
