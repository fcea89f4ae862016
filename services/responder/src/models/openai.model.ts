import type { Secret } from '@bulla/crypto';
import { isVisibleName } from '@bulla/crypto';
import * as z from 'zod';
import { CONCURRENT_MAX, Model, type ModelChunk, type ModelRequest } from './model.js';
import { brokenAnswer } from './model-error.js';
import { resolveModel } from './resolve-model.js';
import { Upstream } from './upstream.js';
import type { UpstreamBody } from './upstream-body.js';
import { UpstreamAnswer } from './upstream-answer.js';
import { parseUpstreamChunk } from './upstream-chunk.js';
import { UpstreamEvents } from './upstream-events.js';
import { type ModelTimeouts, UpstreamWatch } from './upstream-watch.js';

const MODELS_BYTES_MAX = 1_048_576;
const MODELS_KEPT_MS = 60_000;
// guard: upstream-listed-names without: const listedNameSchema = z.string().min(1).max(256);
const listedNameSchema = z.string().min(1).max(256).refine(isVisibleName);
const modelsSchema = z.object({ data: z.array(z.object({ id: listedNameSchema })).max(10_000) });

export interface OpenaiModelLimits {
  /** One line or event of the stream, in UTF-16 units. */
  readonly eventSizeMax: number;
  /** The whole stream, in bytes. */
  readonly bytesMax: number;
  /** Pieces of text, where the request names no limit of its own. A piece is one delta: one token or more. */
  readonly piecesMax: number;
}

export const OPENAI_MODEL_LIMITS: OpenaiModelLimits = {
  eventSizeMax: 1_048_576,
  bytesMax: 67_108_864,
  piecesMax: 131_072,
};

export interface OpenaiModelOptions {
  /** Base URL without a slash at its end; `/chat/completions` and `/models` are below it. */
  readonly url: string;
  readonly apiKey?: Secret | undefined;
  readonly timeouts: ModelTimeouts;
  readonly concurrentMax?: number | undefined;
  readonly limits?: OpenaiModelLimits;
}

/**
 * Any server that speaks OpenAI's chat completions. It always asks for a stream with usage, once,
 * and believes nothing: every event is checked, and a stream without a finish reason and `[DONE]` is an error.
 */
export class OpenaiModel extends Model {
  override readonly name = 'openai';
  override readonly host: string;
  override readonly can = undefined;
  override readonly concurrentMax: number;
  readonly #options: OpenaiModelOptions;
  readonly #limits: OpenaiModelLimits;
  readonly #upstream: Upstream;
  #listed: { readonly names: readonly string[]; readonly untilMs: number } | undefined;

  constructor(options: OpenaiModelOptions) {
    super();
    this.host = new URL(options.url).host;
    this.#options = options;
    this.concurrentMax = options.concurrentMax ?? CONCURRENT_MAX;
    this.#limits = options.limits ?? OPENAI_MODEL_LIMITS;
    this.#upstream = new Upstream(options.url, options.apiKey, options.timeouts);
  }

  override async *stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelChunk> {
    const watch = new UpstreamWatch(this.#options.timeouts.totalMs, signal);
    let complete: UpstreamBody | undefined;
    try {
      const model = await resolveModel(request.model, () => this.#listModels(request.requestId, watch));
      const body = await this.#upstream.send(
        {
          method: 'POST',
          path: '/chat/completions',
          body: JSON.stringify(chatRequest(model, request)),
          accept: 'text/event-stream',
          requestId: request.requestId,
          bytesMax: this.#limits.bytesMax,
        },
        watch,
      );
      const answer = new UpstreamAnswer(model, request, this.#limits.piecesMax);
      for await (const data of this.#events(body)) {
        if (data === '[DONE]') {
          complete = body;
          break;
        }
        const chunk = answer.take(parseUpstreamChunk(data));
        if (chunk !== undefined) yield chunk;
        if (answer.reachedLimit) return;
      }
      yield* answer.end(complete !== undefined);
    } finally {
      if (complete === undefined) watch.end();
      else complete.release();
    }
  }

  override async list(signal: AbortSignal): Promise<readonly string[]> {
    const watch = new UpstreamWatch(this.#options.timeouts.totalMs, signal);
    try {
      return await this.#listModels('doctor', watch);
    } finally {
      watch.end();
    }
  }

  override async close(): Promise<void> {
    this.#upstream.close();
  }

  async *#events(body: UpstreamBody): AsyncGenerator<string> {
    const { firstByteMs, idleMs } = this.#options.timeouts;
    const events = new UpstreamEvents(this.#limits.eventSizeMax);
    let bytes = await body.read(firstByteMs, 'no answer began');
    while (bytes !== undefined) {
      const data = events.push(bytes);
      bytes.fill(0);
      yield* data;
      bytes = await body.read(idleMs, 'it stopped in the middle');
    }
  }

  async #listModels(requestId: string, watch: UpstreamWatch): Promise<readonly string[]> {
    if (this.#listed !== undefined && Date.now() < this.#listed.untilMs) return this.#listed.names;
    const call = {
      method: 'GET',
      path: '/models',
      accept: 'application/json',
      requestId,
      bytesMax: MODELS_BYTES_MAX,
    } as const;
    const body = await this.#upstream.send(call, watch);
    const pieces: Uint8Array[] = [];
    for (let bytes = await body.read(this.#options.timeouts.firstByteMs, 'no list of models'); bytes !== undefined; ) {
      pieces.push(bytes);
      bytes = await body.read(this.#options.timeouts.idleMs, 'no list of models');
    }
    const names = parseModels(Buffer.concat(pieces));
    this.#listed = { names, untilMs: Date.now() + MODELS_KEPT_MS };
    return names;
  }
}

/** `max_tokens` is the older name, and the one that every compatible server knows. */
function chatRequest(model: string, request: ModelRequest): object {
  return {
    model,
    messages: request.messages,
    ...request.parameters,
    stream: true,
    stream_options: { include_usage: true },
    // guard: upstream-store
    store: false,
    ...(request.maxOutputTokens === undefined ? {} : { max_tokens: request.maxOutputTokens }),
  };
}

function parseModels(bytes: Uint8Array): readonly string[] {
  try {
    const list = modelsSchema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
    return list.data.map((model) => model.id);
  } catch {
    throw brokenAnswer('it is no list of models');
  }
}
