import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Bearer, ProxyServer } from '../src/index.js';
import { RawApp, TOKEN } from './raw-app.js';
import { aborted, parts, ScriptedSurface, whole } from './scripted-surface.js';

let surface: ScriptedSurface;
let proxy: ProxyServer;
let app: RawApp;
const lost = new Set<string>();
beforeEach(async () => {
  surface = new ScriptedSurface();
  lost.clear();
  proxy = await ProxyServer.start({
    surface,
    bearer: new Bearer(TOKEN),
    listen: { host: '127.0.0.1', port: 0 },
    describe: () => Promise.resolve({}),
    isLost: (id) => lost.has(id),
    heartbeatMs: 40,
    tries: { runningMs: 200 },
  });
  app = new RawApp(proxy.origin);
});
afterEach(() => proxy.stop(0));

const status = async () =>
  JSON.parse((await app.ask({ method: 'GET', path: '/bulla/status' })).text) as Record<string, unknown>;

/** What comes of a response until it has this text, or ends. */
async function readUntil(response: IncomingMessage, part: string): Promise<string> {
  let text = '';
  for await (const piece of response.setEncoding('utf8')) {
    text += piece as string;
    if (text.includes(part)) break;
  }
  return text;
}

describe('a stream', () => {
  it('comes event by event, with a name of its request', async () => {
    const { promise: go, resolve } = Promise.withResolvers<void>();
    surface.next = () =>
      parts(
        (async function* () {
          yield 'data: one\n\n';
          await go;
          yield 'data: two\n\n';
        })(),
        { 'x-bulla-verified': 'at-end' },
      );
    const response = await app.begin();
    expect(response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'x-bulla-verified': 'at-end',
      'cache-control': 'no-store',
    });
    expect(response.headers['x-request-id']).toMatch(/^req_/);
    response.setEncoding('utf8');
    expect(await once(response, 'data')).toEqual(['data: one\n\n']);
    resolve();
    expect(await readUntil(response, 'never')).toMatch(/data: two\n\n$/);
  });

  it('gathers what comes at once into few writes', async () => {
    surface.next = () =>
      parts(
        (async function* () {
          for (let at = 0; at < 2_000; at++) yield `data: ${at}\n\n`;
        })(),
      );
    const response = await app.begin();
    let pieces = 0;
    let text = '';
    response.setEncoding('utf8').on('data', (piece: string) => {
      pieces++;
      text += piece;
    });
    await once(response, 'end');
    expect(text.match(/data: /g)).toHaveLength(2_000);
    expect(pieces).toBeLessThan(100);
  });

  it('says that it still lives while its model thinks', async () => {
    surface.next = ({ signal }) =>
      parts(
        (async function* () {
          yield 'data: one\n\n';
          await aborted(signal);
        })(),
      );
    const response = await app.begin();
    expect(await readUntil(response, ': ping\n\n: ping\n\n')).toBe('data: one\n\n: ping\n\n: ping\n\n');
  });

  it('ends the run when the app leaves', async () => {
    const { promise: left, resolve } = Promise.withResolvers<unknown>();
    surface.next = ({ signal }) =>
      parts(
        (async function* () {
          yield 'data: one\n\n';
          resolve(await aborted(signal));
        })(),
      );
    const response = await app.begin();
    await readUntil(response, 'one');
    response.destroy();
    expect(await left).toMatchObject({ message: 'the app left' });
  });

  it('ends the run at once where the app would not ask again [guard: proxy-leaver-stops]', async () => {
    const { promise: left, resolve } = Promise.withResolvers<unknown>();
    const { promise: asked, resolve: begun } = Promise.withResolvers<void>();
    surface.next = async ({ signal }) => {
      begun();
      resolve(await aborted(signal));
      return whole({});
    };
    const leaving = new AbortController();
    const asking = fetch(`${proxy.origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: '{}',
      signal: leaving.signal,
    });
    await asked;
    leaving.abort();
    await expect(asking).rejects.toThrow('aborted');
    expect(await left).toMatchObject({ message: 'the app left' });
  });

  it('takes no more than its reader reads [guard: proxy-slow-reader]', async () => {
    let taken = 0;
    const piece = `data: ${'x'.repeat(65_536)}\n\n`;
    surface.next = () =>
      parts(
        (async function* () {
          for (; taken < 2_000; taken++) yield piece;
        })(),
      );
    const response = await app.begin();
    response.pause();
    let before = -1;
    while (before !== taken) {
      before = taken;
      await pause(200);
    }
    // What the system buffers between two sockets, and a piece here: never all of it.
    expect(taken).toBeLessThan(400);
    // Nor do the signs of life pile up. [a reader that stopped]
    let bytes = 0;
    for await (const part of response) bytes += (part as Buffer).length;
    expect(bytes).toBeGreaterThanOrEqual(2_000 * piece.length);
  });

  it('ends with an error that apps understand where what makes it breaks [guard: proxy-no-cut]', async () => {
    surface.next = () =>
      parts(
        (async function* () {
          yield 'data: one\n\n';
          await pause(1);
          throw new Error('canary');
        })(),
      );
    const { text } = await app.ask();
    expect(text).toMatch(/^data: one\n\ndata: \{"error":\{.*"code":"internal"\}\}\n\n$/);
    expect(text).not.toContain('canary');
  });

  it.each([
    ['/v1/chat/completions', 'data: {"error":{'],
    ['/v1/messages', 'event: error\ndata: {"type":"error"'],
    ['/v1/responses', 'event: error\ndata: {"type":"error","code":'],
  ])('is not cut when the proxy stops: %s', async (path, said) => {
    surface.next = ({ signal }) =>
      parts(
        (async function* () {
          yield 'data: one\n\n';
          await aborted(signal);
        })(),
      );
    const response = await app.begin({ path });
    const reading = readUntil(response, 'never');
    await pause(50);
    const stopping = proxy.stop(50);
    expect(await reading).toContain(`\n\n${said}`);
    await stopping;
  });

  it('counts what went wrong in it by the code', async () => {
    surface.next = () =>
      parts(
        (async function* () {
          yield 'data: one\n\n';
          await pause(1);
          yield 'data: {"error":{"message":"…","type":"server_error","param":null,"code":"stream_truncated"}}\n\n';
        })(),
      );
    await app.ask();
    surface.next = () => whole({ code: 'trust_rollback', error: {} }, 409);
    await app.ask();
    surface.next = () => whole({ code: 'canary', error: {} }, 500);
    await app.ask();
    expect(await status()).toMatchObject({ calls: 3, faults: { stream_truncated: 1, trust_rollback: 1, unknown: 1 } });
  });
});

describe('a request that waits for its answer when the proxy stops', () => {
  it('gets it where it comes in time', async () => {
    surface.next = async () => {
      await pause(100);
      return whole({ in: 'time' });
    };
    const asking = app.ask();
    while (surface.asked.length === 0) await pause(5);
    await proxy.stop(5_000);
    expect(await asking).toMatchObject({ status: 200, text: '{"in":"time"}' });
  });

  it('is told so where it does not', async () => {
    surface.next = async ({ signal }) => {
      await aborted(signal);
      return whole({});
    };
    const asking = app.ask();
    while (surface.asked.length === 0) await pause(5);
    await proxy.stop(30);
    const { status: told, text } = await asking;
    expect([told, JSON.parse(text)]).toEqual([503, expect.objectContaining({ code: 'overloaded', retryable: true })]);
  });
});

describe('a receipt', () => {
  it('is named where it is kept, and not where it is known to be lost [guard: proxy-receipt-lost]', async () => {
    surface.next = () => whole({}, 200, { 'x-bulla-receipt-id': 'rcp_1' });
    expect((await app.ask()).headers['x-bulla-receipt-id']).toBe('rcp_1');
    lost.add('rcp_1');
    expect((await app.ask()).headers['x-bulla-receipt-id']).toBeUndefined();
  });

  it('that was lost after it was named is said to be lost in the stream [guard: proxy-receipt-said-lost]', async () => {
    surface.next = () =>
      parts(
        (async function* () {
          yield 'data: one\n\n';
          await pause(1);
          lost.add('rcp_2');
          yield 'data: [DONE]\n\n';
        })(),
        { 'x-bulla-receipt-id': 'rcp_2' },
      );
    const { headers, text } = await app.ask();
    expect(headers['x-bulla-receipt-id']).toBe('rcp_2');
    expect(text).toBe('data: one\n\ndata: [DONE]\n\n: bulla: receipt rcp_2 was not kept\n\n');
  });
});
