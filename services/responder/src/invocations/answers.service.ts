import type { ReplyError, VerifiedEnvelope } from '@bulla/crypto';
import { Clock, EventLog, LogEvent, ServiceKeys } from '@bulla/service-kit';
import type { Work } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { Model } from '../models/model.js';
import { ModelRegistry } from '../models/model-registry.js';
import type { ModelCall } from '../models/resilience/model-call.js';
import type { Lease } from '../replay/lease.js';
import type { RunAccount } from '../usage/run-account.js';
import { RunAccounts } from '../usage/run-account.js';
import { answer } from './answer.js';
import type { ReplyPart } from './answer.js';
import type { AnswerMeter } from './answer-budget.js';
import { AnswerBudget } from './answer-budget.js';
import { AnswerEnd, errorCodeOf, RunStopped } from './answer-end.js';
import { hasWords } from './answer-lines.js';
import type { Admitted } from './pipeline.js';
import { ReplyCheckpoints } from './reply-checkpoints.js';

/** Each run ends with one of the lines below; this one tells, where somebody looks for it, of one that does not end. */
const RUN_BEGUN = new LogEvent<{ requestId: string; jti: string; model: string }>('run-begun', 'debug');
/** Nobody waits for the answer any more. */
const ASKER_LEFT = new LogEvent<{ requestId: string; jti: string; durationMs: number; frames: number }>(
  'asker-left',
  'info',
);
const RUN_FINISHED = new LogEvent<{
  requestId: string;
  jti: string;
  model: string;
  upstream: string;
  tried?: string | undefined;
  finish: string;
  durationMs: number;
  frames: number;
}>('run-finished', 'info');
/**
 * Where a model server is to blame: what became of it, where it is, and which HTTP status it answered; and what became
 * of each that was tried.
 */
const RUN_FAILED = new LogEvent<{
  requestId: string;
  jti: string;
  code: string;
  cause?: string | undefined;
  host?: string | undefined;
  status?: number | undefined;
  tried?: string | undefined;
  durationMs: number;
}>('run-failed', 'warn');

/** What finds a run: the line of its request in the log, and its entries in the audit log. */
interface RunName {
  readonly requestId: string;
  readonly jti: string;
}

/** One run that has begun. */
export interface BegunRun {
  /** Not its bundle, which would be kept as long as the model speaks. */
  readonly admitted: Pick<Admitted, 'judgement' | 'question'> & { readonly envelope: VerifiedEnvelope };
  readonly lease: Lease;
  /** What to ask which model, or the error of steps 10 to 14 that the reply will tell. */
  readonly call: ModelCall | { readonly refused: unknown };
  /** Stops the model: the asker is gone or revoked, the claim is lost, or the service ends. */
  readonly signal: AbortSignal;
  /** Learns how the answer ends. */
  readonly end: AnswerEnd;
  /** What it takes of time and tokens. */
  readonly account: RunAccount;
  /** Counts what it takes. The holder of the answer closes it when they no longer keep the answer. */
  readonly meter: AnswerMeter;
  /** Left to others while the model speaks: that may take minutes. */
  readonly work: Work;
}

/** Makes answers with the models and the reply key of this process. */
@Injectable()
export class AnswersService {
  constructor(
    private readonly models: ModelRegistry,
    private readonly budget: AnswerBudget,
    private readonly keys: ServiceKeys,
    private readonly checkpoints: ReplyCheckpoints,
    private readonly accounts: RunAccounts,
    private readonly clock: Clock,
    private readonly log: EventLog,
  ) {}

  newEnd(call: BegunRun['call']): AnswerEnd {
    return new AnswerEnd(this.#modelOf(call));
  }

  /** To be opened when a question arrives. */
  openAccount(): RunAccount {
    return this.accounts.open();
  }

  /** @param isHeld whether the answer is kept until its end. */
  newMeter(isHeld: boolean): AnswerMeter {
    return this.budget.open(isHeld);
  }

  /**
   * The parts of a sealed reply, and a line in the log for how it went.
   * @throws {RunStopped} when the asker is gone
   */
  async *answer({ admitted, lease, call, signal, end, account, meter, work }: BegunRun): AsyncGenerator<ReplyPart> {
    const { judgement, envelope, question } = admitted;
    const { jti } = question.claims;
    const run: RunName = { requestId: judgement.caller.request.id, jti };
    const startedMs = this.clock.monotonicMs();
    const model = this.#modelOf(call);
    const plan = {
      meter,
      signer: this.keys.signer('reply', judgement.trust, this.clock.now()),
      responder: judgement.responder,
      trust: judgement.trust,
      checkpoint: () => this.checkpoints.under(judgement.trust),
      now: () => this.clock.now(),
      envelope,
      question,
      call: 'refused' in call ? call : account.watched(call, end, hasWords),
      isHeld: async () => {
        await work.resume();
        return lease.isHeld();
      },
      lost: (): unknown => lease.lost.reason,
    };
    let [frames, isOver] = [0, false];
    this.log.write(RUN_BEGUN, { ...run, model: model.name });
    work.rest();
    try {
      for await (const part of answer(plan, end, signal)) {
        if (part.kind === 'frame') frames += 1;
        if (part.kind === 'final') {
          isOver = true;
          this.#logEnd(run, call, end, frames, startedMs);
        }
        yield part;
      }
    } catch (error) {
      if (!(error instanceof RunStopped && error.why === 'asker-gone')) {
        isOver = true;
        this.#logFailure(run, call, { code: errorCodeOf(error) }, startedMs);
      }
      throw error;
    } finally {
      // The asker hung up, so nothing reads the answer any more: nobody is at fault.
      if (!isOver) this.log.write(ASKER_LEFT, { ...run, durationMs: this.#since(startedMs), frames });
    }
  }

  /** A run that is refused before its model is known counts as one of the responder's own. */
  #modelOf(call: BegunRun['call']): Pick<Model, 'name' | 'host'> {
    return 'refused' in call ? this.models.own : call;
  }

  #logEnd(run: RunName, call: BegunRun['call'], end: AnswerEnd, frames: number, startedMs: number): void {
    const { finish } = end.summary();
    if (end.error !== undefined || 'refused' in call)
      return this.#logFailure(run, call, end.error ?? { code: 'internal' }, startedMs);
    const { name: model, upstream } = call;
    this.log.write(RUN_FINISHED, {
      ...run,
      model,
      upstream,
      tried: triedOf(call),
      finish,
      durationMs: this.#since(startedMs),
      frames,
    });
  }

  #logFailure(run: RunName, call: BegunRun['call'], error: ReplyError, startedMs: number): void {
    this.log.write(RUN_FAILED, { ...run, ...error, tried: triedOf(call), durationMs: this.#since(startedMs) });
  }

  #since(startedMs: number): number {
    return Math.round(this.clock.monotonicMs() - startedMs);
  }
}

/** Each attempt in a word: `cloud/http_status/500 local`. Absent where one was enough. */
function triedOf(call: BegunRun['call']): string | undefined {
  if ('refused' in call || call.attempts.length < 2) return undefined;
  const words = call.attempts.map(({ upstream, cause, status }) =>
    [upstream, cause, status].filter((word) => word !== undefined).join('/'),
  );
  return words.join(' ');
}
