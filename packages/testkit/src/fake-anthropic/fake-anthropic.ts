import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { RecordedRequest } from '../recorded-request.js';
import type { FakeMessageReply, FakeMessageScript } from './fake-anthropic-script.js';
import { eventsOfReply } from './fake-anthropic-script.js';
import { wholeMessage } from './fake-whole-message.js';

/**
 * A server of Anthropic's Messages API that answers by a script, on 127.0.0.1 and a free port, and keeps what it was
 * asked. It serves `POST /v1/messages`, streamed or not, and `GET /v1/models`.
 */
export class FakeAnthropic {
  readonly #server: Server;
  #script: FakeMessageScript;
  #asked = 0;
  port = 0;
  /** In order of arrival. */
  readonly requests: RecordedRequest[] = [];

  constructor(script: FakeMessageScript) {
    this.#script = script;
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  /** Base URL that ends in `/v1`. */
  get url(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  /** Replaces the script; replies count from the first again. */
  follow(script: FakeMessageScript): void {
    this.#script = script;
    this.#asked = 0;
  }

  /** @internal */
  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
  }

  /** Ends every connection and frees the port. */
  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const record = new RecordedRequest(request, response);
    this.requests.push(record);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    for await (const bytes of request) record.body = Buffer.concat([record.body, bytes as Buffer]);
    // Whoever hangs up is recorded as gone.
    await this.#answer(record, response, gone.signal).catch(() => response.destroy());
  }

  async #answer(record: RecordedRequest, response: ServerResponse, gone: AbortSignal): Promise<void> {
    if (record.method === 'GET' && record.path === '/v1/models')
      return sendJson(response, 200, {
        data: (this.#script.models ?? ['fake-claude']).map((id) => ({ type: 'model', id })),
      });
    if (record.method !== 'POST' || record.path !== '/v1/messages')
      return sendJson(response, 404, failure('not_found_error'));
    const { replies = {} } = this.#script;
    const all: readonly FakeMessageReply[] = Array.isArray(replies) ? replies : [replies as FakeMessageReply];
    const reply = all[Math.min(this.#asked++, all.length - 1)] ?? {};
    await pause(reply.delayBeforeHeadersMs, gone);
    const { status = 200, contentType, headers } = reply;
    if (status !== 200) {
      response.writeHead(status, { 'content-type': contentType ?? 'application/json', ...headers });
      response.end(reply.body ?? JSON.stringify(failure('api_error')));
      return;
    }
    const { model = 'fake-claude', stream } = record.json() as { model?: string; stream?: boolean };
    if (stream !== true) return sendJson(response, 200, wholeMessage(reply, model));
    response.writeHead(200, { 'content-type': contentType ?? 'text/event-stream', ...headers }).flushHeaders();
    await this.#stream(reply, record, response, gone);
  }

  async #stream(
    reply: FakeMessageReply,
    record: RecordedRequest,
    response: ServerResponse,
    gone: AbortSignal,
  ): Promise<void> {
    const { model = 'fake-claude' } = record.json() as { model?: string };
    for (const event of eventsOfReply(reply, model)) {
      if (isToken(event)) await pause(record.tokensSent > 0 ? reply.delayBetweenTokensMs : 0, gone);
      await write(response, event);
      if (isToken(event)) record.tokensSent += 1;
      const { fault } = reply;
      if (fault?.afterTokens !== record.tokensSent || typeof event === 'string') continue;
      if (fault.kind === 'overloaded') {
        await write(response, failure('overloaded_error'));
        break;
      }
      if (fault.kind === 'cut') {
        record.markCut();
        response.destroy();
      }
      await pause(Infinity, gone);
    }
    response.end();
  }
}

/** Starts a fake of the Messages API. */
export async function startFakeAnthropic(script: FakeMessageScript = {}): Promise<FakeAnthropic> {
  const fake = new FakeAnthropic(script);
  await fake.listen();
  return fake;
}

function isToken(event: object | string): boolean {
  return typeof event === 'object' && 'delta' in event && 'text' in Object(event.delta);
}

async function write(response: ServerResponse, event: object | string): Promise<void> {
  const text =
    typeof event === 'string' ? event : `event: ${String(Object(event).type)}\ndata: ${JSON.stringify(event)}\n\n`;
  await new Promise<void>((resolve, reject) => {
    response.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

/** @throws {Error} once the connection is gone */
async function pause(ms = 0, gone: AbortSignal): Promise<void> {
  gone.throwIfAborted();
  if (ms === 0) return;
  if (Number.isFinite(ms)) await sleep(ms, undefined, { signal: gone });
  else await once(gone, 'abort');
  gone.throwIfAborted();
}

function failure(type: string): object {
  return { type: 'error', error: { type, message: 'scripted' } };
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
