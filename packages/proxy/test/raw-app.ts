import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:http';

export interface Told {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

export interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | string[] | undefined>;
  readonly body?: string | Uint8Array;
}

export const TOKEN = 'a-bearer-of-a-test-0123456789';
const JSON_HEADERS = { 'content-type': 'application/json' };

/** An app that says in its headers just what the test says; its connections are its own. */
export class RawApp {
  readonly #origin: string;
  readonly #agent = new Agent({ keepAlive: false });

  constructor(origin: string) {
    this.#origin = origin;
  }

  /** Sends a request and waits for its response to end. */
  async ask(asked: Asked = {}): Promise<Told> {
    const response = await this.begin(asked);
    let text = '';
    for await (const piece of response.setEncoding('utf8')) text += piece as string;
    return { status: response.statusCode ?? 0, headers: response.headers, text };
  }

  /** Sends a request and waits for the head of its response. */
  async begin({
    method = 'POST',
    path = '/v1/chat/completions',
    headers = {},
    body = '{}',
  }: Asked = {}): Promise<IncomingMessage> {
    const given = { authorization: `Bearer ${TOKEN}`, ...(method === 'POST' && JSON_HEADERS), ...headers };
    const sent = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const asking = request(new URL(path, this.#origin), {
      method,
      headers: sent,
      agent: this.#agent,
    });
    asking.end(method === 'POST' ? body : undefined);
    const [response] = (await once(asking, 'response')) as [IncomingMessage];
    return response;
  }
}
