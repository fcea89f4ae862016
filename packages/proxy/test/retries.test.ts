import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Bearer, ProxyServer } from '../src/index.js';
import { RawApp, TOKEN } from './raw-app.js';
import { aborted, parts, ScriptedSurface, whole } from './scripted-surface.js';

let surface: ScriptedSurface;
let proxy: ProxyServer;
let app: RawApp;
let stopped: number;
beforeEach(async () => {
  surface = new ScriptedSurface();
  stopped = 0;
  proxy = await ProxyServer.start({
    surface,
    bearer: new Bearer(TOKEN),
    listen: { host: '127.0.0.1', port: 0 },
    describe: () => Promise.resolve({}),
    tries: { runningMs: 300, finishedMs: 800, leavingMs: 100 },
  });
  app = new RawApp(proxy.origin);
});
afterEach(() => proxy.stop(0));

const FIRST = { 'x-stainless-retry-count': '0' };
const RETRY = { 'x-stainless-retry-count': '1' };
const ASKED = { body: '{"model":"a"}' };
let answers = 0;

/** Answers late, with a number that no other answer has; counts whom it was stopped for. */
function slowly(ms: number): void {
  surface.next = async ({ signal }) => {
    void aborted(signal).then(() => stopped++);
    await pause(ms);
    return whole({ answer: ++answers });
  };
}

/** Asks, and gives up once the proxy asks, or waits for what it asked before. */
async function giveUp(headers: Record<string, string> = FIRST, path = '/v1/chat/completions'): Promise<void> {
  const leaving = new AbortController();
  const before = surface.asked.length;
  const asking = fetch(`${proxy.origin}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
    body: ASKED.body,
    signal: leaving.signal,
  });
  if (headers === FIRST) while (surface.asked.length === before) await pause(5);
  else await pause(50);
  leaving.abort();
  await expect(asking).rejects.toThrow('aborted');
}

const retry = (headers: Record<string, string | undefined> = {}, more: object = {}) =>
  app.ask({ ...ASKED, ...more, headers: { ...RETRY, ...headers } });

describe('a retry of an SDK', () => {
  it.each([
    ['that still runs', 300, 20],
    ['that was finished for nobody', 200, 400],
  ])('gets the answer of a first try %s: it is asked once', async (_which, takesMs, pauseMs) => {
    slowly(takesMs);
    await giveUp();
    await pause(pauseMs);
    const { text } = await retry();
    expect(JSON.parse(text)).toEqual({ answer: answers });
    expect([surface.asked.length, stopped]).toEqual([1, 0]);
    // It is delivered now: whoever asks again gets another answer.
    await retry();
    expect(surface.asked).toHaveLength(2);
  });

  it('gets it also after a further try that gave up, too', async () => {
    slowly(600);
    await giveUp();
    await giveUp(RETRY);
    await retry({ 'x-stainless-retry-count': '2' });
    expect(surface.asked).toHaveLength(1);
  });

  it.each<[string, Record<string, string | undefined>, object]>([
    ['says that it is the first [guard: proxy-retry-count]', FIRST, {}],
    ['does not say which it is', { 'x-stainless-retry-count': undefined }, {}],
    ['asks something else [guard: proxy-retry-body]', {}, { body: '{"model":"b"}' }],
    ['asks elsewhere', {}, { path: '/v1/completions' }],
    ['shows its bearer another way', { authorization: undefined, 'x-api-key': TOKEN }, {}],
  ])('is asked anew if it %s', async (_what, headers, more) => {
    slowly(200);
    await giveUp();
    await retry(headers, more);
    expect(surface.asked).toHaveLength(2);
  });

  it('never takes the answer of another app that still waits [guard: proxy-retry-once]', async () => {
    slowly(250);
    const other = app.ask({ ...ASKED, headers: FIRST });
    await pause(20);
    const own = await retry();
    expect((await other).text).not.toBe(own.text);
    expect(surface.asked).toHaveLength(2);
  });

  it('is waited for a while only: then the run stops', async () => {
    slowly(2_000);
    await giveUp();
    await pause(600);
    expect(stopped).toBe(1);
    void retry().catch(() => undefined);
    await pause(50);
    expect(surface.asked).toHaveLength(2);
  });

  it('gets no answer that was kept for long', async () => {
    slowly(200);
    await giveUp();
    await pause(1_300);
    await retry();
    expect(surface.asked).toHaveLength(2);
  });

  it('gets a stream that had not begun', async () => {
    const { promise: go, resolve } = Promise.withResolvers<void>();
    surface.next = async () => {
      await go;
      return parts(
        (async function* () {
          yield 'data: one\n\n';
          await Promise.resolve();
        })(),
      );
    };
    await giveUp();
    const asking = retry();
    await pause(50);
    resolve();
    expect((await asking).text).toBe('data: one\n\n');
    expect(surface.asked).toHaveLength(1);
  });

  it('keeps no more than so many answers for nobody', async () => {
    surface.next = async ({ signal }) => {
      void aborted(signal).then(() => stopped++);
      await pause(300);
      return whole({ text: 'x'.repeat(20_000_000) });
    };
    await giveUp();
    await giveUp(FIRST, '/v1/completions');
    await pause(400);
    await retry({}, { path: '/v1/completions' });
    expect([surface.asked.length, stopped]).toEqual([2, 1]);
    await retry();
    expect(surface.asked).toHaveLength(3);
  });
});
