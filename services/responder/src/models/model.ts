import type { ModelCapability } from '@bulla/contract';
import type { ChatMessage, CompletionChunk, CompletionUsage, EmbeddingsQuestion, ModelParameters } from '@bulla/crypto';

/** As OpenAI's chat completions have it; what it brings along is in `data:` URLs. */
export type ModelMessage = ChatMessage;

export interface ModelRequest {
  /**
   * As the prompt names it, where `default` and undefined are the responder's own; in the request that a {@link Model}
   * gets, as its server names it, and undefined is the only one that the server lists.
   */
  readonly model?: string | undefined;
  /** The rendered prompt, then what the asker added. */
  readonly messages: readonly ModelMessage[];
  /** The answer ends with `length` here at the latest. */
  readonly maxOutputTokens?: number | undefined;
  /** In the place of messages: texts whose embeddings are asked for. */
  readonly embeddings?: EmbeddingsQuestion | undefined;
  /** What else is asked of the model, by OpenAI's names; `n` is how many choices the answer has. */
  readonly parameters?: ModelParameters | undefined;
  /** The question's `jti`: the upstream's `x-request-id`, and the `id` of chunks where the upstream gives none. */
  readonly requestId: string;
}

/** A provider that withheld something ("content_filter") has not answered: that is an error, never an end. */
export type FinishReason = 'stop' | 'length' | 'tool_calls';

export interface ModelUsage extends CompletionUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/**
 * One `chat.completion.chunk` object in OpenAI's shape, with the members that the upstream gave it. `created` is seconds
 * since 1970; `model` is the model that answers, as the upstream calls it, 1 to 256 characters. A chunk has one choice, or
 * several where the request says `n`, or none: the last one, which carries the usage, and what only says something of the
 * answer.
 */
export interface ModelChunk extends CompletionChunk<FinishReason> {
  readonly usage?: ModelUsage;
}
export type ModelDelta = ModelChunk['choices'][number]['delta'];

/** No bound of a model's own: the runs of the whole process have one. */
export const CONCURRENT_MAX = Number.MAX_SAFE_INTEGER;

/**
 * What answers a rendered prompt. A port because three exist: any OpenAI-compatible server, and two built-in
 * processors that need none.
 */
export abstract class Model {
  /** For logs and metrics: `openai`, `builtin:extract`, `builtin:echo`. */
  abstract readonly name: string;

  /** Where it is asked, for logs and for askers: host and port; undefined where it is this process. */
  readonly host: string | undefined;

  /** What such a model can do at all, whatever a file says; undefined: its server decides. */
  readonly can: ReadonlySet<ModelCapability> | undefined;

  /** How many runs may ask it at once. */
  readonly concurrentMax: number = CONCURRENT_MAX;

  /**
   * Chunks of one answer, together those that came together. It is complete if and only if this ends without an error: then each choice had exactly one
   * `finish_reason`, and after the last came at most one chunk without choices that has the `usage`, if the model counted.
   * Aborting the signal, or returning early, closes the connection to the upstream at once.
   * @throws {ModelError} at any time, also after chunks; the signal's reason when it was aborted.
   */
  abstract stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<readonly ModelChunk[]>;

  /**
   * Asks for nothing but what is there: the models that the server lists, or undefined where there is no server.
   * @throws {ModelError}; the signal's reason when it was aborted.
   */
  async list(_signal: AbortSignal): Promise<readonly string[] | undefined> {
    return undefined;
  }

  /** Gives up idle connections. */
  async close(): Promise<void> {}
}
