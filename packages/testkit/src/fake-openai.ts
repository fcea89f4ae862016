import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FakeAnswer } from './fake-openai-answer.js';
import { type FakeChatRequest, type FakeScript, replyFor } from './fake-openai-script.js';
import { RecordedRequest } from './recorded-request.js';

/** Of a server that is compatible, or of a deployment of Azure. */
const CHAT_PATH = /^\/(?:v1|openai\/deployments\/[^/]+)\/chat\/completions(?:\?api-version=[^&]+)?$/;

/** Completions of one request id: begun (the model would have been paid) and sent to the end. */
export interface CompletionCount {
  readonly started: number;
  readonly finished: number;
}

/**
 * An OpenAI-compatible upstream that answers by a script, on 127.0.0.1 and a free port, and records every byte.
 * It serves `POST /v1/chat/completions` and `POST /v1/responses`, streamed or not, `POST /v1/embeddings`, and
 * `GET /v1/models`.
 */
export class FakeOpenai {
  readonly #server: Server;
  readonly #received: Buffer[] = [];
  readonly #counts = new Map<string, { started: number; finished: number }>();
  readonly #waiting: { index: number; resolve: (request: RecordedRequest) => void }[] = [];
  #script: FakeScript;
  /** Stays what it was after `stop`. */
  port = 0;
  #chatRequests = 0;
  /** In order of arrival. */
  readonly requests: RecordedRequest[] = [];
  /** Connections accepted so far. */
  connections = 0;
  /** Why the fake itself failed, if it did: a test may assert that this is empty. */
  readonly failures: unknown[] = [];

  constructor(script: FakeScript) {
    this.#script = script;
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        // Who hangs up inside a body is recorded as gone; everything else is our own fault.
        if (request.complete) this.failures.push(error);
        response.destroy();
      });
    });
    this.#server.on('connection', (socket) => {
      this.connections += 1;
      socket.on('data', (bytes: Buffer) => this.#received.push(bytes));
    });
  }

  /** Base URL that ends in `/v1`, as `BULLA_LLM=openai:<url>` wants it. */
  get url(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  /** Every byte received on any connection, request lines and headers included. */
  get receivedBytes(): Buffer {
    return Buffer.concat(this.#received);
  }

  /** Requests with a 200 reply under this `x-request-id`. */
  completionsOf(requestId: string): CompletionCount {
    return { ...(this.#counts.get(requestId) ?? { started: 0, finished: 0 }) };
  }

  /** Every request id that had a 200 reply, in the order in which they came. */
  get completed(): readonly string[] {
    return [...this.#counts.keys()];
  }

  /** The nth request (from 0), once its headers are here. */
  arrival(index: number): Promise<RecordedRequest> {
    const here = this.requests[index];
    if (here !== undefined) return Promise.resolve(here);
    return new Promise((resolve) => this.#waiting.push({ index, resolve }));
  }

  /** Replaces the script; replies count from the first again. */
  follow(script: FakeScript): void {
    this.#script = script;
    this.#chatRequests = 0;
  }

  /** @internal */
  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    this.port = (this.#server.address() as AddressInfo).port;
  }

  /** Ends every connection and frees the port. */
  async stop(): Promise<void> {
    for (const request of this.requests) request.markCut();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const record = new RecordedRequest(request, response);
    this.#announce(record);
    for await (const bytes of request) record.body = Buffer.concat([record.body, bytes as Buffer]);
    if (record.method === 'POST' && CHAT_PATH.test(record.path))
      return this.#answer(record, response, (answer) => answer.completion());
    if (record.method === 'POST' && record.path === '/v1/embeddings')
      return this.#answer(record, response, (answer) => answer.embeddings());
    if (record.method === 'POST' && record.path === '/v1/responses')
      return this.#answer(record, response, (answer) => answer.response());
    if (record.method === 'GET' && record.path === '/v1/models') return this.#models(record, response);
    sendJson(response, 404, errorBody('no such route'));
  }

  #announce(record: RecordedRequest): void {
    const index = this.requests.push(record) - 1;
    for (const waiting of this.#waiting) if (waiting.index === index) waiting.resolve(record);
  }

  async #answer(
    record: RecordedRequest,
    response: ServerResponse,
    send: (answer: FakeAnswer) => Promise<boolean>,
  ): Promise<void> {
    const asked = parseChatRequest(record);
    if (asked === undefined) return sendJson(response, 400, errorBody('the body is no request of a model'));
    const reply = replyFor(this.#script, this.#chatRequests++, asked);
    const answer = new FakeAnswer(reply, asked, record, response);
    if ((reply.status ?? 200) !== 200) {
      await answer.plain(reply.body ?? errorBody('scripted'));
      return;
    }
    const count = this.#counts.get(record.requestId) ?? { started: 0, finished: 0 };
    this.#counts.set(record.requestId, count);
    count.started += 1;
    if (await send(answer)) count.finished += 1;
  }

  async #models(record: RecordedRequest, response: ServerResponse): Promise<void> {
    const { modelsReply = {}, models = ['fake-model'] } = this.#script;
    const data = models.map((id) => ({ id, object: 'model', created: 1_700_000_000, owned_by: 'fake' }));
    const list = JSON.stringify({ object: 'list', data });
    await new FakeAnswer(modelsReply, {}, record, response).plain(modelsReply.body ?? list);
  }
}

/** Starts a fake upstream. `port` is for those who need a certain one; the default takes a free one. */
export async function startFakeOpenai(script: FakeScript = {}, port = 0): Promise<FakeOpenai> {
  const fake = new FakeOpenai(script);
  await fake.listen(port);
  return fake;
}

function parseChatRequest(record: RecordedRequest): FakeChatRequest | undefined {
  try {
    const value = record.json();
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function errorBody(message: string): string {
  return JSON.stringify({ error: { message, type: 'invalid_request_error' } });
}

function sendJson(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}
