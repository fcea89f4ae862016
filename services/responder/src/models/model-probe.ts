import type { ModelUsage } from './model.js';
import type { ModelErrorCode, UpstreamCause } from './model-error.js';
import { ModelError } from './model-error.js';
import type { ModelRegistry } from './model-registry.js';
import type { ModelTarget } from './resilience/model-target.js';

/** It costs next to nothing, and nothing of anybody is in it. */
const QUESTION = 'Answer with the word yes.';
const OUTPUT_TOKENS = 16;
const TIMEOUT_MS = 60_000;

/** A target of a model, and what became of a small question to it. */
export interface ProbedTarget {
  readonly name: string;
  readonly upstream: string;
  readonly host?: string | undefined;
  readonly outcome: 'answered' | 'failed' | 'not_asked';
  readonly durationMs?: number;
  /** What it calls itself. */
  readonly model?: string;
  readonly usage?: ModelUsage | undefined;
  readonly code?: ModelErrorCode;
  readonly cause?: UpstreamCause | undefined;
  readonly status?: number | undefined;
}

/**
 * Asks every target and fallback of every model, one after the other, past all that would spare one that fails. One that
 * makes embeddings alone is not asked.
 */
export async function* probeModels(registry: ModelRegistry): AsyncGenerator<ProbedTarget> {
  for (const { name, aliasOf, targets, fallbacks } of registry.list()) {
    if (aliasOf !== undefined) continue;
    for (const target of [...targets, ...fallbacks]) {
      const { upstream, model } = target;
      yield { name, upstream, host: model.host, ...(await outcomeOf(target)) };
    }
  }
}

type Outcome = Omit<ProbedTarget, 'name' | 'upstream' | 'host'>;

async function outcomeOf(target: ModelTarget): Promise<Outcome> {
  if (target.can?.has('chat') === false) return { outcome: 'not_asked' };
  const startedMs = performance.now();
  const took = () => ({ durationMs: Math.round(performance.now() - startedMs) });
  try {
    return { outcome: 'answered', ...(await answerOf(target)), ...took() };
  } catch (error) {
    if (!(error instanceof ModelError))
      return { outcome: 'failed', code: 'upstream_timeout', cause: 'too_slow', ...took() };
    const { code, fault } = error;
    return { outcome: 'failed', code, cause: fault?.cause, status: fault?.status, ...took() };
  }
}

/** Who answered; what was said is looked at by nobody. */
async function answerOf({ model, asksFor }: ModelTarget): Promise<Pick<ProbedTarget, 'model' | 'usage'>> {
  const request = {
    model: asksFor,
    messages: [{ role: 'user' as const, content: QUESTION }],
    maxOutputTokens: OUTPUT_TOKENS,
    requestId: 'test',
  };
  const answered: { model?: string; usage?: ModelUsage } = {};
  for await (const chunks of model.stream(request, AbortSignal.timeout(TIMEOUT_MS)))
    for (const { model: itself, usage } of chunks) {
      answered.model = itself;
      if (usage !== undefined) answered.usage = usage;
    }
  return answered;
}
