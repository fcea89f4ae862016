import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { folderForTest } from '@bulla/testkit';
import type { StreamedEntry } from '../src/audit-stream/streamed-entry.js';
import type { HttpSinkOptions } from '../src/node/audit-stream/http-sink.js';
import { HttpSink } from '../src/node/audit-stream/http-sink.js';
import type { SyslogSinkOptions } from '../src/node/audit-stream/syslog-sink.js';
import { SyslogSink } from '../src/node/audit-stream/syslog-sink.js';
import { HeldSyslog } from './held-syslog.js';
import type { TestCertificates } from './test-certificates.js';
import { hasOpenssl, makeCertificates } from './test-certificates.js';

// The sinks of a stream, over real connections to servers that behave well and badly.

function entryOf(index: number, items: string | number = index): StreamedEntry {
  const entry = {
    v: 1,
    id: 'aud_01k9z3q8e4fxq9m3y7t5w6v8na',
    t: '2026-11-28T09:30:00.125Z',
    org: 'acme',
    act: 'prompt.list',
    res: 'ok',
    who: { type: 'service' },
    obj: { items },
  };
  return {
    origin: 'urn:bulla:acme:svc:vault/audit/1',
    index,
    leaf: JSON.stringify(entry),
    entry: entry as unknown as StreamedEntry['entry'],
  };
}

const entries = (first: number, end: number) => Array.from({ length: end - first }, (_, at) => entryOf(first + at));
const places = (first: number, end: number) => Array.from({ length: end - first }, (_, at) => `1#${first + at}`);
const sender = { hostname: 'stream.example', enterprise: 32_473 };
const taken = { kind: 'taken' };

