import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { httpFetch } from './http-fetch.js';

let answer: RequestListener = (_request, response) => void response.end('as usual');
let connections = 0;
const server = createServer((request, response) => answer(request, response));
server.on('connection', () => connections++);
let url = '';

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/path?query`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  answer = (_request, response) => void response.end('as usual');
});

/** Answers with the beginning of a body, and says what becomes of the connection. */
function beginning(): Promise<{ closed: Promise<unknown>; response: ServerResponse }> {
  return new Promise((resolve) => {
    answer = (request, response) => {
      response.write('beginning');
      resolve({ closed: once(request.socket, 'close'), response });
    };
  });
}

describe('what is asked', () => {
  it.each<[string, RequestInit, object]>([
    ['by itself', {}, { method: 'GET', body: '', length: null }],
    ['with text', { method: 'POST', body: 'grüße' }, { method: 'POST', body: 'grüße', length: '7' }],
    ['with bytes', { method: 'PUT', body: new Uint8Array([97, 98]) }, { method: 'PUT', body: 'ab', length: '2' }],
    ['with headers', { headers: { 'x-one': '1' } }, { one: '1' }],
    ['with headers of another kind', { headers: new Headers([['x-one', '1']]) }, { one: '1' }],
    ['with headers in pairs', { headers: [['x-one', '1']] }, { one: '1' }],
  ])('arrives %s', async (_name, init, expected) => {
    answer = (request, response) => void told(request).then((said) => response.end(JSON.stringify(said)));
    expect(await (await httpFetch(url, init)).json()).toMatchObject({ url: '/path?query', ...expected });
  });

  it('is an address, with text or bytes', async () => {
    await expect(httpFetch(new Request(url))).rejects.toThrow(TypeError);
    await expect(httpFetch(url, { method: 'POST', body: new FormData() })).rejects.toThrow(TypeError);
    await expect(httpFetch('vault')).rejects.toThrow(TypeError);
  });

  it('again goes over the same connection', async () => {
    const before = connections;
    for (let times = 0; times < 3; times++) await (await httpFetch(url)).text();
    expect(connections - before).toBeLessThanOrEqual(1);
  });
});

describe('an answer', () => {
  it('has its status, its headers and its body', async () => {
    answer = (_request, response) => {
      response.writeHead(
        418,
        [
          ['x-one', '1'],
          ['x-one', '2'],
          ['set-cookie', 'a'],
          ['set-cookie', 'b'],
        ].flat(),
      );
      response.write('a');
      setImmediate(() => response.end('b'));
    };
    const response = await httpFetch(url);
    expect([response.status, response.ok]).toEqual([418, false]);
    expect(response.headers.get('x-one')).toBe('1, 2');
    expect(response.headers.getSetCookie()).toEqual(['a', 'b']);
    expect(await response.text()).toBe('ab');
  });

  it.each([204, 304])('of %s has no body', async (status) => {
    answer = (_request, response) => void response.writeHead(status).end();
    const response = await httpFetch(url);
    expect([response.status, response.body]).toEqual([status, null]);
  });

  it.each([301, 302, 303, 307, 308])('of %s is not followed [guard: http-fetch-redirect]', async (status) => {
    answer = (_request, response) => void response.writeHead(status, { location: '/elsewhere' }).end();
    await expect(httpFetch(url, { redirect: 'follow' })).rejects.toMatchObject({
      message: 'fetch failed',
      cause: { message: 'unexpected redirect' },
    });
  });

  it('that nobody gives says why', async () => {
    answer = (request) => void request.socket.destroy();
    await expect(httpFetch(url)).rejects.toMatchObject({ message: 'fetch failed', cause: { code: 'ECONNRESET' } });
    await expect(httpFetch('http://127.0.0.1:1')).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  });

  it('that is cut fails where it is read', async () => {
    const begun = beginning();
    const response = await httpFetch(url);
    (await begun).response.destroy();
    await expect(response.text()).rejects.toMatchObject({ message: 'fetch failed', cause: expect.any(Error) });
  });

  it('that is cut before anybody reads it harms nobody', async () => {
    const begun = beginning();
    const response = await httpFetch(url);
    const { closed, response: cut } = await begun;
    cut.destroy();
    await closed;
    await new Promise((resolve) => setTimeout(resolve, 20));
    await expect(response.text()).rejects.toThrow(TypeError);
  });

  it('that is not wanted any more closes its connection', async () => {
    const begun = beginning();
    const reader = (await httpFetch(url)).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await expect((await begun).closed).resolves.toBeDefined();
  });
});

describe('a signal', () => {
  const reason = new Error('not wanted');

  it('that has aborted sends nothing', async () => {
    let asked = 0;
    answer = () => asked++;
    await expect(httpFetch(url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(asked).toBe(0);
  });

  it('ends the wait for an answer', async () => {
    const leaving = new AbortController();
    answer = () => leaving.abort(reason);
    await expect(httpFetch(url, { signal: leaving.signal })).rejects.toBe(reason);
  });

  it('ends an answer in the middle, and closes its connection', async () => {
    const leaving = new AbortController();
    const begun = beginning();
    const reader = (await httpFetch(url, { signal: leaving.signal })).body?.getReader();
    await reader?.read();
    leaving.abort(reason);
    await expect(reader?.read()).rejects.toBe(reason);
    await (await begun).closed;
  });
});

async function told(request: IncomingMessage): Promise<object> {
  let body = '';
  for await (const piece of request.setEncoding('utf8')) body += String(piece);
  const { method, headers, url: path } = request;
  return { method, url: path, body, length: headers['content-length'] ?? null, one: headers['x-one'] };
}
