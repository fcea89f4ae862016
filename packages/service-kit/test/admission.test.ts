import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { mintId } from '@bulla/crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { exchangeRaw } from '../src/testing.js';
import type { Tiny, TinyOptions } from './tiny-vault.js';
import { faults, startTiny } from './tiny-vault.js';

const PATH = '/api/v1/prompts';
/** Anybody may ask for it. */
const DIRECTORY = '/.well-known/bulla/acme/directory.json';
const running: Tiny[] = [];
const sockets: Socket[] = [];
const start = async (options: TinyOptions = {}) => {
  const tiny = await startTiny(options);
  running.push(tiny);
  const { port, metricsPort } = await tiny.service.listen();
  const metric = async (line: string) => {
    const { text } = await fetchText(`http://127.0.0.1:${metricsPort}/metrics`);
    return Number(
      text
        .split('\n')
        .find((one) => one.startsWith(`${line} `))
        ?.split(' ')[1] ?? 0,
    );
  };
  return { ...tiny, port, metric };
};
afterEach(async () => {
  delete faults.onGet;
  delete faults.onDirectory;
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const tiny of running.splice(0)) await tiny.stop();
});

async function fetchText(url: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
}

/** Requests that stay at work until they are let go. */
function holdGets(): { letGo: () => void; begun: () => number } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let begun = 0;
  faults.onGet = async () => {
    begun++;
    await promise;
    return undefined;
  };
  return { letGo: resolve, begun: () => begun };
}
const until = async (reached: () => boolean | Promise<boolean>): Promise<void> => {
  for (const last = performance.now() + 20_000; !(await reached()); await pause(10)) {
    if (performance.now() > last) throw new Error('not reached');
  }
};

describe('more requests than are at work at once', () => {
  it('wait for their turn, and get it', async () => {
    const { owner, metric } = await start({ limits: { requestsMax: 1, waitMs: 60_000 } });
    const { letGo, begun } = holdGets();
    const first = owner.get(`${PATH}/${mintId('prm')}`).then(({ status }) => status);
    await until(() => begun() === 1);
    const second = owner.get(PATH).then(({ status }) => status);
    const third = owner.get(PATH).then(({ status }) => status);
    await until(async () => (await metric('bulla_queue_depth{queue="admission",service="vault"}')) === 2);
    expect(await Promise.race([second, new Promise((done) => setTimeout(done, 100, 'waits'))])).toBe('waits');
    letGo();
    expect(await Promise.all([first, second, third])).toEqual([500, 200, 200]);
  });

  it('are told when they waited too long, or when too many wait', async () => {
    const { owner, metric } = await start({ limits: { requestsMax: 1, waitingMax: 1, waitMs: 300 } });
    const { letGo, begun } = holdGets();
    const first = owner.get(`${PATH}/${mintId('prm')}`).then(({ status }) => status);
    await until(() => begun() === 1);
    const answers = await Promise.all([owner.get(PATH), owner.get(PATH)]);
    for (const answer of answers) {
      const body = { code: 'overloaded', retryable: true };
      expect(answer).toMatchObject({ status: 503, body, headers: { 'retry-after': '1' } });
    }
    expect(await metric('bulla_overload_total{why="queue_full",service="vault"}')).toBe(1);
    expect(await metric('bulla_overload_total{why="queue_late",service="vault"}')).toBe(1);
    letGo();
    await first;
    expect(await owner.get(PATH)).toMatchObject({ status: 200 });
  });

  it('are refused unread, with the headers of every answer and one line in the log for all of them [guard: gate-full]', async () => {
    const { owner, port, log, metric } = await start({ limits: { requestsMax: 1, waitingMax: 0 } });
    const { letGo, begun } = holdGets();
    const first = owner.get(`${PATH}/${mintId('prm')}`).then(({ status }) => status);
    await until(() => begun() === 1);
    const lines = () =>
      log
        .join('')
        .split('\n')
        .filter((line) => line.includes('"requests-turned-away"'));
    const finished = () => log.join('').split('"request-finished"').length - 1;
    const before = finished();
    const ask = async (method: string) =>
      fetch(`http://127.0.0.1:${port}/no/such/path`, { method, headers: { 'x-request-id': 'refused-unread' } });
    const answers = [await ask('POST'), await ask('GET'), await ask('HEAD')];
    for (const { status, headers } of answers) {
      expect(status).toBe(503);
      expect(Object.fromEntries(headers)).toMatchObject({
        'cache-control': 'no-store',
        'content-security-policy': expect.stringContaining("default-src 'none'"),
        'content-type': 'application/problem+json; charset=utf-8',
        'retry-after': '1',
        'strict-transport-security': expect.any(String),
        'x-content-type-options': 'nosniff',
        'x-request-id': 'refused-unread',
      });
    }
    const [posted, , head] = await Promise.all(answers.map((answer) => answer.text()));
    expect(JSON.parse(posted ?? '')).toMatchObject({ code: 'overloaded', request_id: 'refused-unread' });
    expect(head).toBe('');
    expect(await metric('bulla_http_requests_total{route="unread",method="POST",code="503",service="vault"}')).toBe(1);
    await until(() => lines().length > 0);
    expect(lines().reduce((sum, line) => sum + (JSON.parse(line) as { count: number }).count, 0)).toBe(3);
    expect(finished()).toBe(before);
    letGo();
    await first;
  });

  it('leave their place in the queue when they hang up', async () => {
    const { owner, port } = await start({ limits: { requestsMax: 1, waitingMax: 1, waitMs: 60_000 } });
    const { letGo, begun } = holdGets();
    const first = owner.get(`${PATH}/${mintId('prm')}`).then(({ status }) => status);
    await until(() => begun() === 1);
    const waiting = connect({ port, host: '127.0.0.1' }, () =>
      waiting.write(`GET ${DIRECTORY} HTTP/1.1\r\nhost: x\r\n\r\n`),
    );
    sockets.push(waiting);
    await until(
      async () =>
        (await exchangeRaw(port, `GET ${DIRECTORY} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)).status === 503,
    );
    waiting.destroy();
    const second = (async () => {
      for (;;) {
        const { status } = await fetchText(`http://127.0.0.1:${port}${DIRECTORY}`);
        if (status !== 503) return status;
      }
    })();
    await new Promise((done) => setTimeout(done, 200));
    letGo();
    expect(await Promise.all([first, second])).toEqual([500, 200]);
  });

  it('do not keep anybody from asking for health', async () => {
    const { owner, port } = await start({ limits: { requestsMax: 1, waitMs: 60_000 } });
    const { letGo, begun } = holdGets();
    const first = owner.get(`${PATH}/${mintId('prm')}`).then(({ status }) => status);
    await until(() => begun() === 1);
    expect((await fetchText(`http://127.0.0.1:${port}/health/live`)).status).toBe(200);
    expect((await fetchText(`http://127.0.0.1:${port}/health/ready`)).status).toBe(200);
    letGo();
    await first;
  });
});

