import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

/** How a request ended: answered whole, hung up on by the client, or cut by the script (or by `stop`). */
export interface RequestEnd {
  readonly how: 'answered' | 'closed-by-client' | 'cut-by-script';
  /** Milliseconds between the arrival of the headers and the end. */
  readonly afterMs: number;
}

/** One request as the fake received it. */
export class RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, spelled as sent. */
  readonly rawHeaders: readonly string[];
  /** The `x-request-id` header, empty when there is none. */
  readonly requestId: string;
  /** Body bytes received so far; whole once the fake has begun to answer. */
  body: Buffer = Buffer.alloc(0);
  /** Tokens written so far. */
  tokensSent = 0;
  /** Undefined while it runs. */
  end: RequestEnd | undefined;
  readonly ended: Promise<RequestEnd>;
  #cut = false;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.method = request.method ?? '';
    this.path = request.url ?? '';
    this.headers = request.headers;
    this.rawHeaders = request.rawHeaders;
    this.requestId = String(request.headers['x-request-id'] ?? '');
    const arrivedAtMs = performance.now();
    this.ended = new Promise((resolve) => {
      response.once('close', () => {
        const how = response.writableFinished ? 'answered' : this.#cut ? 'cut-by-script' : 'closed-by-client';
        this.end = { how, afterMs: performance.now() - arrivedAtMs };
        resolve(this.end);
      });
    });
  }

  /** The body as JSON. @throws {SyntaxError} when it is not JSON. */
  json(): unknown {
    return JSON.parse(this.body.toString('utf8'));
  }

  /** Says that the next close is the fake's own doing. */
  markCut(): void {
    this.#cut = true;
  }
}
