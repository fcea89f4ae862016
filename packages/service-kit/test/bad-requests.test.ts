import { mintId } from '@bulla/crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exchangeRaw } from '../src/testing.js';
import type { Tiny } from './tiny-vault.js';
import { startTiny } from './tiny-vault.js';

const CANARY = 'canary-7f3a';
let tiny: Tiny;
let port: number;
let metricsPort: number;
beforeAll(async () => {
  tiny = await startTiny({ limits: { headersTimeoutMs: 400, requestTimeoutMs: 800, keepAliveTimeoutMs: 500 } });
  ({ port, metricsPort } = await tiny.service.listen());
});
afterAll(() => tiny.stop());

const rows = async () => {
  const { db } = tiny.database;
  const things = await db.selectFrom('thing').selectAll().execute();
  const answers = await db.selectFrom('idempotency').selectAll().execute();
  return { things: things.length, answers: answers.length };
};
const thing = (members: string) => `{"id":"${mintId('prm')}","name":"a","type":"text"${members}}`;
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

describe('a body is refused', () => {
  const bodies: [string, () => string | Buffer, number, string][] = [
    ['that is no JSON', () => '{"id":', 400, 'validation_failed'],
    ['with a member twice [guard: body-strict]', () => thing(`,"name":"${CANARY}"`), 400, 'validation_failed'],
    [
      'with a member twice, spelled differently [refuses: duplicate-members]',
      () => thing(String.raw`,"n\u0061me":"b"`),
      400,
      'validation_failed',
    ],
    ['with a member that is not known', () => thing(`,"${CANARY}":1`), 400, 'validation_failed'],
    ['without a member', () => '{"name":"a","type":"text"}', 400, 'validation_failed'],
    ['with a member of another type', () => thing('').replace('"a"', '7'), 400, 'validation_failed'],
    [
      'with a value that is too long',
      () => thing('').replace('"a"', `"${CANARY}${'a'.repeat(200)}"`),
      400,
      'validation_failed',
    ],
    ['with a value outside the list', () => thing('').replace('"text"', `"${CANARY}"`), 400, 'validation_failed'],
    ['with U+0000', () => thing('').replace('"a"', String.raw`"\u0000"`), 400, 'validation_failed'],
    ['with half a surrogate pair', () => thing('').replace('"a"', String.raw`"\ud800"`), 400, 'validation_failed'],
    [
      'with bytes that are not UTF-8',
      () => Buffer.concat([Buffer.from(thing(',"x":"')), Buffer.from([0xff, 0xfe])]),
      400,
      'validation_failed',
    ],
    ['with a byte order mark', () => `\ufeff${thing('')}`, 400, 'validation_failed'],
    ['with a number beyond doubles', () => thing(',"n":1e400'), 400, 'validation_failed'],
    ['with a name that reaches prototypes', () => thing(',"__proto__":{"admin":true}'), 400, 'validation_failed'],
    [
      'with constructor.prototype',
      () => thing(',"constructor":{"prototype":{"admin":true}}'),
      400,
      'validation_failed',
    ],
    ['nested too deep', () => thing(`,"x":${nested(17)}`), 400, 'validation_failed'],
    ['nested four hundred thousand deep [refuses: depth-bomb]', () => nested(400_000), 400, 'validation_failed'],
    ['that is an array', () => '[]', 400, 'validation_failed'],
    ['that is null', () => 'null', 400, 'validation_failed'],
    [
      'larger than the route takes [refuses: oversize-body]',
      () => thing(`,"x":"${'x'.repeat(1_048_576)}"`),
      413,
      'payload_too_large',
    ],
  ];
  it.each(bodies)('%s', async (_name, body, status, code) => {
    const before = await rows();
    const refused = await tiny.owner.post('/api/v1/prompts', body());
    expect(refused).toMatchObject({ status, body: { status, code, request_id: refused.headers['x-request-id'] } });
    expect(refused.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(refused.text).not.toContain(CANARY);
    expect(await rows()).toEqual(before);
  });

  it('[red] of more values than any has, before anything is made of them [guard: body-values]', async () => {
    const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, member) => [`m${member}`, 0]));
    for (const body of [many, Array.from({ length: 1_001 }, () => [])]) {
      const refused = await tiny.owner.post('/api/v1/prompts', body);
      expect(refused).toMatchObject({ status: 400, body: { detail: 'JSON has more than 1000 values' } });
    }
  });

  it('naming the field as a pointer and what it should be', async () => {
    const refused = await tiny.owner.post('/api/v1/prompts', { id: 'x', name: 'A', type: 'text', extra: CANARY });
    expect((refused.body as { errors: unknown }).errors).toEqual([
      { pointer: '/id', message: 'must be an id that starts with prm_' },
      { pointer: '/name', message: expect.stringMatching(/^must be lower-case/) },
      { pointer: '', message: 'has members that are not known' },
    ]);
  });

  it('in words that are signed, once it is known who sent it', async () => {
    const refused = await tiny.owner.post('/api/v1/prompts', { id: 'x' });
    await expect(tiny.owner.verify(refused, tiny.acme.trust, tiny.acme.vault.urn)).resolves.toBeUndefined();
    const { db } = tiny.database;
    const [row] = await db.selectFrom('audit_event').selectAll().orderBy('at', 'desc').limit(1).execute();
    expect(row?.event).toMatchObject({ act: 'prompt.create', res: 'denied', why: 'validation_failed' });
  });

  it.each([
    ['another media type', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['no media type', { 'content-type': '' }],
    ['a media type that is none', { 'content-type': 'json' }],
    ['a content encoding [guard: request-encoding]', { 'content-encoding': 'gzip' }],
  ])('of %s, before anybody looks at its signature', async (_name, headers) => {
    const tamper = (sent: { headers: Record<string, string> }) => void Object.assign(sent.headers, headers);
    const refused = await tiny.owner.post('/api/v1/prompts', thing(''), { tamper });
    expect(refused).toMatchObject({ status: 415, body: { code: 'unsupported_media_type' } });
  });
});

