export interface ModelMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
}

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
  readonly temperature?: number | undefined;
  /** The question's `jti`: the `id` of every chunk, and the upstream's `x-request-id`. */
  readonly requestId: string;
}

/** A provider that withheld something ("content_filter") has not answered: that is an error, never an end. */
export type FinishReason = 'stop' | 'length' | 'tool_calls';

export interface ModelUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

export interface ToolCallDelta {
  readonly index: number;
  readonly id?: string;
  readonly type?: 'function';
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

export interface ModelDelta {
  readonly role?: 'assistant';
  readonly content?: string;
  readonly refusal?: string;
  readonly tool_calls?: readonly ToolCallDelta[];
}

/** One `chat.completion.chunk` object in OpenAI's shape, with no other member than these. */
export interface ModelChunk {
  readonly id: string;
  readonly object: 'chat.completion.chunk';
  /** Seconds since 1970. */
  readonly created: number;
  /** The model that answers, as the upstream calls it; 1 to 256 characters. */
  readonly model: string;
  /** One choice, or none in the last chunk, which carries the usage. */
  readonly choices: readonly {
    readonly index: 0;
    readonly delta: ModelDelta;
    readonly finish_reason: FinishReason | null;
  }[];
  readonly usage?: ModelUsage;
}

/**
 * What answers a rendered prompt. A port because three exist: any OpenAI-compatible server, and two built-in
 * processors that need none.
 */
export abstract class Model {
  /** For logs and metrics: `openai`, `builtin:extract`, `builtin:echo`. */
  abstract readonly name: string;

  /** Where it is asked, for logs and for askers: host and port; undefined where it is this process. */
  readonly host: string | undefined;

  /**
   * Chunks of one answer. It is complete if and only if this ends without an error: then exactly one chunk had a
   * `finish_reason`, and after it came at most one chunk without choices that has the `usage`, if the model counted.
   * Aborting the signal, or returning early, closes the connection to the upstream at once.
   * @throws {ModelError} at any time, also after chunks; the signal's reason when it was aborted.
   */
  abstract stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelChunk>;

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
