import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Counts } from './counts.js';
import { tellsError } from './counts.js';
import { errorEvent, refusalResponse } from './error-shapes.js';
import { EventWriter } from './event-writer.js';
import type { FirstTries, Try } from './first-tries.js';
import { Refusal } from './refusal.js';
import { retryCountOf, retryKey } from './retries.js';
import type { AppRequest, AppResponse } from '@bulla/client/apps';
import type { Surface, WholeResponse } from './surface.js';

/** What all exchanges of a proxy share. */
export interface Exchanges {
  readonly surface: Surface;
  readonly tries: FirstTries;
  readonly counts: Counts;
  /** Whether the receipt that a response names could not be kept. */
  readonly isLost: (receiptId: string) => boolean;
}

const RECEIPT = 'x-bulla-receipt-id';

/** One request of an app that was let in, and what it is told. */
export class Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #path: string;
  readonly #shared: Exchanges;
  #writer: EventWriter | undefined;
  #tried: Try | undefined;
  /** Whether nothing more is told: the app left, or the proxy ends. */
  #isOver = false;

  constructor(request: IncomingMessage, response: ServerResponse, path: string, shared: Exchanges) {
    this.#request = request;
    this.#response = response;
    this.#path = path;
    this.#shared = shared;
    response.on('close', () => this.#closed());
  }

  /** Asks, and tells the app the answer. It never rejects. */
  async run(method: AppRequest['method'], body: Uint8Array): Promise<void> {
    this.#tried = await this.#tryOf(method, body);
    // The app may have left while it was looked for.
    if (this.#isOver) return this.#closed();
    const { body: told, ...head } = await this.#tried.answer;
    if (this.#isOver) return;
    if (typeof told === 'string') this.tell({ ...head, body: told });
    else await this.#stream(head, told);
  }

  /** Sends a whole response. */
  tell({ status, headers, body }: WholeResponse): void {
    // A head that was sent cannot be taken back.
    if (this.#isOver || this.#response.headersSent) return;
    if (status >= 400) this.#shared.counts.fault(body);
    this.#response.writeHead(status, { ...this.#honest(headers), 'content-length': Buffer.byteLength(body) });
    this.#response.end(body);
  }

  /** Ends it before its time, and its connection: by an error that the app understands, and never by a cut. */
  stop(): void {
    if (this.#isOver) return;
    const message = 'the proxy ended this before the answer was whole; if it was stopped, start it again: bulla proxy';
    this.#response.on('finish', () => this.#request.socket.destroySoon());
    if (this.#writer === undefined) this.tell(refusalResponse(new Refusal('overloaded', message), this.#path));
    else {
      void this.#writer.add(errorEvent('stream_truncated', message, this.#path));
      this.#writer.end();
    }
    this.#isOver = true;
  }

  /** Whether a part of its stream has left, and not the end. */
  get isTelling(): boolean {
    return this.#writer !== undefined && !this.#response.writableEnded;
  }

  ping(nowMs: number, everyMs: number): void {
    if (!this.#isOver) this.#writer?.ping(nowMs, everyMs);
  }

  async #tryOf(method: AppRequest['method'], body: Uint8Array): Promise<Try> {
    const { surface, tries, counts } = this.#shared;
    const { headers } = this.#request;
    const count = method === 'POST' ? retryCountOf(headers) : undefined;
    const key = count === undefined ? undefined : retryKey(headers, this.#path, body);
    // guard: proxy-retry-count without: const first = key === undefined ? undefined : await tries.resume(key);
    const first = key === undefined || count === 0 ? undefined : await tries.resume(key);
    if (first !== undefined) {
      counts.coalesced++;
      return first;
    }
    counts.calls++;
    const header = (name: string): string | undefined => {
      const value = headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    };
    return tries.begin(key, body.length, (signal) =>
      surface.answer({ method, path: this.#path, header, body, signal }),
    );
  }

  async #stream({ status, headers }: Omit<AppResponse, 'body'>, body: AsyncIterable<string>): Promise<void> {
    const { counts } = this.#shared;
    this.#response.writeHead(status, this.#honest(headers));
    this.#response.flushHeaders();
    const writer = new EventWriter(this.#response);
    this.#writer = writer;
    try {
      for await (const events of body) {
        if (this.#isOver) return;
        if (tellsError(events)) counts.fault(events);
        const read = writer.add(events);
        if (read !== undefined) await read;
      }
    } catch {
      // guard: proxy-no-cut
      if (!this.#isOver) void writer.add(errorEvent('internal', 'the stream failed; ask again', this.#path));
    }
    if (this.#isOver) return;
    this.#sayLost(writer, headers[RECEIPT]);
    writer.end();
  }

  /** A receipt that was named before it could be kept, and then could not. */
  #sayLost(writer: EventWriter, id: string | undefined): void {
    // guard: proxy-receipt-said-lost
    if (id !== undefined && this.#shared.isLost(id)) void writer.add(`: bulla: receipt ${id} was not kept\n\n`);
  }

  /** No header names a receipt that is known to be lost. */
  #honest(headers: AppResponse['headers']): Record<string, string> {
    const { [RECEIPT]: id, ...others } = headers;
    // guard: proxy-receipt-lost
    if (id === undefined || this.#shared.isLost(id)) return others;
    return { ...others, [RECEIPT]: id };
  }

  /** The connection is gone, or the response is out. */
  #closed(): void {
    const isDelivered = this.#response.writableFinished;
    this.#isOver = true;
    if (this.#tried === undefined) return;
    if (isDelivered) this.#shared.tries.delivered(this.#tried);
    else this.#shared.tries.left(this.#tried, this.#writer === undefined);
  }
}
