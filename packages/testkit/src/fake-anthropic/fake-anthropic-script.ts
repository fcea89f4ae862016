/** What a fake of the Messages API answers. Times are milliseconds; tokens are the pieces of text it streams. */
export interface FakeMessageReply {
  /** HTTP status; anything but 200 answers `body` instead of a message. Default 200. */
  readonly status?: number;
  /** Default: an error object in the shape of the API. */
  readonly body?: string;
  /** Default `text/event-stream`. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** `Infinity` never sends them. */
  readonly delayBeforeHeadersMs?: number;
  readonly delayBetweenTokensMs?: number;
  /** Thought before the text, in one block. */
  readonly thinking?: readonly string[];
  readonly tokens?: readonly string[];
  /** Calls after the text, each with its input in pieces of JSON. */
  readonly toolCalls?: readonly FakeToolUse[];
  /** Default `end_turn`, or `tool_use` where there are calls. */
  readonly stopReason?: string;
  readonly model?: string;
  readonly usage?: Readonly<Record<string, number>>;
  /** Sent instead of all of the above: each an event, an object by its `type`, a text as it stands. */
  readonly events?: readonly (object | string)[];
  /** After how many tokens which fault comes; 0 is right after `message_start`. */
  readonly fault?: { readonly afterTokens: number; readonly kind: 'stall' | 'cut' | 'overloaded' };
}

export interface FakeToolUse {
  readonly id: string;
  readonly name: string;
  readonly input: readonly string[];
}

export interface FakeMessageScript {
  /** Names listed under `/v1/models`. */
  readonly models?: readonly string[];
  /** One reply for all requests, or one per request in order, the last repeated. */
  readonly replies?: FakeMessageReply | readonly FakeMessageReply[];
}

/** The events of a reply: one message, whole. */
export function eventsOfReply(reply: FakeMessageReply, asked: string): (object | string)[] {
  if (reply.events !== undefined) return [...reply.events];
  const { thinking = [], tokens = ['This ', 'is ', 'the ', 'fake.'], toolCalls = [] } = reply;
  const usage = { input_tokens: 7, output_tokens: tokens.length, ...reply.usage };
  const { output_tokens: _later, ...input } = usage;
  let index = 0;
  const block = (start: object, deltas: readonly object[]): object[] => {
    const at = index++;
    return [
      { type: 'content_block_start', index: at, content_block: start },
      ...deltas.map((delta) => ({ type: 'content_block_delta', index: at, delta })),
      { type: 'content_block_stop', index: at },
    ];
  };
  const thought = thinking.map((text) => ({ type: 'thinking_delta', thinking: text }));
  const said = tokens.map((text) => ({ type: 'text_delta', text }));
  const callsOf = () =>
    toolCalls.flatMap(({ id, name, input: pieces }) =>
      block(
        { type: 'tool_use', id, name, input: {} },
        pieces.map((text) => ({ type: 'input_json_delta', partial_json: text })),
      ),
    );
  const stop_reason = reply.stopReason ?? (toolCalls.length > 0 ? 'tool_use' : 'end_turn');
  return [
    {
      type: 'message_start',
      message: {
        id: 'msg_fake',
        type: 'message',
        role: 'assistant',
        model: reply.model ?? asked,
        content: [],
        stop_reason: null,
        usage: { ...input, output_tokens: 1 },
      },
    },
    { type: 'ping' },
    ...(thought.length > 0
      ? block({ type: 'thinking', thinking: '', signature: '' }, [
          ...thought,
          { type: 'signature_delta', signature: 'c2ln' },
        ])
      : []),
    ...(said.length > 0 ? block({ type: 'text', text: '' }, said) : []),
    ...callsOf(),
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage },
    { type: 'message_stop' },
  ];
}
