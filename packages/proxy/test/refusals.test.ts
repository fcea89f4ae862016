import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Bearer, parseListen, ProxyServer } from '../src/index.js';
import { RawApp, TOKEN } from './raw-app.js';
import type { Asked } from './raw-app.js';
import { aborted, parts, ScriptedSurface } from './scripted-surface.js';

const LIMIT = 1_000;
const surface = new ScriptedSurface();
let proxy: ProxyServer;
let app: RawApp;
beforeAll(async () => {
  proxy = await ProxyServer.start({
    surface,
    bearer: new Bearer(TOKEN),
    listen: { host: '127.0.0.1', port: 0 },
    describe: () => Promise.resolve({ organisation: 'dev' }),
    bodyBytesMax: LIMIT,
    requestMs: 400,
  });
  app = new RawApp(proxy.origin);
});
beforeEach(() => {
  surface.asked.length = 0;
});
afterAll(() => proxy.stop(0));

/** All that a connection is told until it is closed. */
async function tell(text: string): Promise<string> {
  const { port } = new URL(proxy.origin);
  const socket = connect(Number(port), '127.0.0.1').setEncoding('utf8');
  let told = '';
  socket.on('data', (piece: string) => (told += piece)).on('error', () => undefined);
  socket.write(text);
  await once(socket, 'close');
  return told;
}

const HEAD = `host: localhost\r\nauthorization: Bearer ${TOKEN}\r\ncontent-type: application/json\r\n`;

