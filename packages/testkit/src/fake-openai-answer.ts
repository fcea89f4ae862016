import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FakeFault, FakeReply, FakeToolCallDelta, FakeUsage } from './fake-openai-script.js';
import type { RecordedRequest } from './recorded-request.js';

const DEFAULT_TOKENS = ['This ', 'is ', 'the ', 'fake ', 'upstream.'];

/** What the fake reads of a chat request; everything else is recorded and ignored. */
export interface FakeChatRequest {
  readonly model?: string;
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly messages?: readonly { readonly content?: unknown }[];
}

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
    await this.#event(this.#chunk({ role: 'assistant', content: '' }));
    for (const token of this.#tokens) {
      if (this.#record.tokensSent > 0) await this.#pause(this.#reply.delayBetweenTokensMs);
      await this.#event(this.#chunk({ content: token }));
      this.#record.tokensSent += 1;
      await this.#faultsAfter(this.#record.tokensSent);
    }
    for (const call of this.#reply.toolCalls ?? []) {
      await this.#event(this.#chunk({ tool_calls: [toolCall(call)] }));
    }
    await this.#sendEnd();
  }

  async #sendEnd(): Promise<void> {
    const usage = this.#asked.stream_options?.include_usage === true ? this.#usage() : undefined;
    const merged = this.#reply.usagePlace === 'merged' && usage !== undefined;
    const finish = this.#finishReason();
    if (finish !== null) await this.#event({ ...this.#chunk({}, finish), ...(merged ? { usage } : {}) });
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
    const message = {
      role: 'assistant',
      content: this.#tokens.join('') + 'x'.repeat(huge),
      ...(this.#reply.toolCalls === undefined ? {} : { tool_calls: this.#reply.toolCalls.map(toolCall) }),
    };
    const body = Buffer.from(
      written +
        JSON.stringify({
          ...this.#chunk({}),
          object: 'chat.completion',
          choices: [{ index: 0, message, finish_reason: this.#finishReason() }],
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

  #chunk(delta: object, finishReason: string | null = null): object {
    return {
      id: 'chatcmpl-fake',
      object: 'chat.completion.chunk',
      created: 1_700_000_000,
      model: this.#reply.model ?? this.#asked.model ?? 'fake-model',
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
      system_fingerprint: 'fp_fake',
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