describe('an event loop that stays late [guard: gate-lag]', () => {
  it('takes nothing new but questions about health, and takes more again afterwards', async () => {
    const { owner, port, metric } = await start({ limits: { loopLagMaxMs: 150 } });
    const until503 = async () => {
      for (let round = 0; round < 60; round++) {
        const end = performance.now() + 400;
        while (performance.now() < end);
        await new Promise((done) => setImmediate(done));
        if ((await metric('bulla_overload_total{why="event_loop",service="vault"}')) > 0) return true;
        void owner.get(PATH).catch(() => undefined);
      }
      return false;
    };
    expect(await until503()).toBe(true);
    expect((await fetchText(`http://127.0.0.1:${port}/health/live`)).status).toBe(200);
    await until(async () => (await owner.get(PATH)).status === 200);
  });
});

describe('a client that does not take its answer', () => {
  const askAndNotRead = (port: number) => {
    // More than the buffers between us take in.
    faults.onDirectory = async () => 'A'.repeat(5_000_000);
    const socket = connect({ port, host: '127.0.0.1' }).pause();
    sockets.push(socket);
    socket.on('error', () => {}).write(`GET ${DIRECTORY} HTTP/1.1\r\nhost: x\r\n\r\n`);
    return socket;
  };

  it('is cut, and one that does is not', async () => {
    const { port, metric } = await start({ limits: { writeTimeoutMs: 400 } });
    const socket = askAndNotRead(port);
    const closed = new Promise((done) => socket.once('close', done));
    await until(async () => (await metric('bulla_overload_total{why="slow_reader",service="vault"}')) > 0);
    socket.resume();
    await closed;
    expect((await fetchText(`http://127.0.0.1:${port}${DIRECTORY}`)).text.length).toBeGreaterThan(5_000_000);
  });

  it('keeps no place that others need', async () => {
    const { owner, port, metric } = await start({ limits: { requestsMax: 1, waitMs: 60_000 } });
    askAndNotRead(port);
    await until(async () => (await metric('bulla_unsent_bytes{service="vault"}')) > 5_000_000);
    expect(await owner.get(PATH)).toMatchObject({ status: 200 });
    expect(await metric('bulla_http_requests_active{service="vault"}')).toBe(1);
  });
});

