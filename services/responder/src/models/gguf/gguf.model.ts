import type { ModelCapability } from '@bulla/contract';
import { messageText } from '@bulla/crypto';
import { basename } from 'node:path';
import type { FinishReason, ModelChunk, ModelDelta, ModelMessage, ModelRequest } from '../model.js';
import { Model } from '../model.js';
import { brokenAnswer, ModelError } from '../model-error.js';
import type { ChatItem, Llama, LlamaEnd } from './llama.js';
import { openLlama } from './llama.js';

/** Questions at once; each has a context of its own in memory. */
const SEQUENCES = 4;
/** Tokens of a question and its answer together, where the model was trained for as many. */
const CONTEXT_MAX = 8_192;

/**
 * A language model in this process, on its processor. What is asked leaves the machine by no way; a text longer than the
 * context is refused, since the library would leave out its beginning.
 */
export class GgufModel extends Model {
  override readonly name = 'gguf';
  override readonly can: ReadonlySet<ModelCapability> = new Set<ModelCapability>(['chat', 'sampling']);
  override readonly concurrentMax = SEQUENCES;
  readonly #path: string;
  readonly #timeoutMs: number;
  #loaded: Promise<Llama> | undefined;

  constructor(path: string, timeoutMs: number) {
    super();
    this.#path = path;
    this.#timeoutMs = timeoutMs;
  }

  override async *stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<readonly ModelChunk[]> {
    signal.throwIfAborted();
    const sampling = samplingOf(request);
    const history = historyOf(request.messages);
    const stopping = new AbortController();
    const whole = AbortSignal.any([signal, stopping.signal]);
    const late = setTimeout(() => stopping.abort(tooSlow()), this.#timeoutMs).unref();
    const pieces = new Pieces();
    try {
      const llama = await unlessAborted(this.#load(), whole);
      const stop = [request.parameters?.stop ?? []].flat();
      const options = { maxTokens: request.maxOutputTokens, signal: whole, sampling, stop };
      const ending = llama.answer(history, { ...options, onText: (text) => pieces.add(text) }).then(
        (end) => pieces.end(end),
        (error: unknown) => pieces.fail(whole.aborted ? whole.reason : error),
      );
      yield* this.#chunks(request, pieces);
      await ending;
    } finally {
      clearTimeout(late);
      stopping.abort(new Error('the reader has stopped'));
    }
  }

  override async close(): Promise<void> {
    await (await this.#loaded?.catch(() => undefined))?.close();
  }

  async *#chunks({ requestId: id }: ModelRequest, pieces: Pieces): AsyncGenerator<readonly ModelChunk[]> {
    const created = Math.floor(Date.now() / 1000);
    const shape = { id, object: 'chat.completion.chunk', created, model: basename(this.#path) } as const;
    const chunk = (delta: ModelDelta, finish_reason: FinishReason | null = null): ModelChunk => {
      return { ...shape, choices: [{ index: 0, delta, finish_reason }] };
    };
    yield [chunk({ role: 'assistant', content: '' })];
    for (let text = await pieces.next(); text !== undefined; text = await pieces.next()) {
      // The strict JSON of a reply has neither.
      // guard: gguf-text
      if (!text.isWellFormed() || text.includes('\0')) throw brokenAnswer('it is no text');
      yield [chunk({ content: text })];
    }
    const { asked, answered, stopped } = pieces.ended();
    const usage = { prompt_tokens: asked, completion_tokens: answered, total_tokens: asked + answered };
    yield [chunk({}, stopped === 'maxTokens' ? 'length' : 'stop'), { ...shape, choices: [], usage }];
  }

  /** Loads it for the first run, and for the next one if that did not work. */
  async #load(): Promise<Llama> {
    this.#loaded ??= openLlama(this.#path, { sequences: SEQUENCES, contextMax: CONTEXT_MAX });
    try {
      return await this.#loaded;
    } catch {
      this.#loaded = undefined;
      throw new ModelError('upstream_unavailable', 'the model in this process cannot be loaded', {
        cause: 'unreachable',
      });
    }
  }
}

/** @throws the signal's reason, as soon as there is one */
async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Text on its way from who writes it to who reads it. */
class Pieces {
  readonly #texts: string[] = [];
  #isOver = false;
  #end: LlamaEnd | undefined;
  #error: Error | undefined;
  #wake = () => {};

  add(text: string): void {
    if (text !== '') this.#texts.push(text);
    this.#wake();
  }

  end(end: LlamaEnd | undefined): void {
    this.#isOver = true;
    this.#end = end;
    // guard: gguf-context
    if (end === undefined) this.#error = tooLong();
    this.#wake();
  }

  fail(error: unknown): void {
    this.#isOver = true;
    this.#error = error instanceof Error ? error : brokenAnswer('it stopped');
    this.#wake();
  }

  /** The next piece; undefined at the end. @throws what it failed with */
  async next(): Promise<string | undefined> {
    while (this.#texts.length === 0 && !this.#isOver)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    const text = this.#texts.shift();
    if (text === undefined && this.#error !== undefined) throw this.#error;
    return text;
  }

  ended(): LlamaEnd {
    if (this.#end === undefined) throw brokenAnswer('it stopped in the middle', 'cut');
    return this.#end;
  }
}

function historyOf(messages: readonly ModelMessage[]): ChatItem[] {
  const items = messages.map((message): ChatItem => {
    const text = messageText(message);
    if (message.role === 'assistant') return { type: 'model', response: [text] };
    return { type: message.role === 'user' ? 'user' : 'system', text };
  });
  // The library writes into the last item.
  return items.at(-1)?.type === 'model' ? items : [...items, { type: 'model', response: [] }];
}

/** @throws {ModelError} model_incapable for what this library does not take */
function samplingOf({ parameters = {} }: ModelRequest): object {
  const {
    temperature,
    top_p: topP,
    seed,
    logit_bias,
    presence_penalty: presence,
    frequency_penalty: frequency,
  } = parameters;
  // guard: gguf-sampling
  if (logit_bias !== undefined)
    throw new ModelError('model_incapable', 'a model in this process takes no bias of tokens', {
      cause: 'needs_sampling',
    });
  const penalties = presence !== undefined || frequency !== undefined;
  return {
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...(seed !== undefined && { seed }),
    ...(penalties && { repeatPenalty: { presencePenalty: presence ?? 0, frequencyPenalty: frequency ?? 0 } }),
  };
}

function tooSlow(): ModelError {
  return new ModelError('upstream_timeout', 'the model was too slow: no whole answer in time', { cause: 'too_slow' });
}

function tooLong(): ModelError {
  return new ModelError('model_incapable', 'the question does not fit into the context of the model', {
    cause: 'needs_context',
  });
}