describe('a path, query or header is refused', () => {
  it.each([
    ['an id of another kind', '/api/v1/prompts/env_01jz8q0000000000000000000a'],
    ['an id with a quote in it', "/api/v1/prompts/prm_'%20or%201=1--"],
    ['an id with U+0000', '/api/v1/prompts/prm_%00'],
    ['a query member that is not known', '/api/v1/prompts?canary-7f3a=1'],
    ['a query member twice', '/api/v1/prompts?limit=1&limit=2'],
    ['a limit beyond the bound', '/api/v1/prompts?limit=201'],
    ['a limit that is no number', '/api/v1/prompts?limit=1e1'],
    ['a prototype in the query', '/api/v1/prompts?__proto__[admin]=1'],
  ])('%s', async (_name, path) => {
    const refused = await tiny.owner.get(path);
    expect(refused).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
    expect(refused.text).not.toContain(CANARY);
  });

  it('no If-Match where a change must say what it is based on [guard: route-condition]', async () => {
    const path = '/api/v1/organisations/acme/directory';
    expect(await tiny.owner.put(path, { directory: '{"a":1}' })).toMatchObject({
      status: 428,
      body: { code: 'precondition_required' },
    });
    const wrong = await tiny.owner.put(path, { directory: '{"a":1}' }, { headers: { 'if-match': '*' } });
    expect(wrong).toMatchObject({ status: 400, body: { errors: [{ pointer: '/if-match' }] } });
  });

  it('an Idempotency-Key that is too short', async () => {
    expect(await tiny.owner.post('/api/v1/prompts', thing(''), { idempotencyKey: 'short' })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/idempotency-key' }] },
    });
  });
});

