/** What the fake reads of a chat request; everything else is recorded and ignored. */
export interface FakeChatRequest {
  readonly model?: string;
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly n?: number;
  readonly logprobs?: boolean;
  /** Of a request for embeddings. */
  readonly input?: string | readonly string[];
  readonly dimensions?: number;
  readonly encoding_format?: string;
  readonly messages?: readonly { readonly content?: unknown }[];
}

/** What a fake upstream answers. Times are milliseconds; tokens are the pieces of text it streams. */
export interface FakeReply {
  /** HTTP status; anything but 200 answers `body` instead of a completion. Embeddings are `body` wherever it is there. Default 200. */
  readonly status?: number;
  /** Body of an answer that is no completion. Default: an error object in OpenAI's shape. */
  readonly body?: string;
  /** Default `text/event-stream` for streams, `application/json` otherwise. */
  readonly contentType?: string;
  /** More response headers, such as `retry-after` or, with a 3xx status, `location`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Wait before the response headers; `Infinity` never sends them. */
  readonly delayBeforeHeadersMs?: number;
  /** Wait after the headers, before the first token. */
  readonly delayBeforeTokensMs?: number;
  readonly delayBetweenTokensMs?: number;
  readonly tokens?: readonly string[];
  /** Pieces of a refusal, sent after the tokens. */
  readonly refusal?: readonly string[];
  /** Further members of every chunk, or of the whole answer. */
  readonly members?: Readonly<Record<string, unknown>>;
  /** Tool call deltas, sent after the tokens, one chunk each. */
  readonly toolCalls?: readonly FakeToolCallDelta[];
  /** Default `stop`, or `tool_calls` when there are any; null leaves the finishing chunk out. */
  readonly finishReason?: string | null;
  /** Default: counted. False leaves it out even when the request asks for it. */
  readonly usage?: FakeUsage | false;
  /** `separate` (OpenAI: a last chunk with `choices: []`) or `merged` into the finishing chunk. */
  readonly usagePlace?: 'separate' | 'merged';
  /** Model name in the answer. Default: the name that was asked for. */
  readonly model?: string;
  /** Ends every first half of an event inside a code point, where the text has one to split. */
  readonly splitUtf8?: boolean;
  /** Line end of the event stream. Default LF. */
  readonly lineEnd?: '\n' | '\r\n';
  /** Ends the stream without `data: [DONE]`. */
  readonly omitDone?: boolean;
  /** Keeps the connection open after `[DONE]` instead of ending the body. */
  readonly hangAfterDone?: boolean;
  readonly faults?: readonly FakeFault[];
}

/** Something that goes wrong after that many tokens were sent; 0 is right after the headers. */
export type FakeFault = { readonly afterTokens: number } & (
  | { /** Says nothing more, and keeps the connection. */ readonly kind: 'stall' }
  | { /** Destroys the socket. */ readonly kind: 'cut' }
  | { /** Writes this text as it is, such as a garbage line. */ readonly kind: 'write'; readonly text: string }
  | { /** Sends one delta with so many bytes of text. */ readonly kind: 'huge-event'; readonly bytes: number }
);

export interface FakeToolCallDelta {
  readonly index: number;
  readonly id?: string;
  readonly name?: string;
  readonly arguments?: string;
}

export interface FakeUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly [more: string]: unknown;
}

export interface FakeScript {
  /** Names listed under `/v1/models`. Default `['fake-model']`. */
  readonly models?: readonly string[];
  /** Status, headers, body and delay of `/v1/models`, where it shall not list the models. */
  readonly modelsReply?: Pick<FakeReply, 'status' | 'headers' | 'body' | 'contentType' | 'delayBeforeHeadersMs'>;
  /** One reply for all chat requests, one per request in order, the last repeated, or what follows from the request. */
  readonly replies?: FakeReply | readonly FakeReply[] | ((asked: FakeChatRequest) => FakeReply);
}

/** The reply for the nth chat request, counted from 0. */
export function replyFor(script: FakeScript, index: number, asked: FakeChatRequest): FakeReply {
  const replies = script.replies ?? {};
  if (typeof replies === 'function') return replies(asked);
  if (!isList(replies)) return replies;
  return replies[Math.min(index, replies.length - 1)] ?? {};
}

function isList(replies: FakeReply | readonly FakeReply[]): replies is readonly FakeReply[] {
  return Array.isArray(replies);
}
