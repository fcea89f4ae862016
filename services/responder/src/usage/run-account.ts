import { Clock, Metrics } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { AnswerEnd } from '../invocations/answer-end.js';
import type { ModelChunk } from '../models/model.js';
import { ModelRegistry } from '../models/model-registry.js';
import type { ModelCall } from '../models/resilience/model-call.js';
import { LlmMetrics } from './llm-metrics.js';
import type { RunUsage } from './run-usage.js';
import { usageOf } from './run-usage.js';

/** Keeps the accounts of runs. */
@Injectable()
export class RunAccounts {
  readonly #metrics: LlmMetrics;

  constructor(
    metrics: Metrics,
    private readonly models: ModelRegistry,
    private readonly clock: Clock,
  ) {
    this.#metrics = new LlmMetrics(metrics, models);
  }

  /** To be opened when a question arrives. */
  open(): RunAccount {
    return new RunAccount(this.#metrics, this.models.currency, () => this.clock.monotonicMs());
  }
}

/** What one run takes: its time, of which the model has the most, and the tokens that the model counts. */
export class RunAccount {
  readonly #metrics: LlmMetrics;
  readonly #currency: string | undefined;
  readonly #nowMs: () => number;
  readonly #arrivedMs: number;
  #asked: { readonly call: ModelCall; readonly end: AnswerEnd; readonly atMs: number } | undefined;
  #firstMs: number | undefined;
  #endedMs: number | undefined;
  #isClosed = false;

  /** @param currency what prices are in, where there are some. */
  constructor(metrics: LlmMetrics, currency: string | undefined, nowMs: () => number) {
    this.#metrics = metrics;
    this.#currency = currency;
    this.#nowMs = nowMs;
    this.#arrivedMs = nowMs();
  }

  /**
   * The same call, of which this keeps account.
   * @param hasWords whether somebody could read something of a chunk.
   */
  watched(
    call: ModelCall,
    end: AnswerEnd,
    hasWords: (chunk: ModelChunk) => boolean,
  ): Pick<ModelCall, 'request' | 'stream'> {
    const { request } = call;
    return { request, stream: (signal) => this.#over(call.stream(signal), { call, end, hasWords }) };
  }

  /** What the run is counted as; undefined where no model was asked. @param isAnswered whether the asker has its end. */
  usage(isAnswered: boolean): RunUsage | undefined {
    if (this.#asked === undefined) return undefined;
    const { call, end } = this.#asked;
    const failed = !isAnswered || end.error !== undefined;
    return usageOf(call, { usage: end.summary().usage, failed, currency: this.#currency });
  }

  /** Puts it into the metrics, once. @param isAnswered as {@link usage} takes it. */
  close(isAnswered: boolean): void {
    const usage = this.usage(isAnswered);
    if (this.#isClosed || this.#asked === undefined || usage === undefined) return;
    this.#isClosed = true;
    const { call, end, atMs } = this.#asked;
    const endedMs = this.#endedMs ?? this.#nowMs();
    this.#metrics.note(call, {
      usage,
      outcome: isAnswered ? (end.code ?? 'ok') : 'given_up',
      modelSeconds: (endedMs - atMs) / 1000,
      firstSeconds: this.#firstMs === undefined ? undefined : (this.#firstMs - atMs) / 1000,
      overheadSeconds: (atMs - this.#arrivedMs + this.#nowMs() - endedMs) / 1000,
    });
  }

  /** Counts an open stream. @returns to be called at its end, once. */
  streams(): () => void {
    return this.#metrics.openStream();
  }

  async *#over(
    answer: AsyncIterable<readonly ModelChunk[]>,
    {
      hasWords,
      ...asked
    }: { readonly call: ModelCall; readonly end: AnswerEnd; readonly hasWords: (chunk: ModelChunk) => boolean },
  ): AsyncGenerator<readonly ModelChunk[]> {
    this.#asked = { ...asked, atMs: this.#nowMs() };
    try {
      for await (const chunks of answer) {
        if (this.#firstMs === undefined && chunks.some(hasWords)) this.#firstMs = this.#nowMs();
        yield chunks;
      }
    } finally {
      this.#endedMs = this.#nowMs();
    }
  }
}
