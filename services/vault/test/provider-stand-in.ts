import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** How a server behaves: as it should, late, never, or in another way. */
export type Manner = 'well' | 'slowly' | 'never' | 'strangely' | 'failing' | 'elsewhere' | 'at length';

const SLOW_MS = 200;

export interface Asked {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
}
export interface Said {
  readonly status: number;
  readonly body: unknown;
}

/** A server on this machine that stands in for a product; it can be taken away and put back at its port. */
export class StandIn {
  manner: Manner = 'well';
  /** Where it sends who asks, if it is told to. */
  elsewhere = '';
  /** All that came. */
  readonly asked: Asked[] = [];
  readonly #answer: (asked: Asked) => Said;
  #server: Server | undefined;
  #port = 0;

  constructor(answer: (asked: Asked) => Said) {
    this.#answer = answer;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<this> {
    const server = createServer(((request, response) => void this.#serve(request, response)) satisfies RequestListener);
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    return this;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body = JSON.parse(Buffer.concat(pieces).toString('utf8')) as Record<string, unknown>;
    const asked = { path: request.url ?? '', headers: request.headers, body };
    this.asked.push(asked);
    const { manner } = this;
    if (manner === 'never') return;
    if (manner === 'slowly') await pause(SLOW_MS);
    if (manner === 'elsewhere') {
      response.writeHead(307, { location: `${this.elsewhere}${asked.path}` }).end();
      return;
    }
    const said = manner === 'failing' ? { status: 503, body: { errors: [] } } : this.#answer(asked);
    response.writeHead(said.status, { 'content-type': 'application/json' });
    // Well-formed all the same: only its length is wrong.
    if (manner === 'at length') response.write(' '.repeat(100_000));
    response.end(JSON.stringify(manner === 'strangely' ? { data: { other: 'than expected' } } : said.body));
  }
}