describe('what has no route', () => {
  it.each([
    ['GET', '/api/v1/runs', 404, 'not_found', undefined],
    ['GET', '/api/v1/prompts/a/b/c', 404, 'not_found', undefined],
    ['DELETE', '/api/v1/prompts', 405, 'method_not_allowed', 'GET, POST'],
    ['PUT', '/api/v1/envelopes', 405, 'method_not_allowed', 'POST'],
    ['DELETE', '/api/openapi.json', 405, 'method_not_allowed', 'GET'],
  ] as const)('%s %s is answered %i', async (method, path, status, code, allow) => {
    const refused = await tiny.owner.send(method, path, method === 'PUT' ? { body: {} } : {});
    expect(refused).toMatchObject({ status, body: { code } });
    expect(refused.headers['allow']).toBe(allow);
  });

  it.each(['PATCH', 'OPTIONS', 'HEAD', 'TRACE'])('%s of a known path is no method of it', async (method) => {
    const answer = await exchangeRaw(
      port,
      `${method} /api/v1/prompts HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
    );
    expect(answer.status).toBe(405);
    expect(answer.head).toMatch(/allow: GET, POST/i);
  });

  it.each(['/api/v1/prompts/%', '/api/v1/prompts/%ff', `/api/v1/prompts/${'a'.repeat(2_000)}`])(
    '%s is a problem document',
    async (path) => {
      const answer = await exchangeRaw(port, `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
      expect(answer).toMatchObject({ status: 400, body: { code: 'validation_failed', origin: 'vault' } });
      expect(answer.text).not.toContain('/api');
    },
  );
});

describe('a request target', () => {
  it.each([
    ['of another form', 'GET http://evil.example/api/v1/prompts'],
    ['that is an asterisk', 'OPTIONS *'],
    ['with two slashes', 'GET //api/v1/prompts'],
    ['with dots', 'GET /api/v1/../../etc/passwd'],
    ['with encoded dots', 'GET /api/docs/%2e%2e/%2e%2e/package.json'],
    ['with a backslash', 'GET /api/docs/..%5c..%5cpackage.json'],
    ['with a fragment', 'GET /api/v1/prompts#canary-7f3a'],
    ['without a slash', 'GET api/v1/prompts'],
  ])('%s gets a problem', async (_name, line) => {
    const answer = await exchangeRaw(port, `${line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    expect(answer.body).toMatchObject({ type: expect.stringMatching(/^urn:bulla:problem:/), origin: 'vault' });
    expect([400, 401, 404, 405]).toContain(answer.status);
    expect(answer.head).toMatch(/x-request-id: [\w-]{36}/i);
    expect(answer.text).not.toContain(CANARY);
  });
});

describe('a connection', () => {
  // As far as its header goes it might be signed.
  const head = (lines: string) => `POST /api/v1/prompts HTTP/1.1\r\nhost: x\r\nsignature-input: x\r\n${lines}\r\n`;
  const broken: [string, string, number, string][] = [
    ['that never ends its header', 'POST /api/v1/prompts HTTP/1.1\r\nhost: x\r\n', 408, 'request_timeout'],
    [
      'that never ends its body',
      `${head('content-type: application/json\r\ncontent-length: 99\r\n')}{"a":`,
      408,
      'request_timeout',
    ],
    [
      'with a header that is too large [refuses: oversize-header]',
      head(`x-a: ${'a'.repeat(20_000)}\r\n`),
      431,
      'headers_too_large',
    ],
    ['with too many headers [guard: request-headers]', head('a: b\r\n'.repeat(80)), 431, 'headers_too_large'],
    ['that does not speak HTTP', 'hello\r\n\r\n', 400, 'validation_failed'],
    ['without a host', 'GET /api/v1/prompts HTTP/1.1\r\n\r\n', 400, 'validation_failed'],
    [
      'with a second host [guard: request-host-once]',
      'GET /health/live HTTP/1.1\r\nhost: x\r\nHost: evil.example\r\nconnection: close\r\n\r\n',
      400,
      'validation_failed',
    ],
    ['with two lengths', head('content-length: 1\r\ncontent-length: 2\r\n'), 400, 'validation_failed'],
    ['with a length and chunks', head('content-length: 1\r\ntransfer-encoding: chunked\r\n'), 400, 'validation_failed'],
    ['with another encoding of the transfer', head('transfer-encoding: xchunked\r\n'), 400, 'validation_failed'],
    ['with bare line feeds', 'GET / HTTP/1.1\nhost: x\n\n', 400, 'validation_failed'],
    [
      'with a GET that has a body [guard: request-bodyless]',
      'GET /api/v1/prompts HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}',
      400,
      'validation_failed',
    ],
    [
      'with a DELETE in chunks [refuses: body-added]',
      'DELETE /api/v1/prompts/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\n',
      400,
      'validation_failed',
    ],
  ];
  it.each(broken)('%s is answered with a problem and closed', async (_name, sent, status, code) => {
    const answer = await exchangeRaw(port, sent);
    expect(answer).toMatchObject({ status, body: { code, status, origin: 'vault' } });
    expect(answer.head).toMatch(/x-request-id: [\w-]{36}/i);
  });

  it('with more chunks than the route takes is answered before they end', async () => {
    const chunk = `${(65_536).toString(16)}\r\n${'a'.repeat(65_536)}\r\n`;
    const sent = head('content-type: application/json\r\ntransfer-encoding: chunked\r\n') + chunk.repeat(17);
    const answer = await exchangeRaw(port, sent);
    expect(answer).toMatchObject({ status: 413, body: { code: 'payload_too_large' } });
  });

  it('that a client leaves in the middle of a body hurts nobody, and is counted and not logged as a fault [guard: body-cut]', async () => {
    const cut = async () => {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      return Number(/^bulla_http_bodies_cut_total\{service="vault"\} (\d+)$/m.exec(text)?.[1] ?? 0);
    };
    const [before, lines] = [await cut(), tiny.log.length];
    const sent = `${head('content-type: application/json\r\ncontent-length: 99\r\n')}{"a":`;
    await exchangeRaw(port, sent, { keepOpen: false });
    while ((await cut()) === before);
    expect(await tiny.owner.get('/api/v1/prompts')).toMatchObject({ status: 200 });
    const said = tiny.log.slice(lines);
    expect(said.join('')).toContain('"event":"request-finished"');
    expect(said.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  });
});