async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; !what(); tries++) {
    if (tries > 1_000) throw new Error('it does not come');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('a syslog sink', () => {
  let server: HeldSyslog;
  let sink: SyslogSink;
  beforeEach(async () => {
    server = await new HeldSyslog().start();
    sink = sinkAt(server.port);
  });
  afterEach(async () => {
    await sink.close();
    await server.stop();
  });

  const sinkAt = (port: number, more: Partial<SyslogSinkOptions> = {}) =>
    new SyslogSink({ host: '127.0.0.1', port, tls: false, sender, messageMax: 8_192, ...more });

  it('sends batches over one connection, and ends it in order', async () => {
    expect(await sink.deliver(entries(0, 100))).toEqual(taken);
    expect(await sink.deliver(entries(100, 150))).toEqual(taken);
    expect(sink.takeEnd()).toBeUndefined();
    expect(await sink.close()).toBe('sure');
    expect([server.places, server.faults, server.connections]).toEqual([places(0, 150), [], 1]);
    expect(server.lines[3]).toMatchObject({ pri: 110, app: 'bulla-vault', msgid: 'prompt.list', msg: entryOf(3).leaf });
  });

  it('frames by bytes, not by letters', async () => {
    await sink.deliver([entryOf(0, 'ä😀'), entryOf(1)]);
    await sink.close();
    expect([server.places, server.faults]).toEqual([places(0, 2), []]);
    expect(server.lines[0]?.msg).toBe(`\u{feff}${entryOf(0, 'ä😀').leaf}`);
  });

  it('waits until the network has a batch, as long as the server does not read [guard: syslog-flushed]', async () => {
    server.reads = false;
    const slow = sinkAt(server.port, { timeoutMs: 500, messageMax: 131_072 });
    const big = Array.from({ length: 200 }, (_, at) => entryOf(at, 'x'.repeat(60_000)));
    expect(await slow.deliver(big)).toEqual({ kind: 'ended', reason: 'it does not read what it is sent' });
    expect(slow.takeEnd()).toBe('unsure');
    expect(slow.takeEnd()).toBeUndefined();
    await slow.close();
  });

  it('connects again after a connection broke, and says that nothing is sure', async () => {
    await sink.deliver(entries(0, 3));
    await until(() => server.lines.length === 3);
    server.drop('at once');
    await until(() => (sink as unknown as { takeEnd: () => unknown }).takeEnd() === 'unsure');
    expect(await sink.deliver(entries(0, 5))).toEqual(taken);
    await sink.close();
    expect(server.places).toEqual([...places(0, 3), ...places(0, 5)]);
  });

  it('does not take an end right after a batch for one that read it [guard: syslog-close-unsure]', async () => {
    await sink.deliver(entries(0, 3));
    await until(() => server.lines.length === 3);
    server.drop('in order');
    let end: string | undefined;
    await until(() => (end = sink.takeEnd()) !== undefined);
    expect(end).toBe('unsure');
  });

  it('refuses a message that is longer than the server takes, before it sends any [guard: syslog-message-max]', async () => {
    const long = entryOf(1, 'x'.repeat(9_000));
    expect(await sink.deliver([entryOf(0), long])).toEqual({
      kind: 'refused',
      reason: expect.stringMatching(
        /^as a message it has 9\d{3} bytes, and --max-message says that the sink takes 8192$/,
      ),
      tooLarge: false,
    });
    await sink.close();
    expect(server.lines).toEqual([]);
  });

  it('is away where nobody listens', async () => {
    await server.stop();
    expect(await sink.deliver(entries(0, 1))).toEqual({ kind: 'away', reason: 'nothing listens there (ECONNREFUSED)' });
    expect(await sink.close()).toBe('sure');
    server = await new HeldSyslog().start();
  });
});

const withTls = hasOpenssl ? describe : describe.skip;

withTls('a sink over TLS', () => {
  let own: TestCertificates;
  let other: TestCertificates;
  beforeAll(() => {
    const folder = folderForTest('certificates');
    own = makeCertificates(folder, 'siem', 'IP:127.0.0.1,DNS:localhost');
    other = makeCertificates(folder, 'other', 'DNS:elsewhere.example');
  });

  async function tried(
    server: TestCertificates,
    more: Partial<SyslogSinkOptions>,
    tls: object = {},
  ): Promise<{ delivery: unknown; server: HeldSyslog }> {
    const held = await new HeldSyslog({ cert: server.cert, key: server.key, ...tls }).start();
    const sink = new SyslogSink({
      host: 'localhost',
      port: held.port,
      tls: true,
      sender,
      messageMax: 8_192,
      timeoutMs: 5_000,
      ...more,
    });
    const delivery = await sink.deliver(entries(0, 20));
    const end = await sink.close();
    await held.stop();
    return { delivery: { ...(delivery as object), end }, server: held };
  }

  it('sends syslog to a server whose authority is named, and ends in order', async () => {
    const { delivery, server } = await tried(own, { ca: own.ca });
    expect(delivery).toEqual({ ...taken, end: 'sure' });
    expect([server.places, server.faults]).toEqual([places(0, 20), []]);
  });

  it('knows a server by its address too', async () => {
    expect((await tried(own, { ca: own.ca, host: '127.0.0.1' })).delivery).toMatchObject(taken);
  });

  it('shows its own certificate to a server that wants one', async () => {
    const asks = { requestCert: true, rejectUnauthorized: true, ca: other.ca };
    const client = { cert: other.cert, key: other.key };
    expect((await tried(own, { ca: own.ca, client }, asks)).server.places).toEqual(places(0, 20));
    expect((await tried(own, { ca: own.ca }, asks)).server.places).toEqual([]);
  });

  it.each([
    ['an authority that nobody named', () => [own, {}] as const, 'by an authority that is not known here'],
    ['another authority than the one that is named', () => [own, { ca: other.ca }] as const, 'its certificate is'],
    ['another name', () => [other, { ca: other.ca }] as const, 'its certificate is for another name'],
  ])('sends nothing to a server with a certificate of %s', async (_name, made, reason) => {
    const [server, more] = made();
    const { delivery, server: held } = await tried(server, more);
    expect(delivery).toMatchObject({ kind: 'away', reason: expect.stringContaining(reason) });
    expect(held.lines).toEqual([]);
  });

  it('posts to a server whose authority is named, and to no other', async () => {
    const bodies: string[] = [];
    const server = createTlsServer({ cert: own.cert, key: own.key }, (asked, answer) => {
      let body = '';
      asked.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
      asked.on('end', () => {
        bodies.push(body);
        answer.writeHead(204).end();
      });
    });
    const url = await listening(server, 'https');
    const post = (ca?: string) => new HttpSink({ url, ca, token: () => 'secret-token' }).deliver(entries(0, 2));
    expect(await post(own.ca)).toEqual(taken);
    expect(await post(other.ca)).toMatchObject({ kind: 'away', reason: expect.stringContaining('its certificate is') });
    expect(await post()).toMatchObject({ kind: 'away', reason: expect.stringContaining('--ca') });
    expect(bodies).toHaveLength(1);
    await stopped(server);
  });
});

async function listening(server: Server, scheme: 'http' | 'https'): Promise<URL> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return new URL(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/audit`);
}

async function stopped(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

describe('an HTTP sink', () => {
  interface Posted {
    readonly headers: IncomingMessage['headers'];
    readonly body: string;
  }
  let posted: Posted[];
  let answer: (response: ServerResponse, count: number) => void;
  let server: Server;
  let url: URL;
  let token: string | undefined;
  const sinkOf = (more: Partial<HttpSinkOptions> = {}) => new HttpSink({ url, token: () => token, ...more });
  beforeAll(async () => {
    server = createServer((asked, response) => {
      let body = '';
      asked.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
      asked.on('end', () => {
        posted.push({ headers: asked.headers, body });
        answer(response, posted.length);
      });
    });
    url = await listening(server, 'http');
  });
  afterAll(() => stopped(server));
  beforeEach(() => {
    [posted, token] = [[], undefined];
    answer = (response) => response.writeHead(200).end('{"ok":true}');
  });

  it('posts a batch as NDJSON under a key that names it', async () => {
    const sink = sinkOf();
    expect(await sink.deliver(entries(3, 6))).toEqual(taken);
    expect(await sink.close()).toBe('sure');
    expect(posted[0]?.headers).toMatchObject({
      'content-type': 'application/x-ndjson',
      'idempotency-key': '"urn:bulla:acme:svc:vault/audit/1:3-5"',
    });
    expect(posted[0]?.headers.authorization).toBeUndefined();
    const lines = posted[0]?.body.split('\n') ?? [];
    expect(lines.map((line) => (line === '' ? null : (JSON.parse(line) as { index: number }).index))).toEqual([
      3,
      4,
      5,
      null,
    ]);
    expect(lines[0]).toContain(`"entry":${entryOf(3).leaf}}`);
  });

  it('sends the token as it is at the moment', async () => {
    const sink = sinkOf();
    token = 'first';
    await sink.deliver(entries(0, 1));
    token = 'second';
    await sink.deliver(entries(1, 2));
    expect(posted.map(({ headers }) => headers.authorization)).toEqual(['Bearer first', 'Bearer second']);
  });

  it('waits for a token that cannot be read now', async () => {
    const unread = () => {
      throw new Error('BULLA_STREAM_TOKEN_FILE: the file it names cannot be read');
    };
    const delivery = await sinkOf({ token: unread }).deliver(entries(0, 1));
    expect(delivery).toEqual({ kind: 'away', reason: 'BULLA_STREAM_TOKEN_FILE: the file it names cannot be read' });
    expect(posted).toEqual([]);
  });

  it.each([
    [429, { 'retry-after': '17' }, { kind: 'away', retryAfterMs: 17_000 }],
    [503, {}, { kind: 'away' }],
    [401, {}, { kind: 'away', reason: expect.stringContaining('BULLA_STREAM_TOKEN_FILE') }],
    [302, { location: '/elsewhere' }, { kind: 'away', reason: expect.stringContaining('not followed') }],
    [413, {}, { kind: 'refused', tooLarge: true }],
    [422, {}, { kind: 'refused', tooLarge: false }],
  ])('says what %i means', async (status, headers, delivery) => {
    answer = (response) => response.writeHead(status, headers).end();
    expect(await sinkOf().deliver(entries(0, 2))).toMatchObject(delivery);
    expect(posted).toHaveLength(1);
  });

  it('does not believe an answer that is cut [guard: stream-answer-whole]', async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"ok":', () => response.destroy());
    };
    expect(await sinkOf().deliver(entries(0, 2))).toMatchObject({ kind: 'away' });
  });

  it('gives a batch the same key when it goes again', async () => {
    answer = (response, count) => (count === 1 ? response.destroy() : response.writeHead(200).end());
    const sink = sinkOf();
    expect(await sink.deliver(entries(0, 2))).toEqual({ kind: 'away', reason: 'it broke the connection (ECONNRESET)' });
    expect(await sink.deliver(entries(0, 2))).toEqual(taken);
    expect(new Set(posted.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
  });

  it('does not wait for ever, nor read for ever', async () => {
    answer = () => undefined;
    expect(await sinkOf({ timeoutMs: 200 }).deliver(entries(0, 1))).toEqual({
      kind: 'away',
      reason: 'it does not answer (ETIMEDOUT)',
    });
    answer = (response) => {
      response.writeHead(200);
      const more = () => response.write('x'.repeat(16_384), () => setImmediate(more));
      more();
    };
    expect(await sinkOf().deliver(entries(0, 1))).toEqual({ kind: 'away', reason: 'its answer has no end (EMSGSIZE)' });
  });

  it('says that nobody listens without the token', async () => {
    token = 'secret-token';
    const delivery = await sinkOf({ url: new URL('http://127.0.0.1:2/') }).deliver(entries(0, 1));
    expect(delivery).toEqual({ kind: 'away', reason: 'nothing listens there (ECONNREFUSED)' });
  });
});
