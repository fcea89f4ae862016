import type { ModelChunk, ModelDelta, ModelRequest } from '../src/models/model.js';
import { Model } from '../src/models/model.js';
import type { UpstreamFault } from '../src/models/model-error.js';
import { ModelError } from '../src/models/model-error.js';
import type { ModelEntry } from '../src/models/model-registry.js';
import { ModelRegistry } from '../src/models/model-registry.js';
import type { ModelCall } from '../src/models/resilience/model-call.js';

/** One step of a scripted answer: words, a wait for the signal, or how it fails. */
type Step = string | Error;
export const ROLE = '<role>';
export const WAIT = '<wait>';

/** A model that answers each request by the next of its scripts, the last one again and again. */
export class Scripted extends Model {
  override readonly name = 'scripted';
  override readonly can = undefined;
  override readonly concurrentMax: number;
  readonly requests: ModelRequest[] = [];
  /** Answers that are open, and how many were closed early. */
  open = 0;
  closed = 0;

  constructor(
    override readonly host: string,
    readonly scripts: readonly (readonly Step[])[],
    concurrentMax = 100,
  ) {
    super();
    this.concurrentMax = concurrentMax;
  }

  override async *stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<readonly ModelChunk[]> {
    signal.throwIfAborted();
    const script = this.scripts[Math.min(this.requests.length, this.scripts.length - 1)] ?? [];
    this.requests.push(request);
    this.open += 1;
    let isWhole = false;
    try {
      for (const step of script) {
        if (step instanceof Error) throw step;
        if (step === WAIT) await aborted(signal);
        else yield [this.#chunk(step === ROLE ? { role: 'assistant', content: '' } : { content: step })];
      }
      yield [this.#chunk({}, 'stop')];
      isWhole = true;
    } finally {
      this.open -= 1;
      if (!isWhole) this.closed += 1;
    }
  }

  #chunk(delta: ModelDelta, finish_reason: 'stop' | null = null): ModelChunk {
    const shape = { id: 'inv_1', object: 'chat.completion.chunk', created: 1, model: `${this.host}-model` } as const;
    return { ...shape, choices: [{ index: 0, delta, finish_reason }] };
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
  signal.throwIfAborted();
}

export const fault = (
  said: UpstreamFault,
  code: ConstructorParameters<typeof ModelError>[0] = 'upstream_unavailable',
) => new ModelError(code, 'on purpose', said);
export const DOWN = fault({ cause: 'connection_refused' });
export const SLOW = fault({ cause: 'too_slow' }, 'upstream_timeout');
export const http = (status: number, retryAfterSeconds?: number) =>
  fault({ cause: 'http_status', status, retryAfterSeconds });
export const LIMITED = (seconds?: number) =>
  fault({ cause: 'http_status', status: 429, retryAfterSeconds: seconds }, 'upstream_rate_limited');

export const target = (model: Model) => ({ model, upstream: model.host ?? '', asksFor: `${model.host}-name` });
export function registryOf(targets: Model[], fallbacks: Model[] = [], more: Partial<ModelEntry> = {}): ModelRegistry {
  const entry = { targets: targets.map(target), fallbacks: fallbacks.map(target), ...more };
  return new ModelRegistry({ models: new Map([['m', entry]]), default: 'm' });
}
export const callOf = (registry: ModelRegistry): ModelCall =>
  registry.callFor({ messages: [{ role: 'user', content: 'hello' }], requestId: 'inv_1' });

interface Outcome {
  readonly text: string;
  readonly models: readonly string[];
  readonly error?: unknown;
}

export async function run(call: ModelCall, signal = new AbortController().signal): Promise<Outcome> {
  let text = '';
  const models = new Set<string>();
  try {
    for await (const chunks of call.stream(signal))
      for (const { choices, model } of chunks) {
        text += choices[0]?.delta.content ?? '';
        models.add(model);
      }
    return { text, models: [...models] };
  } catch (error) {
    return { text, models: [...models], error };
  }
}
