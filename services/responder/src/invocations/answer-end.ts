import { Problem } from '@bulla/contract';
import type { FinRest, ReplyUsage } from '@bulla/crypto';
import { CryptoError } from '@bulla/crypto';
import type { ModelChunk } from '../models/model.js';
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
  #usage: ReplyUsage = {};
  #model: string;
  #code: string | undefined;

  /** @param model its name until the model says its own. */
  constructor(model: string) {
    this.#model = model;
  }

  learn(chunk: ModelChunk): void {
    this.#model = chunk.model;
    this.#finish = chunk.choices[0]?.finish_reason ?? this.#finish;
    if (chunk.usage !== undefined) this.#usage = { ...chunk.usage };
  }

  fail(error: unknown): void {
    this.#code ??= errorCodeOf(error);
  }

  /** The code of the error, if there was one. */
  get code(): string | undefined {
    // A model that stops without a word of its end has not answered.
    return this.#code ?? (this.#finish === undefined ? 'upstream_unavailable' : undefined);
  }

  /** What the fin says of it. */
  summary(): Pick<FinRest, 'finish' | 'model' | 'usage' | 'err'> {
    const { code } = this;
    const said = { model: this.#model, usage: this.#usage };
    return code === undefined
      ? { finish: this.#finish ?? 'error', ...said }
      : { finish: 'error', ...said, err: { code } };
  }
}

/** The code that goes into a sealed reply; what is not foreseen is `internal`, without a word of its message. */
export function errorCodeOf(error: unknown): string {
  if (error instanceof Problem || error instanceof CryptoError || error instanceof ModelError) return error.code;
  if (error instanceof LeaseLost) return 'indeterminate';
  if (error instanceof RunStopped) return 'overloaded';
  return 'internal';
}
