import type { EmbeddingsQuestion, Secret } from '@bulla/crypto';
import { CONCURRENT_MAX, Model, type ModelChunk, type ModelRequest } from './model.js';
import { resolveModel } from './resolve-model.js';
import { Upstream } from './upstream.js';
import type { UpstreamBody } from './upstream-body.js';
import { UpstreamAnswer } from './upstream-answer.js';
import { parseUpstreamChunk, type UpstreamChunk } from './upstream-chunk.js';
import { embeddingChunks, EMBEDDINGS_BYTES_MAX } from './upstream-embeddings.js';
import { eventsOf } from './upstream-events.js';
import { UpstreamList } from './upstream-list.js';
import { type ModelTimeouts, UpstreamWatch } from './upstream-watch.js';

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
  /** Base URL without a slash at its end; `/chat/completions`, `/embeddings` and `/models` are below it. */
  readonly url: string;
  readonly apiKey?: Secret | undefined;
  readonly timeouts: ModelTimeouts;
  readonly concurrentMax?: number | undefined;
  /** The server is a resource of Azure, and speaks this version of its interface. */
  readonly azureVersion?: string | undefined;
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
  readonly #list: UpstreamList;

  constructor(options: OpenaiModelOptions) {
    super();
    this.host = new URL(options.url).host;
    this.#options = options;
    this.concurrentMax = options.concurrentMax ?? CONCURRENT_MAX;
    this.#limits = options.limits ?? OPENAI_MODEL_LIMITS;
    const { url, apiKey, timeouts, azureVersion } = options;
    this.#upstream = new Upstream(url, apiKey, timeouts, azureVersion === undefined ? {} : { keyAs: 'api-key' });
    this.#list = new UpstreamList(this.#upstream, this.#path('', '/models'), timeouts);
  }

  override stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<readonly ModelChunk[]> {
    const { embeddings } = request;
    return embeddings === undefined ? this.#chat(request, signal) : this.#embed(request, embeddings, signal);
  }

  async *#chat(request: ModelRequest, signal: AbortSignal): AsyncGenerator<readonly ModelChunk[]> {
    const watch = new UpstreamWatch(this.#options.timeouts.totalMs, signal);
    let complete: UpstreamBody | undefined;
    try {
      const model = await resolveModel(request.model, () => this.#list.names(request.requestId, watch));
      const body = await this.#upstream.send(
        {
          method: 'POST',
          path: this.#path(`/deployments/${encodeURIComponent(model)}`, '/chat/completions'),
          body: JSON.stringify(chatRequest(model, request)),
          accept: 'text/event-stream',
          requestId: request.requestId,
          bytesMax: this.#limits.bytesMax,
        },
        watch,
      );
      const answer = new UpstreamAnswer(model, request, this.#limits.piecesMax);
      for await (const events of eventsOf(body, this.#options.timeouts, this.#limits.eventSizeMax)) {
        yield* answer.takeAll(events, readEvent);
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

  async *#embed(
    { model: wanted, requestId }: ModelRequest,
    embeddings: EmbeddingsQuestion,
    signal: AbortSignal,
  ): AsyncGenerator<readonly ModelChunk[]> {
    const { totalMs, firstByteMs, idleMs } = this.#options.timeouts;
    const watch = new UpstreamWatch(totalMs, signal);
    try {
      const model = await resolveModel(wanted, () => this.#list.names(requestId, watch));
      const body = await this.#upstream.send(
        {
          method: 'POST',
          path: this.#path(`/deployments/${encodeURIComponent(model)}`, '/embeddings'),
          body: JSON.stringify({ model, ...embeddings }),
          accept: 'application/json',
          requestId,
          bytesMax: EMBEDDINGS_BYTES_MAX,
        },
        watch,
      );
      const pieces: Uint8Array[] = [];
      for (let bytes = await body.read(firstByteMs, 'no embeddings'); bytes !== undefined; ) {
        pieces.push(bytes);
        bytes = await body.read(idleMs, 'it stopped in the middle');
      }
      const created = Math.floor(Date.now() / 1000);
      const shape = { id: requestId, object: 'chat.completion.chunk', created } as const;
      yield embeddingChunks(Buffer.concat(pieces), embeddings, shape);
    } finally {
      watch.end();
    }
  }

  override list(signal: AbortSignal): Promise<readonly string[]> {
    return this.#list.ask(signal);
  }

  override async close(): Promise<void> {
    this.#upstream.close();
  }

  /** Azure has a path for each deployment, and the version of its interface in the query. */
  #path(deployment: string, path: string): string {
    const { azureVersion } = this.#options;
    return azureVersion === undefined ? path : `/openai${deployment}${path}?api-version=${azureVersion}`;
  }
}

function readEvent(data: string): UpstreamChunk | 'end' {
  return data === '[DONE]' ? 'end' : parseUpstreamChunk(data);
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
