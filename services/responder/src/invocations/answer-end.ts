import { Problem } from '@bulla/contract';
import type { FinRest, ReplyError, ReplyUsage } from '@bulla/crypto';
import { CryptoError } from '@bulla/crypto';
import type { Model, ModelChunk } from '../models/model.js';
import { ModelError } from '../models/model-error.js';
import { LeaseLost } from '../replay/lease.js';

/** Why a run was stopped although its model would have gone on. */
export class RunStopped extends Error {
  override readonly name = 'RunStopped';
  readonly why: 'asker-gone' | 'shutting-down';

  constructor(why: RunStopped['why']) {
    super(`the run was stopped: ${why}`);
    this.why = why;
  }
}

/** How an answer ends, learnt from its chunks as they pass; an error that comes after them wins. */
export class AnswerEnd {
  #finish: FinRest['finish'] | undefined;
  readonly #ended = new Set<number>();
  #usage: ReplyUsage = {};
  #model: string;
  readonly #asked: Pick<Model, 'name' | 'host'>;
  #error: ReplyError | undefined;
  #fin: string | undefined;

  /** @param asked its name counts until the model says its own; its host, when something is to blame. */
  constructor(asked: Pick<Model, 'name' | 'host'>) {
    this.#model = asked.name;
    this.#asked = asked;
  }

  learn(chunk: ModelChunk): void {
    this.#model = chunk.model;
    for (const { index, finish_reason: reason } of chunk.choices) {
      if (reason === null) continue;
      this.#ended.add(index);
      // Of several choices the first one's end is that of the answer.
      if (index === 0) this.#finish = reason;
    }
    if (chunk.usage === undefined) return;
    const { prompt_tokens, completion_tokens, total_tokens } = chunk.usage;
    this.#usage = { prompt_tokens, completion_tokens, total_tokens };
  }

  /** Which of so many choices have not ended. */
  going(choices: number): number[] {
    return [...Array(choices).keys()].filter((index) => !this.#ended.has(index));
  }

  fail(error: unknown): void {
    this.#error ??= { code: errorCodeOf(error), ...this.#blame(error) };
  }

  /** @param fin SHA-256 of the fin in base64url. */
  signedAs(fin: string): void {
    this.#fin = fin;
  }

  /** SHA-256 of the signed fin in base64url. @throws {Error} before it is signed */
  get fin(): string {
    if (this.#fin === undefined) throw new Error('the answer is not signed yet');
    return this.#fin;
  }

  /** The code of the error, if there was one. */
  get code(): string | undefined {
    return this.error?.code;
  }

  /** Why there is no answer, if there is none. */
  get error(): ReplyError | undefined {
    // A model that stops without a word of its end has not answered.
    return this.#error ?? (this.#finish === undefined ? { code: 'upstream_unavailable' } : undefined);
  }

  /** What the fin says of it. */
  summary(): Pick<FinRest, 'finish' | 'model' | 'usage' | 'err'> {
    const { error: err } = this;
    const said = { model: this.#model, usage: this.#usage };
    return err === undefined ? { finish: this.#finish ?? 'error', ...said } : { finish: 'error', ...said, err };
  }

  /** What became of the model server, where it is to blame: a word, a host of ours and a number, nothing that it said. */
  #blame(error: unknown): Omit<ReplyError, 'code'> {
    if (!(error instanceof ModelError) || error.fault === undefined) return {};
    const { cause, status } = error.fault;
    // No server is to blame for what none of them does.
    const host = error.code === 'model_incapable' ? undefined : this.#asked.host;
    return {
      cause,
      ...(host === undefined ? {} : { host }),
      ...(status === undefined ? {} : { status }),
    };
  }
}

/** The code that goes into a sealed reply; an unexpected error is `internal`, without a word of its message. */
export function errorCodeOf(error: unknown): string {
  if (error instanceof Problem || error instanceof CryptoError || error instanceof ModelError) return error.code;
  if (error instanceof LeaseLost) return 'indeterminate';
  if (error instanceof RunStopped) return 'overloaded';
  return 'internal';
}
