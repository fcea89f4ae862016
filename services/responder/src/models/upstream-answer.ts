import type { FinishReason, ModelChunk, ModelDelta, ModelRequest, ModelUsage } from './model.js';
import { brokenAnswer } from './model-error.js';
import type { UpstreamChunk } from './upstream-chunk.js';

/** Turns the upstream's chunks into the port's: one finish reason, the usage last, no more text than was asked for. */
export class UpstreamAnswer {
  readonly #shape: Omit<ModelChunk, 'choices' | 'usage' | 'model'>;
  readonly #piecesMax: number;
  #model: string;
  #pieces = 0;
  #finished: FinishReason | undefined;
  #usage: ModelUsage | undefined;
  /** The upstream went on where the limit is: it is cut off, and what came before is an answer of that length. */
  reachedLimit = false;

  constructor(model: string, request: ModelRequest, piecesMax: number) {
    this.#model = model;
    this.#piecesMax = Math.min(request.maxOutputTokens ?? piecesMax, piecesMax);
    this.#shape = { id: request.requestId, object: 'chat.completion.chunk', created: Math.floor(Date.now() / 1000) };
  }

  /** What to pass on of this chunk, if anything. @throws {ModelError} upstream_unavailable for text after the end. */
  take(chunk: UpstreamChunk): ModelChunk | undefined {
    this.#model = chunk.model ?? this.#model;
    this.#usage = chunk.usage ?? this.#usage;
    if (this.#finished !== undefined) {
      // guard: upstream-after-end
      if (saysSomething(chunk.delta)) throw brokenAnswer('it goes on after its end');
      return undefined;
    }
    if (saysSomething(chunk.delta)) this.#pieces += 1;
    if (this.#pieces > this.#piecesMax) {
      this.reachedLimit = true;
      return this.#chunk({}, 'length');
    }
    this.#finished = chunk.finishReason;
    if (chunk.delta === undefined && chunk.finishReason === undefined) return undefined;
    return this.#chunk(chunk.delta ?? {}, chunk.finishReason ?? null);
  }

  /** The chunk with the usage, if there was one. @throws {ModelError} upstream_unavailable when it is not complete. */
  *end(done: boolean): Generator<ModelChunk> {
    // guard: upstream-done
    if (!done) throw brokenAnswer('it ends without [DONE]', 'cut');
    // guard: upstream-finish
    if (this.#finished === undefined) throw brokenAnswer('it gives no reason why it ended', 'cut');
    if (this.#usage !== undefined) yield { ...this.#shape, model: this.#model, choices: [], usage: this.#usage };
  }

  #chunk(delta: ModelDelta, finishReason: FinishReason | null): ModelChunk {
    return { ...this.#shape, model: this.#model, choices: [{ index: 0, delta, finish_reason: finishReason }] };
  }
}

function saysSomething(delta: ModelDelta | undefined): boolean {
  return Boolean(delta?.content) || delta?.refusal !== undefined || delta?.tool_calls !== undefined;
}
