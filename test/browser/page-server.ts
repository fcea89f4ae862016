import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** As strict as a page that holds private keys should have it: its own script, its own server, and nothing made of text. */
const POLICY = [
  `default-src 'none'`,
  `script-src 'self'`,
  `connect-src 'self'`,
  `base-uri 'none'`,
  `form-action 'none'`,
  `frame-ancestors 'none'`,
  `require-trusted-types-for 'script'`,
].join('; ');

const PAGE = `<!doctype html><meta charset="utf-8"><title>Bulla</title><script type="module" src="/page.js"></script>`;

/** A request of the page's script. */
export interface PageRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}
export interface PageResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export interface PageServer {
  /** Without a slash at the end. */
  readonly url: string;
  /** Answers what is neither page nor script; 404 until it is set. */
  answer: (request: PageRequest) => Promise<PageResponse>;
  stop(): Promise<void>;
}

/** Serves a page with one script on 127.0.0.1, which browsers take for a secure context. */
export async function startPageServer(script: string): Promise<PageServer> {
  const own: Readonly<Record<string, PageResponse>> = {
    '/': { status: 200, headers: { 'content-type': 'text/html' }, body: Buffer.from(PAGE) },
    '/page.js': { status: 200, headers: { 'content-type': 'text/javascript' }, body: Buffer.from(script) },
    '/favicon.ico': { status: 204 },
  };
  const server = createServer((incoming, outgoing) => {
    const answer = async () => {
      const { method = '', url = '', headers } = incoming;
      const parts: Buffer[] = [];
      for await (const part of incoming) parts.push(part as Buffer);
      const response = own[url] ?? (await page.answer({ method, url, headers, body: Buffer.concat(parts) }));
      outgoing.writeHead(response.status, { 'content-security-policy': POLICY, ...response.headers });
      outgoing.end(response.body);
    };
    answer().catch((error: unknown) => outgoing.destroy(error as Error));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const page: PageServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer: async () => ({ status: 404 }),
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
  return page;
}
