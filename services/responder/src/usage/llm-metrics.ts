import type { Metrics } from '@bulla/service-kit';
import type { ModelRegistry } from '../models/model-registry.js';
import type { ModelCall } from '../models/resilience/model-call.js';
import type { RunUsage } from './run-usage.js';

/** Models answer in minutes. */
const SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
/** What a model is called that the registry does not list: whoever writes prompts must not make series. */
const OTHER = 'other';
const NANO = 1e9;

/** How a run with a model went. */
export interface NotedRun {
  readonly usage: RunUsage;
  /** `ok`, `given_up`, or the code of the error. */
  readonly outcome: string;
  /** From when the model was asked until it had ended. */
  readonly modelSeconds: number;
  /** Until its first words, if there were any. */
  readonly firstSeconds: number | undefined;
  /** From the arrival of the question until the model was asked, and from its end until the end of the run was written down. */
  readonly overheadSeconds: number;
}

/** The numbers about models (docs/guide/usage.md#metrics). Labels are names of the operator and codes: no prompt, no device. */
export class LlmMetrics {
  readonly #requests;
  readonly #tokens;
  readonly #cost;
  readonly #seconds;
  readonly #first;
  readonly #overhead;
  readonly #streams;
  readonly #fallbacks;

  constructor(metrics: Metrics, models: Pick<ModelRegistry, 'resting'>) {
    const labels: ('provider' | 'model')[] = ['provider', 'model'];
    this.#requests = metrics.counter('bulla_llm_requests_total', 'Runs that asked a model, by how they ended', [
      ...labels,
      'outcome',
    ]);
    this.#tokens = metrics.counter('bulla_llm_tokens_total', 'Tokens that models counted', [...labels, 'direction']);
    this.#cost = metrics.counter('bulla_llm_cost_total', 'What runs cost by the prices in the file of models', [
      ...labels,
      'currency',
    ]);
    this.#seconds = metrics.histogram(
      'bulla_llm_duration_seconds',
      'From when a model was asked to its end',
      labels,
      SECONDS,
    );
    this.#first = metrics.histogram(
      'bulla_llm_time_to_first_token_seconds',
      'From when a model was asked to its first words',
      labels,
      SECONDS,
    );
    this.#overhead = metrics.histogram('bulla_overhead_seconds', 'Of a run, without the time of its model', []);
    this.#streams = metrics.gauge('bulla_streams_active', 'Answers that are being streamed', []);
    this.#fallbacks = metrics.counter('bulla_fallback_total', 'Answers by another server than the one asked first', [
      'from',
      'to',
    ]);
    const state = metrics.gauge(
      'bulla_breaker_state',
      'Whether a model server is left alone (1) or not (0)',
      ['provider'],
      () => {
        for (const [provider, isResting] of models.resting) state.set({ provider }, Number(isResting));
      },
    );
  }

  note(
    { registeredAs, upstream: provider, attempts: [first] }: ModelCall,
    { usage, outcome, modelSeconds, firstSeconds, overheadSeconds }: NotedRun,
  ): void {
    // guard: llm-label without: const model = registeredAs ?? usage.model;
    const model = registeredAs ?? OTHER;
    const labels = { provider, model };
    this.#requests.inc({ ...labels, outcome });
    this.#seconds.observe(labels, modelSeconds);
    if (firstSeconds !== undefined) this.#first.observe(labels, firstSeconds);
    this.#overhead.observe(overheadSeconds);
    if (first !== undefined && first.upstream !== provider) this.#fallbacks.inc({ from: first.upstream, to: provider });
    if (usage.cost !== null) this.#cost.inc({ ...labels, currency: usage.cost.currency }, usage.cost.nanos / NANO);
    if (usage.tokens === null) return;
    this.#tokens.inc({ ...labels, direction: 'input' }, usage.tokens.input);
    this.#tokens.inc({ ...labels, direction: 'output' }, usage.tokens.output);
  }

  /** @returns to be called when it ends, once. */
  openStream(): () => void {
    this.#streams.inc();
    return () => this.#streams.dec();
  }
}