describe('the order in which a request is judged', () => {
  const wrong = { name: 7 };
  it('is load, size, key, signature, points, role, then the rest', async () => {
    const tiny = await start({ rates: { keyPerSecond: 1 }, limits: { requestsMax: 1, waitingMax: 0 } });
    const { acme, other, owner, auditor, port } = tiny;
    const raw = (line: string, fields: string) =>
      exchangeRaw(port, `${line} HTTP/1.1\r\nhost: x\r\n${fields}connection: close\r\n\r\n`);
    // Each of these is wrong in every way that comes later, too.
    const { letGo, begun } = holdGets();
    const working = owner.get(`${PATH}/${mintId('prm')}`).then(({ status }) => status);
    await until(() => begun() === 1);
    expect(await raw(`POST ${PATH}`, 'content-length: 99999999\r\n')).toMatchObject({ body: { code: 'overloaded' } });
    letGo();
    await working;
    delete faults.onGet;
    const tooLarge = 'signature-input: x\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n';
    expect(await raw(`POST ${PATH}`, tooLarge)).toMatchObject({ body: { code: 'payload_too_large' } });
    const stranger = { signer: other.owner.signer, keyid: `${acme.auditor.urn}#${other.owner.sig.kid}` };
    const breakSignature = {
      tamper: ({ headers }: { headers: Record<string, string> }) => void (headers['signature'] = 'bulla=:AAAA:'),
    };
    expect(await tiny.clientOf(stranger).post(PATH, wrong, breakSignature)).toMatchObject({
      body: { code: 'unauthenticated' },
    });
    for (let times = 0; times < 6; times++) await auditor.get(PATH);
    expect(await auditor.post(PATH, wrong, breakSignature)).toMatchObject({ body: { code: 'signature_invalid' } });
    expect(await auditor.post(PATH, wrong)).toMatchObject({ body: { code: 'rate_limited' } });
    tiny.clock.advance(7);
    expect(await auditor.post(PATH, wrong)).toMatchObject({ body: { code: 'forbidden' } });
    expect(await owner.post(PATH, wrong)).toMatchObject({ body: { code: 'validation_failed' } });
  });
});

describe('an address from which signatures fail', () => {
  it('is never the reason to refuse a good one', async () => {
    const { owner, auditor, metric } = await start({ rates: { failuresPerSecond: 1 } });
    const bad = () => owner.get(PATH, { tamper: ({ headers }) => (headers['signature'] = 'bulla=:AAAA:') });
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, turn) => (turn % 3 === 0 ? auditor.get(PATH) : bad())),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(20);
    expect(await metric('bulla_ratelimit_rejections_total{kind="failures",service="vault"}')).toBeGreaterThan(0);
  });
});

describe('the address of a caller', () => {
  const failTwice = async ({ owner }: Tiny, address: string) => {
    const tamper = ({ headers }: { headers: Record<string, string> }) => {
      headers['signature'] = 'bulla=:AAAA:';
      headers['x-forwarded-for'] = address;
    };
    for (let times = 0; times < 2; times++) await owner.get(PATH, { tamper });
  };
  it.each([
    ['what a proxy that is trusted says', ['127.0.0.0/8', '::1'], 2],
    ['not what somebody else says', ['192.0.2.0/24'], 1],
    ['not what anybody says', [], 1],
  ])('is %s', async (_name, trustedProxies, slow) => {
    const tiny = await start({ rates: { failuresPerSecond: 1 }, trustedProxies });
    await failTwice(tiny, '192.0.2.1');
    await failTwice(tiny, '192.0.2.2');
    expect(await tiny.metric('bulla_ratelimit_rejections_total{kind="failures",service="vault"}')).toBe(slow);
  });
});

describe('whether somebody on the way could read a request', () => {
  const https = { 'x-forwarded-proto': 'https' };
  it.each([
    ['by the word of a trusted proxy', ['127.0.0.1'], { nothing: false, https: true, http: false }],
    ['by the address, not by the word of anybody else', ['192.0.2.1'], { nothing: true, https: false, http: false }],
  ])('is known %s', async (_name, trustedProxies, expected) => {
    const { owner } = await start({ trustedProxies });
    let seen: boolean | undefined;
    faults.onGet = (isSecure) => {
      seen = isSecure;
    };
    const ask = async (said: Record<string, string>) => {
      const tamper = ({ headers }: { headers: Record<string, string> }) => Object.assign(headers, said);
      await owner.get(`${PATH}/${mintId('prm')}`, { tamper });
      return seen;
    };
    const http = { 'x-forwarded-proto': 'http' };
    expect({ nothing: await ask({}), https: await ask(https), http: await ask(http) }).toEqual(expected);
  });
});