describe('the gate', () => {
  it.each<[string, Asked]>([
    ['this machine by name', { headers: { host: 'LocalHost:4141' } }],
    ['this machine by number', { headers: { host: '127.0.0.1' } }],
    ['this machine by its newer number', { headers: { host: '[::1]:80' } }],
    ['a key in the header of Anthropic', { headers: { authorization: undefined, 'x-api-key': TOKEN } }],
    ['a charset', { headers: { 'content-type': 'Application/JSON; charset=utf-8' } }],
    ['a question of the largest size', { body: 'x'.repeat(LIMIT) }],
    ['a query', { path: '/v1/chat/completions?beta=true' }],
    ['a GET', { method: 'GET', path: '/v1/models' }],
  ])('lets in %s', async (_what, asked) => {
    expect(await app.ask(asked)).toMatchObject({ status: 200 });
    expect(surface.asked).toHaveLength(1);
    expect(surface.asked[0]?.path).toBe((asked.path ?? '/v1/chat/completions').replace('/v1', '').replace(/\?.*/, ''));
  });

  it.each<[string, Asked, number, string]>([
    ['a name that leads here [guard: proxy-host]', { headers: { host: 'evil.example:4141' } }, 403, 'forbidden'],
    ['a name that begins as this machine', { headers: { host: '127.0.0.1.evil.example' } }, 403, 'forbidden'],
    ['a name that ends as this machine', { headers: { host: 'evil.localhost' } }, 403, 'forbidden'],
    ['a web page [guard: proxy-origin]', { headers: { origin: 'http://127.0.0.1:4141' } }, 403, 'forbidden'],
    ['a web page without a name', { headers: { origin: 'null' } }, 403, 'forbidden'],
    ['no bearer [guard: proxy-bearer]', { headers: { authorization: undefined } }, 401, 'unauthenticated'],
    ['another bearer', { headers: { authorization: `Bearer ${TOKEN.slice(1)}x` } }, 401, 'unauthenticated'],
    [
      'the beginning of the bearer',
      { headers: { authorization: `Bearer ${TOKEN.slice(0, -1)}` } },
      401,
      'unauthenticated',
    ],
    ['another scheme', { headers: { authorization: `Basic ${TOKEN}` } }, 401, 'unauthenticated'],
    ['a path that is nowhere [guard: proxy-path]', { path: '/admin' }, 404, 'not_found'],
    ['another method [guard: proxy-method]', { method: 'DELETE' }, 405, 'method_not_allowed'],
    ['a status that is posted', { path: '/bulla/status' }, 405, 'method_not_allowed'],
    [
      'what a form sends [guard: proxy-json]',
      { headers: { 'content-type': 'text/plain' } },
      415,
      'unsupported_media_type',
    ],
    ['no type', { headers: { 'content-type': undefined } }, 415, 'unsupported_media_type'],
    ['what is compressed', { headers: { 'content-encoding': 'gzip' } }, 415, 'unsupported_media_type'],
    [
      'a body that says it is too large',
      { headers: { 'content-length': String(LIMIT + 1) }, body: 'x'.repeat(LIMIT + 1) },
      413,
      'payload_too_large',
    ],
    [
      'a body that is too large [guard: proxy-body-read]',
      { headers: { 'transfer-encoding': 'chunked' }, body: 'x'.repeat(LIMIT + 1) },
      413,
      'payload_too_large',
    ],
  ])('refuses %s', async (_what, asked, status, code) => {
    const told = await app.ask(asked);
    expect(told.status).toBe(status);
    const body = JSON.parse(told.text) as { code: string; error: object };
    expect(body).toMatchObject({ status, code, error: { code, param: null, type: expect.any(String) } });
    expect(told.headers).toMatchObject({ 'x-should-retry': 'false', 'x-bulla-error-origin': 'client' });
    expect(told.headers['x-request-id']).toMatch(/^req_[0-9a-f]{32}$/);
    expect(surface.asked).toEqual([]);
  });

  it('tells apps of Anthropic in their words', async () => {
    const { status, text } = await app.ask({ path: '/v1/messages', headers: { authorization: undefined } });
    expect([status, JSON.parse(text)]).toEqual([
      401,
      expect.objectContaining({ type: 'error', error: expect.objectContaining({ type: 'authentication_error' }) }),
    ]);
  });

  it('answers no preflight, and never lets a page read or keep anything', async () => {
    const preflight = await app.ask({
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(403);
    for (const { headers } of [preflight, await app.ask()]) {
      expect(Object.keys(headers).filter((name) => /^access-control|cookie/.test(name))).toEqual([]);
      expect(headers['cache-control']).toBe('no-store');
    }
  });

  it('does not repeat what it was sent', async () => {
    const told = await app.ask({ headers: { authorization: 'Bearer canary-canary-canary' }, path: '/v1/canary' });
    expect(JSON.stringify(told)).not.toContain('canary');
  });
});

describe('a request that does not arrive', () => {
  it('is told that its headers are too large', async () => {
    const told = await tell(`GET /v1/models HTTP/1.1\r\n${HEAD}x: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(told).toMatch(/^HTTP\/1\.1 431 /);
    expect(JSON.parse(told.split('\r\n\r\n')[1] ?? '')).toMatchObject({ code: 'headers_too_large' });
  });

  it.each([
    ['headers', `POST /v1/chat/completions HTTP/1.1\r\nhost: local`],
    ['a body', `POST /v1/chat/completions HTTP/1.1\r\n${HEAD}content-length: 100\r\n\r\n{"model"`],
  ])('is told that its time is over: %s', async (_what, text) => {
    const told = await tell(text);
    expect(told).toMatch(/^HTTP\/1\.1 408 /);
    expect(told).toContain('request_timeout');
    expect(surface.asked).toEqual([]);
  });

  it('is told at once that what it says will come is too much [guard: proxy-body-stated]', async () => {
    const told = await tell(`POST /v1/chat/completions HTTP/1.1\r\n${HEAD}content-length: ${LIMIT + 1}\r\n\r\n{`);
    expect(told).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('is told that it is none', async () => {
    expect(await tell('HELO there\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('cuts no stream of its connection by an answer of its own [guard: proxy-unread-silent]', async () => {
    surface.next = ({ signal }) =>
      parts(
        (async function* () {
          yield 'data: one\n\n';
          await aborted(signal);
        })(),
      );
    const { port } = new URL(proxy.origin);
    const socket = connect(Number(port), '127.0.0.1').setEncoding('utf8');
    let told = '';
    socket.on('data', (piece: string) => {
      if (!told.includes('one') && piece.includes('one')) socket.write('HELO there\r\n\r\n');
      told += piece;
    });
    socket.write(`POST /v1/chat/completions HTTP/1.1\r\n${HEAD}content-length: 2\r\n\r\n{}`);
    await once(socket, 'close');
    expect(told.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(told).toContain('data: {"error":');
    expect(told).toMatch(/\r\n0\r\n\r\n$/);
  });
});

describe('where it listens', () => {
  it.each([
    ['127.0.0.1:4141', '127.0.0.1', 4141],
    ['[::1]:0', '::1', 0],
    ['localhost:80', 'localhost', 80],
  ])('takes %s', (text, host, port) => expect(parseListen(text)).toEqual({ host, port }));

  it.each([
    ['0.0.0.0:4141 [guard: proxy-listens-here]', 'on this machine alone'],
    ['192.168.1.2:4141', 'on this machine alone'],
    ['[::]:4141', 'on this machine alone'],
    ['4141', 'is not a host and a port'],
    ['127.0.0.1:70000', 'is not a host and a port'],
  ])('refuses %s', (text, said) => expect(() => parseListen(text.split(' ')[0] ?? '')).toThrow(said));

  it('says that its port is taken, and what to do', async () => {
    const { port } = new URL(proxy.origin);
    const again = ProxyServer.start({
      surface,
      bearer: new Bearer(TOKEN),
      listen: { host: '127.0.0.1', port: Number(port) },
      describe: () => Promise.resolve({}),
    });
    await expect(again).rejects.toThrow(`port ${port} is taken, perhaps by a proxy that runs already`);
  });
});

describe('the status', () => {
  it('is for those who have the bearer, and counts', async () => {
    const before = await app.ask({ method: 'GET', path: '/bulla/status' });
    const { refused } = JSON.parse(before.text) as { refused: number };
    expect(
      (await app.ask({ method: 'GET', path: '/bulla/status', headers: { authorization: undefined } })).status,
    ).toBe(401);
    const { text } = await app.ask({ method: 'GET', path: '/bulla/status' });
    expect(JSON.parse(text)).toMatchObject({ organisation: 'dev', refused: refused + 1, open: 0, verified: 0 });
  });
});
