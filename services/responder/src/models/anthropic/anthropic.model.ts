import type { ModelCapability } from '@bulla/contract';
import type { Secret } from '@bulla/crypto';
import { CONCURRENT_MAX, Model, type ModelChunk, type ModelRequest } from '../model.js';
import type { OpenaiModelLimits } from '../openai.model.js';
import { OPENAI_MODEL_LIMITS } from '../openai.model.js';
import { resolveModel } from '../resolve-model.js';
import { Upstream } from '../upstream.js';
import { UpstreamAnswer } from '../upstream-answer.js';
import type { UpstreamBody } from '../upstream-body.js';
import { eventsOf } from '../upstream-events.js';
import { UpstreamList } from '../upstream-list.js';
import { type ModelTimeouts, UpstreamWatch } from '../upstream-watch.js';
import { AnthropicEvents } from './anthropic-events.js';
import type { AnthropicDialect } from './anthropic-request.js';
import { anthropicRequest, outputTokens, thinkingOf } from './anthropic-request.js';

/** What the Messages API can be asked for. Its older version takes a temperature too. */
const CAN: readonly ModelCapability[] = ['chat', 'tools', 'images', 'files', 'json_schema', 'reasoning'];

export interface AnthropicModelOptions extends AnthropicDialect {
  /** Base URL without a slash at its end; `/messages` and `/models` are below it. */
  readonly url: string;
  readonly apiKey?: Secret | undefined;
  readonly timeouts: ModelTimeouts;
  readonly concurrentMax?: number | undefined;
  readonly limits?: OpenaiModelLimits;
}

/**
 * Any server that speaks Anthropic's Messages API. What it says is checked event by event, as that of every server, and
 * becomes chunks of a chat completion: whoever reads an answer has one shape to read.
 */
export class AnthropicModel extends Model {
  override readonly name = 'anthropic';
  override readonly host: string;
  override readonly can: ReadonlySet<ModelCapability>;
  override readonly concurrentMax: number;
  readonly #options: AnthropicModelOptions;
  readonly #limits: OpenaiModelLimits;
  readonly #upstream: Upstream;
  readonly #list: UpstreamList;

  constructor(options: AnthropicModelOptions) {
    super();
    const { url, apiKey, timeouts, version } = options;
    this.host = new URL(url).host;
    this.concurrentMax = options.concurrentMax ?? CONCURRENT_MAX;
    this.#options = options;
    this.can = new Set<ModelCapability>(version === '2023-06-01' ? [...CAN, 'sampling'] : CAN);
    this.#limits = options.limits ?? OPENAI_MODEL_LIMITS;
    const headers = { keyAs: 'x-api-key', fixed: { 'anthropic-version': version } } as const;
    this.#upstream = new Upstream(url, apiKey, timeouts, headers);
    this.#list = new UpstreamList(this.#upstream, '/models', timeouts);
  }

  override async *stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<readonly ModelChunk[]> {
    const watch = new UpstreamWatch(this.#options.timeouts.totalMs, signal);
    let complete: UpstreamBody | undefined;
    try {
      const model = await resolveModel(request.model, () => this.#list.names(request.requestId, watch));
      const body = await this.#upstream.send(
        {
          method: 'POST',
          path: '/messages',
          body: JSON.stringify(anthropicRequest(model, request, this.#options)),
          accept: 'text/event-stream',
          requestId: request.requestId,
          bytesMax: this.#limits.bytesMax,
        },
        watch,
      );
      const maxOutputTokens = outputTokens(request, thinkingOf(request, this.#options));
      const answer = new UpstreamAnswer(model, { ...request, maxOutputTokens }, this.#limits.piecesMax);
      const reader = new AnthropicEvents();
      for await (const events of eventsOf(body, this.#options.timeouts, this.#limits.eventSizeMax)) {
        yield* answer.takeAll(events, (data) => reader.read(data));
        if (answer.reachedLimit) return;
        if (answer.isEnded) break;
      }
      if (answer.isEnded) complete = body;
      yield* answer.end();
    } finally {
      if (complete === undefined) watch.end();
      else complete.release();
    }
  }

  override list(signal: AbortSignal): Promise<readonly string[]> {
    return this.#list.ask(signal);
  }

  override async close(): Promise<void> {
    this.#upstream.close();
  }
}
