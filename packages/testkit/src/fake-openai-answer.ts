import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { wholeCalls } from './fake-responses/fake-calls.js';
import type { FakeResponse } from './fake-responses/fake-response.js';
import { fakeResponse } from './fake-responses/fake-response.js';
import type { FakeChatRequest, FakeFault, FakeReply, FakeToolCallDelta, FakeUsage } from './fake-openai-script.js';
import type { RecordedRequest } from './recorded-request.js';

const DEFAULT_TOKENS = ['This ', 'is ', 'the ', 'fake ', 'upstream.'];

/** One answer to one chat request, by the script. */
export class FakeAnswer {
  readonly #reply: FakeReply;
  readonly #asked: FakeChatRequest;
  readonly #record: RecordedRequest;
  readonly #response: ServerResponse;
  readonly #gone = new AbortController();
  readonly #tokens: readonly string[];

  constructor(reply: FakeReply, asked: FakeChatRequest, record: RecordedRequest, response: ServerResponse) {
    this.#reply = reply;
    this.#asked = asked;
    this.#record = record;
    this.#response = response;
    this.#tokens = reply.tokens ?? DEFAULT_TOKENS;
    response.once('close', () => this.#gone.abort());
  }

  /** Sends the completion; ends early, without an error, when the connection goes. True when it was sent whole. */
  completion(): Promise<boolean> {
    return this.#unlessGone(() => (this.#asked.stream === true ? this.#sendStream() : this.#sendWhole()));
  }

  /** Sends an embedding for each text that was asked for: numbers that follow from the text, four unless it says more. */
  embeddings(): Promise<boolean> {
    const { input = [], dimensions = 4, encoding_format: format } = this.#asked;
    const texts = typeof input === 'string' ? [input] : input;
    const data = texts.map((text, index) => {
      const bytes = Buffer.from(`${text} `);
      const numbers = Array.from({ length: dimensions }, (_, at) => ((bytes[at % bytes.length] ?? 0) - 64) / 128);
      const embedding =
        format === 'base64' ? Buffer.from(Float32Array.from(numbers).buffer).toString('base64') : numbers;
      return { object: 'embedding', index, embedding };
    });
    const tokens = texts.join(' ').match(/\S+/g)?.length ?? 0;
    const usage = { prompt_tokens: tokens, total_tokens: tokens };
    const model = this.#reply.model ?? this.#asked.model;
    const whole = JSON.stringify({ object: 'list', data, model, usage, ...this.#reply.members });
    return this.plain(this.#reply.body ?? whole);
  }

  /** Sends a response of OpenAI's newer interface, whole or as events. A fault comes after its tokens, as in a completion. */
  response(): Promise<boolean> {
    const model = this.#reply.model ?? this.#asked.model ?? 'fake-model';
    const made = fakeResponse(this.#reply, { tokens: this.#tokens, model, usage: this.#usage() });
    if (this.#asked.stream !== true) return this.plain(JSON.stringify(made.whole));
    return this.#unlessGone(() => this.#sendResponse(made));
  }

  /** Sends a body as it is, for errors, redirects and the list of models. */
  plain(body: string): Promise<boolean> {
    return this.#unlessGone(async () => {
      this.#head('application/json');
      this.#response.end(body);
    });
  }

  async #unlessGone(send: () => Promise<void>): Promise<boolean> {
    try {
      await this.#pause(this.#reply.delayBeforeHeadersMs);
      await send();
      return true;
    } catch (error) {
      if (this.#gone.signal.aborted || this.#response.destroyed) return false;
      throw error;
    }
  }

  async #sendStream(): Promise<void> {
    this.#head('text/event-stream');
    this.#response.flushHeaders();
    await this.#faultsAfter(0);
    await this.#pause(this.#reply.delayBeforeTokensMs);
    await this.#events({ role: 'assistant', content: this.#saysWords ? '' : null, refusal: null });
    for (const token of this.#tokens) {
      if (this.#record.tokensSent > 0) await this.#pause(this.#reply.delayBetweenTokensMs);
      await this.#events({ content: token }, { logprobs: this.#logprobs([token]) });
      this.#record.tokensSent += 1;
      await this.#faultsAfter(this.#record.tokensSent);
    }
    for (const refusal of this.#reply.refusal ?? []) await this.#events({ refusal });
    for (const call of this.#reply.toolCalls ?? []) await this.#events({ tool_calls: [toolCall(call)] });
    await this.#sendEnd();
  }

  async #sendResponse({ events }: FakeResponse): Promise<void> {
    this.#head('text/event-stream');
    for (const { type, isToken, data } of events) {
      if (isToken && this.#record.tokensSent > 0) await this.#pause(this.#reply.delayBetweenTokensMs);
      await this.#write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
      if (isToken) await this.#faultsAfter((this.#record.tokensSent += 1));
    }
    this.#response.end();
  }

  get #saysWords(): boolean {
    return this.#tokens.length > 0;
  }

  /** The same of every choice that was asked for. */
  async #events(delta: object, more: object = {}): Promise<void> {
    for (let index = 0; index < (this.#asked.n ?? 1); index += 1)
      await this.#event(this.#chunk(delta, { index, ...more }));
  }

  /** One half for each token, where they were asked for. */
  #logprobs(tokens: readonly string[]): object | null {
    if (this.#asked.logprobs !== true) return null;
    const bytes = (token: string) => [...Buffer.from(token)];
    return {
      content: tokens.map((token) => ({ token, logprob: -0.5, bytes: bytes(token), top_logprobs: [] })),
      refusal: null,
    };
  }

  async #sendEnd(): Promise<void> {
    const usage = this.#asked.stream_options?.include_usage === true ? this.#usage() : undefined;
    const merged = this.#reply.usagePlace === 'merged' && usage !== undefined;
    const finish = this.#finishReason();
    const ending = finish === null ? 0 : (this.#asked.n ?? 1);
    for (let index = 0; index < ending; index += 1)
      await this.#event({ ...this.#chunk({}, { index, finish_reason: finish }), ...(merged ? { usage } : {}) });
    if (usage !== undefined && !merged) await this.#event({ ...this.#chunk({}), choices: [], usage });
    if (this.#reply.omitDone !== true) await this.#write(`data: [DONE]${this.#blankLine()}`);
    if (this.#reply.hangAfterDone === true) await this.#pause(Number.POSITIVE_INFINITY);
    this.#response.end();
  }

  async #sendWhole(): Promise<void> {
    const faults = this.#reply.faults ?? [];
    const huge = faults.reduce((bytes, fault) => bytes + (fault.kind === 'huge-event' ? fault.bytes : 0), 0);
    const written = faults.map((fault) => (fault.kind === 'write' ? fault.text : '')).join('');
    const usage = this.#usage();
    const { toolCalls, refusal } = this.#reply;
    const message = {
      role: 'assistant',
      content: this.#saysWords ? this.#tokens.join('') + 'x'.repeat(huge) : null,
      refusal: refusal?.join('') ?? null,
      ...(toolCalls === undefined ? {} : { tool_calls: wholeCalls(toolCalls) }),
    };
    const choice = { message, logprobs: this.#logprobs(this.#tokens), finish_reason: this.#finishReason() };
    const body = Buffer.from(
      written +
        JSON.stringify({
          ...this.#chunk({}),
          object: 'chat.completion',
          choices: Array.from({ length: this.#asked.n ?? 1 }, (_, index) => ({ index, ...choice })),
          ...(usage === undefined ? {} : { usage }),
        }),
    );
    this.#head('application/json', { 'content-length': String(body.length) });
    const broken = faults.find((fault) => fault.kind === 'stall' || fault.kind === 'cut');
    if (broken !== undefined) {
      await this.#write(body.subarray(0, Math.floor(body.length / 2)));
      await this.#fault(broken);
    }
    this.#record.tokensSent = this.#tokens.length;
    this.#response.end(body);
  }

  #head(contentType: string, headers: Readonly<Record<string, string>> = {}): void {
    this.#response.writeHead(this.#reply.status ?? 200, {
      'content-type': this.#reply.contentType ?? contentType,
      ...headers,
      ...this.#reply.headers,
    });
  }

  #chunk(delta: object, choice: object = {}): object {
    return {
      id: 'chatcmpl-fake',
      object: 'chat.completion.chunk',
      created: 1_700_000_000,
      model: this.#reply.model ?? this.#asked.model ?? 'fake-model',
      choices: [{ index: 0, delta, logprobs: null, finish_reason: null, ...choice }],
      system_fingerprint: 'fp_fake',
      ...this.#reply.members,
    };
  }

  #finishReason(): string | null {
    if (this.#reply.finishReason !== undefined) return this.#reply.finishReason;
    return this.#reply.toolCalls === undefined ? 'stop' : 'tool_calls';
  }

  /** A token is a word of the question or a scripted piece of the answer. */
  #usage(): FakeUsage | undefined {
    if (this.#reply.usage === false) return undefined;
    if (this.#reply.usage !== undefined) return this.#reply.usage;
    const question = (this.#asked.messages ?? [])
      .map((message) => (typeof message.content === 'string' ? message.content : ''))
      .join(' ');
    const promptTokens = question.match(/\S+/g)?.length ?? 0;
    const completionTokens = this.#tokens.length;
    return {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    };
  }

  async #faultsAfter(tokens: number): Promise<void> {
    for (const fault of this.#reply.faults ?? []) {
      if (fault.afterTokens === tokens) await this.#fault(fault);
    }
  }

  async #fault(fault: FakeFault): Promise<void> {
    if (fault.kind === 'write') return this.#write(fault.text);
    if (fault.kind === 'huge-event') return this.#event(this.#chunk({ content: 'x'.repeat(fault.bytes) }));
    if (fault.kind === 'cut') {
      this.#record.markCut();
      this.#response.destroy();
    }
    await this.#pause(Number.POSITIVE_INFINITY);
  }

  async #event(data: object): Promise<void> {
    const bytes = Buffer.from(`data: ${JSON.stringify(data)}${this.#blankLine()}`);
    const inside = this.#reply.splitUtf8 === true ? bytes.findIndex(isContinuationByte) : -1;
    if (inside > 0) await this.#write(bytes.subarray(0, inside));
    await this.#write(bytes.subarray(Math.max(inside, 0)));
  }

  #blankLine(): string {
    return (this.#reply.lineEnd ?? '\n').repeat(2);
  }

  /** One HTTP chunk, written when the one before has left. */
  async #write(bytes: Buffer | string): Promise<void> {
    this.#gone.signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      this.#response.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** @throws {Error} once the connection is gone, so that nothing is left waiting. */
  async #pause(ms = 0): Promise<void> {
    this.#gone.signal.throwIfAborted();
    if (ms === 0) return;
    if (Number.isFinite(ms)) await sleep(ms, undefined, { signal: this.#gone.signal });
    else await once(this.#gone.signal, 'abort');
    this.#gone.signal.throwIfAborted();
  }
}

function toolCall(call: FakeToolCallDelta): object {
  const { index, id, name, arguments: text } = call;
  return {
    index,
    ...(id === undefined ? {} : { id, type: 'function' }),
    function: { ...(name === undefined ? {} : { name }), arguments: text ?? '' },
  };
}

function isContinuationByte(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
