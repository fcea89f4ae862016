import { Agent, get } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { EDGE_PROBLEMS, ProblemDocument } from '@bulla/contract';
import { mintId } from '@bulla/crypto';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module } from '@nestjs/common';
import {
  Answer,
  connectDatabase,
  createService,
  EventLog,
  openapiDocument,
  Route,
  ServiceKeys,
  TrustSource,
} from '../src/index.js';
import { folderForTest } from '@bulla/testkit';
import { sql } from 'kysely';
import { exchangeRaw } from '../src/testing.js';
import type { Tiny } from './tiny-vault.js';
import { emptyController } from './empty-controller.js';
import { faults, startTiny, TinyModule } from './tiny-vault.js';

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

async function fetchText(url: string, headers: Record<string, string> = {}, agent?: Agent): Promise<Got> {
  const { promise, resolve, reject } = Promise.withResolvers<Got>();
  get(url, { headers, ...(agent === undefined ? {} : { agent }) }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
  }).on('error', reject);
  return promise;
}

let tiny: Tiny;
let base: string;
let metrics: string;
let isUpstreamThere = true;
let isUpstreamSealed = false;
beforeAll(async () => {
  const upstream = async () => {
    if (!isUpstreamThere) throw new Error('canary-7f3a');
    if (isUpstreamSealed) throw Object.assign(new Error('canary-7f3a'), { code: 'sealed' });
  };
  tiny = await startTiny({ probes: { upstream }, limits: { requestsMax: 2 } });
  const { port, metricsPort } = await tiny.service.listen();
  base = `http://127.0.0.1:${port}`;
  metrics = `http://127.0.0.1:${metricsPort}/metrics`;
});
afterAll(() => tiny.stop());
beforeEach(() => tiny.clock.advance((Date.now() - tiny.clock.nowMs()) / 1000));
afterEach(() => {
  delete faults.onGet;
});

describe('health', () => {
  it('is live, and ready while everything it needs is there', async () => {
    expect(await fetchText(`${base}/health/live`)).toMatchObject({ status: 200, text: '{"status":"ok","checks":[]}' });
    const ready = await fetchText(`${base}/health/ready`);
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.text)).toEqual({
      status: 'ok',
      checks: [
        { name: 'database', ok: true },
        { name: 'upstream', ok: true },
      ],
    });
  });

  it('names what is missing and does not say why', async () => {
    isUpstreamThere = false;
    await new Promise((resolve) => setTimeout(resolve, 600));
    const ready = await fetchText(`${base}/health/ready`);
    isUpstreamThere = true;
    expect(ready).toMatchObject({ status: 503, text: expect.stringContaining('{"name":"upstream","ok":false}') });
    expect(ready.text + tiny.log.join('')).not.toContain('canary');
    expect(tiny.log.join('')).toContain('"event":"probe-failed","probe":"upstream"');
    // An answer of a moment ago may be given again.
    while ((await fetchText(`${base}/health/ready`)).status !== 200) await pause(20);
  });

  it('is sealed, and no more than that, while people have to come', async () => {
    isUpstreamSealed = true;
    await new Promise((resolve) => setTimeout(resolve, 600));
    const sealed = await fetchText(`${base}/health/ready`);
    isUpstreamSealed = false;
    expect(sealed).toMatchObject({ status: 423, text: expect.stringContaining('"status":"sealed"') });
    expect(sealed.text).toContain('{"name":"upstream","ok":false}');
    while ((await fetchText(`${base}/health/ready`)).status !== 200) await pause(20);
  });

  it('is not ready while its clock and that of the database differ', async () => {
    tiny.clock.advance(60);
    const check = async () => (await fetchText(`${base}/health/ready`)).text;
    while (!(await check()).includes('{"name":"database","ok":false}'));
    expect(tiny.log.join('')).toContain('"event":"clock-drifted"');
    tiny.clock.advance(-60);
    while (!(await check()).includes('{"name":"database","ok":true}'));
  });

  it('answers balancers that ask by HEAD, or without a Host', async () => {
    const head = await exchangeRaw(Number(new URL(base).port), 'HEAD /health/live HTTP/1.0\r\n\r\n');
    expect(head).toMatchObject({ status: 200, text: '' });
  });
});

describe('what a service is', () => {
  const read = (accept: string) => fetchText(`${base}/`, { accept });

  it('is data for programs', async () => {
    const { status, headers, text } = await read('*/*');
    expect({ status, type: headers['content-type'], vary: headers['vary'] }).toEqual({
      status: 200,
      type: 'application/json; charset=utf-8',
      vary: 'accept',
    });
    const index = JSON.parse(text) as Record<string, string>;
    expect(index).toMatchObject({ service: 'vault', version: '1.2.3' });
    for (const link of ['docs', 'openapi', 'health']) {
      expect((await fetchText(`${base}${index[link]}`)).status).toBe(200);
    }
  });

  it('is a page for people, whose links lead somewhere', async () => {
    const { headers, text } = await read('text/html,application/xhtml+xml,*/*;q=0.8');
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    const links = [...text.matchAll(/href="([^"]+)"/g)].map(([, link]) => link);
    expect(links).toEqual(['/api/docs', '/api/openapi.json', '/health/ready']);
  });
});

describe('the description of the interface', () => {
  it.each(['vault', 'responder'] as const)('of the %s is valid OpenAPI 3.0', async (service) => {
    const document = openapiDocument(service, '1.2.3');
    expect(document.openapi).toBe('3.0.4');
    expect(await new Validator().validate(JSON.parse(JSON.stringify(document)))).toMatchObject({ valid: true });
  });

  it('is served, with every route, its permission and the line that sends it', async () => {
    const { text, headers } = await fetchText(`${base}/api/openapi.json`);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    const { paths } = JSON.parse(text) as {
      paths: Record<string, Record<string, { description: string; security: unknown[] }>>;
    };
    expect(paths['/api/v1/prompts']?.['post']).toMatchObject({
      description: expect.stringMatching(/^Needs the permission prompt\.write\.\n\n```sh\nbulla api POST .+\n```$/),
      security: [{ signature: [] }],
    });
    expect(paths['/health/live']?.['get']?.security).toEqual([]);
    expect(Object.keys(paths)).toContain('/.well-known/bulla/{org}/root/{n}.json');
  });

  it('says of each operation which problems it can have, and of all together what can happen at the edge', () => {
    const { paths, components } = openapiDocument('vault', '1.2.3');
    const { responses = {} } = (paths['/api/v1/prompts']?.['post'] ?? {}) as { responses?: Record<string, object> };
    expect(Object.keys(responses)).toEqual(['201', '400', '401', '403', '409', '413', '415', '422', 'default']);
    const codes = (codesOf: unknown) => ({
      content: { 'application/problem+json': { schema: { allOf: [{}, { properties: { code: { enum: codesOf } } }] } } },
    });
    expect(responses['409']).toMatchObject(codes(['indeterminate', 'vault_restored', 'name_taken']));
    expect(responses['409']).toMatchObject({
      description: expect.stringMatching(/^indeterminate: .+\.\n\nvault_restored: /),
    });
    expect(responses['default']).toEqual({ $ref: '#/components/responses/Edge' });
    expect(components['responses']?.['Edge']).toMatchObject(codes([...EDGE_PROBLEMS]));
  });

  it.each(['vault', 'responder'] as const)(
    'of the %s has for each problem an example that is one of its own',
    (service) => {
      const { paths, components } = openapiDocument(service, '1.2.3');
      const operations = Object.values(paths).flatMap((one) => Object.values(one) as { responses: object }[]);
      const all = [
        ...operations.flatMap(({ responses }) => Object.values(responses)),
        components['responses']?.['Edge'],
      ];
      const media = all.flatMap((one) => {
        const { content } = one as { content?: Record<string, { schema: { allOf: unknown[] }; example: unknown }> };
        return content?.['application/problem+json'] ?? [];
      });
      expect(media.length).toBeGreaterThan(10);
      for (const { schema, example } of media) {
        const [, narrowed] = schema.allOf as [object, { properties: { code: { enum: string[] } } }];
        const { code, origin } = ProblemDocument.parse(example);
        expect([narrowed.properties.code.enum, origin]).toEqual([expect.arrayContaining([code]), service]);
      }
    },
  );

  it.each(['vault', 'responder'] as const)('of the %s says of each group what it is about', (service) => {
    const { tags, paths } = openapiDocument(service, '1.2.3');
    const used = Object.values(paths).flatMap((operations) => Object.values(operations) as { tags: string[] }[]);
    expect(tags.map(({ name }) => name)).toEqual([...new Set(used.flatMap((operation) => operation.tags))]);
    for (const { description } of tags) expect(description).toMatch(/^[A-Z].{20,}[.]$/);
  });

  it('can be read as a page that loads nothing from elsewhere', async () => {
    const page = await fetchText(`${base}/api/docs`);
    expect(page).toMatchObject({ status: 200, text: expect.stringContaining('Bulla vault') });
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('upgrade-insecure-requests');
    // Nobody can sign in a browser, so no form is there.
    expect((await fetchText(`${base}/api/docs/page.js`)).text).toMatch(/supportedSubmitMethods: \[\]/);
    const loaded = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);
    expect(loaded).toHaveLength(4);
    for (const path of loaded) expect((await fetchText(`${base}${path}`)).status).toBe(200);
  });
});

describe('metrics', () => {
  it('stand on a port of their own, without ids', async () => {
    await tiny.owner.post('/api/v1/prompts', { id: mintId('prm'), name: 'claims/triage', type: 'text' });
    await tiny.owner.get('/api/v1/prompts', { tamper: ({ headers }) => delete headers['signature'] });
    const { status, text } = await fetchText(metrics);
    expect(status).toBe(200);
    expect(text).toContain(
      'bulla_http_requests_total{route="/api/v1/prompts",method="POST",code="201",service="vault"} 1',
    );
    expect(text).toContain('bulla_verify_failures_total{reason="validation_failed",service="vault"} 1');
    expect(text).toContain('bulla_build_info{version="1.2.3",service="vault"} 1');
    expect(text).toMatch(/bulla_db_pool_connections\{state="idle",service="vault"\} [0-9]/);
    expect(text).toContain(
      'bulla_http_request_duration_seconds_count{service="vault",route="/api/v1/prompts",method="POST"} 1',
    );
    expect(text).toContain('bulla_audit_events_total{result="ok",service="vault"} 1');
    expect(text).not.toMatch(/prm_|urn:bulla|claims/);
    expect((await fetchText(metrics.replace('/metrics', '/'))).status).toBe(404);
    expect((await fetchText(`${base}/metrics`)).status).toBe(404);
  });
});

describe('a public document', () => {
  it('has its ETag and is not sent again to who has it', async () => {
    const url = `${base}/.well-known/bulla/acme/directory.json`;
    const first = await fetchText(url);
    expect(first).toMatchObject({
      status: 200,
      headers: {
        etag: '"7"',
        'cache-control': 'public, max-age=5',
        'content-type': 'application/jose+json; charset=utf-8',
      },
    });
    expect(first.headers['signature']).toBeUndefined();
    for (const known of ['"7"', 'W/"7"', '"6", "7"', '*']) {
      expect(await fetchText(url, { 'if-none-match': known })).toMatchObject({ status: 304, text: '' });
    }
    expect((await fetchText(url, { 'if-none-match': '"8"' })).status).toBe(200);
  });
});

describe('a request id', () => {
  const url = () => `${base}/.well-known/bulla/acme/directory.json`;
  it.each(['my-request-1', 'A.b_c-12345678'])('%s comes back', async (id) => {
    const answer = await fetchText(url(), { 'x-request-id': id });
    expect(answer.headers['x-request-id']).toBe(id);
    const payload = (JSON.parse(answer.text) as { payload: string }).payload;
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({ requestId: id });
  });

  it.each(['short', '<script>alert(1)</script>', 'a'.repeat(65), '{"a":1,"b":2}'])(
    '%s is replaced [guard: request-id]',
    async (id) => {
      const answer = await fetchText(url(), { 'x-request-id': id });
      expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
      expect(tiny.log.join('')).not.toContain(id.length > 10 ? id : '<script>');
    },
  );
});

describe('more requests than it takes', () => {
  it('are told so at once, but for health', async () => {
    const { promise: allowed, resolve: allow } = Promise.withResolvers<void>();
    const { promise: full, resolve: fill } = Promise.withResolvers<void>();
    let begun = 0;
    faults.onGet = async () => {
      if (++begun === 2) fill();
      await allowed;
      return undefined;
    };
    const path = `/api/v1/prompts/${mintId('prm')}`;
    const stuck = [tiny.owner.get(path), tiny.owner.get(path)].map((answer) => answer.catch(() => undefined));
    await full;
    const refused = await tiny.owner.get('/api/v1/prompts');
    const alive = await fetchText(`${base}/health/live`);
    allow();
    await Promise.all(stuck);
    expect(refused).toMatchObject({ status: 503, body: { code: 'overloaded' }, headers: { 'retry-after': '1' } });
    expect(alive.status).toBe(200);
  });
});

describe('an answer that does not fit its contract [guard: response-shape]', () => {
  it('never leaves', async () => {
    faults.onGet = () => ({ secret: 'canary-7f3a' });
    const sent = tiny.owner.get(`/api/v1/prompts/${mintId('prm')}`);
    await expect(sent).resolves.toMatchObject({ status: 500, body: { code: 'internal' } });
    const failed = await sent;
    expect(failed.text + tiny.log.join('')).not.toContain('canary');
  });
});

describe('an answer that shares members with others', () => {
  const ID = mintId('prm');
  const OWN = { id: ID, name: 'claims/triage', type: 'text', latest_version: 1 };
  const TIME = '2026-11-30T09:30:00.000Z';
  const SHARED = { labels: [], created_at: TIME, updated_at: TIME, deleted_at: null };
  const LACKING = { labels: [], created_at: TIME, updated_at: TIME };
  const sent = (own: object, shared: object) => {
    faults.onGet = () => Answer.sharing(own, shared);
    return tiny.owner.get(`/api/v1/prompts/${ID}`);
  };

  it('has all of them, and is written once for what is shared', async () => {
    let reads = 0;
    const shared = Object.defineProperty({ ...SHARED }, 'labels', { get: () => (reads++, []), enumerable: true });
    for (const name of ['a', 'b', 'c']) {
      const body = { ...OWN, name };
      await expect(sent(body, shared)).resolves.toMatchObject({ status: 200, body: { ...body, ...SHARED } });
    }
    // Each body is put together of both; it is checked and written at the first.
    expect(reads).toBe(3 + 1);
  });

  it.each<[string, object, object]>([
    ['with an own member that is wrong [guard: response-own]', { ...OWN, name: 'canary 7f3a' }, SHARED],
    ['with a shared member that is wrong [guard: response-shared]', OWN, { ...SHARED, created_at: 'canary-7f3a' }],
    ['with an own member that the contract does not name', { ...OWN, secret: 'canary-7f3a' }, SHARED],
    ['with a shared member that the contract does not name', OWN, { ...SHARED, secret: 'canary-7f3a' }],
    ['with a member in both', { ...OWN, created_at: TIME }, SHARED],
    ['without a member', OWN, LACKING],
  ])('never leaves %s', async (_name, own, shared) => {
    const answer = sent(own, shared);
    await expect(answer).resolves.toMatchObject({ status: 500, body: { code: 'internal' } });
    const failed = await answer;
    expect(failed.text + tiny.log.join('')).not.toContain('canary');
  });
});

describe('junk from strangers', () => {
  it('makes one audit row for each code and minute', async () => {
    const quiet = await startTiny({ like: tiny });
    const { port } = await quiet.service.listen();
    const junk = () => fetchText(`http://127.0.0.1:${port}/api/v1/prompts`);
    const { db } = quiet.database;
    const rows = () =>
      db.selectFrom('audit_event').selectAll().where(sql<boolean>`event ->> 'act' = 'request.refuse'`).execute();
    const minute = new Date(Math.floor(quiet.clock.now() / 60) * 60_000);
    for (let times = 0; times < 5; times++) await junk();
    expect(await rows()).toEqual([]);
    quiet.clock.advance(60);
    await junk();
    // What was counted in the minute before is being written just now.
    while ((await rows()).length === 0);
    expect(await rows()).toMatchObject([
      {
        request_id: null,
        event: { v: 1, act: 'request.refuse', res: 'denied', why: 'unauthenticated', obj: { count: 5 } },
      },
    ]);
    // It says which minute that was.
    const { rows: leaves } = await sql<{ t: string }>`select convert_from(leaf, 'UTF8')::jsonb ->> 't' as t
      from (select leaf from tiny.audit_outbox union all select leaf from tiny.audit_entry) as written
      where position('request.refuse'::bytea in leaf) > 0`.execute(db);
    expect(leaves).toEqual([{ t: minute.toISOString() }]);
    await quiet.stop();
  });
});

describe('the chores of a service', () => {
  it('purge what is past its time, and go on when that fails', async () => {
    const busy = await startTiny({ like: tiny, limits: { choresIntervalMs: 50 } });
    await busy.service.listen();
    const logged = async (text: string) => {
      while (!busy.log.join('').includes(text)) await new Promise((resolve) => setTimeout(resolve, 20));
      return true;
    };
    await busy.owner.post('/api/v1/prompts', { id: mintId('prm'), name: 'claims/triage', type: 'text' });
    await busy.database.db.updateTable('http_nonce').set({ expires_at: 0 }).execute();
    expect(await logged('"event":"expired-rows-purged","nonces":1,"answers":0')).toBe(true);
    await busy.database.db.schema.dropTable('http_nonce').execute();
    expect(await logged('"event":"chore-failed","chore":"purge-ledger","errorCode":"42P01"')).toBe(true);
    await busy.stop();
  });
});

/** Holds changes at work until they are let go. */
function holdEffects(): { begun: Promise<void>; letGo: () => void } {
  const [begun, allowed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  faults.beforeEffect = () => {
    begun.resolve();
    return allowed.promise;
  };
  return { begun: begun.promise, letGo: allowed.resolve };
}

describe('the end of a service', () => {
  it('lets requests at work finish, takes no more and frees its ports', async () => {
    const ending = await startTiny({ like: tiny });
    const { port, metricsPort } = await ending.service.listen();
    const { begun, letGo } = holdEffects();
    const working = ending.owner.post('/api/v1/prompts', { id: mintId('prm'), name: 'claims/triage', type: 'text' });
    const answered = working.then((answer) => answer);
    await begun;
    const closing = ending.service.close();
    expect(ending.service.close()).toBe(closing);
    await expect(fetchText(`http://127.0.0.1:${port}/health/live`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    letGo();
    expect(await answered).toMatchObject({ status: 201 });
    await closing;
    await expect(fetchText(`http://127.0.0.1:${metricsPort}/metrics`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(ending.log.join('')).toContain('"event":"service-stopped"');
    delete faults.beforeEffect;
    await expect(ending.database.nowMs()).resolves.toBeGreaterThan(0);
    await ending.stop();
  });

  it('cuts what does not finish within the grace', async () => {
    const ending = await startTiny({ like: tiny, limits: { graceMs: 200 } });
    await ending.service.listen();
    const { begun, letGo } = holdEffects();
    const working = ending.owner.post('/api/v1/prompts', { id: mintId('prm'), name: 'claims/triage', type: 'text' });
    const cut = working.then(
      () => 'answered',
      (error: unknown) => (error as { code: string }).code,
    );
    await begun;
    await ending.service.close();
    expect(await cut).toBe('ECONNRESET');
    letGo();
    delete faults.beforeEffect;
    await ending.stop();
  });

  it('refuses a request that arrives while it drains, and says that it will not be ready again [guard: gate-draining] [guard: gate-health]', async () => {
    const ending = await startTiny({ like: tiny });
    const { port } = await ending.service.listen();
    const { begun, letGo } = holdEffects();
    const connected: Socket[] = [];
    ending.service.app.getHttpServer().on('connection', (socket: Socket) => connected.push(socket));
    const working = ending.owner.post('/api/v1/prompts', { id: mintId('prm'), name: 'claims/triage', type: 'text' });
    const answered = working.then((answer) => answer);
    const late = ['/api/v1/prompts', '/health/ready'].map((path) => {
      const closed = Promise.withResolvers<void>();
      return {
        goOn: closed.resolve,
        answer: exchangeRaw(port, [`GET ${path} HTTP/1.1\r\n`, 'host: x\r\n\r\n'], { pause: closed.promise }),
      };
    });
    await begun;
    // The first line of each is there: it is a request that has begun.
    while (connected.filter(({ bytesRead }) => bytesRead > 0).length < 3) await pause(5);
    const closing = ending.service.close();
    for (const { goOn } of late) goOn();
    const [refused, ready] = await Promise.all(late.map(({ answer }) => answer));
    expect(refused).toMatchObject({
      status: 503,
      body: { code: 'overloaded' },
      head: expect.stringMatching(/connection: close/i),
    });
    expect(ready).toMatchObject({ status: 503, body: { status: 'unavailable' } });
    letGo();
    expect((await answered).status).toBe(201);
    await closing;
    delete faults.beforeEffect;
    await ending.stop();
  });
});

describe('a service whose port is taken', () => {
  it('says so, and leaves no other port behind', async () => {
    const { port } = new URL(base);
    const { acme, database } = tiny;
    const log = new EventLog({ service: 'tiny', level: 'silent' });
    const keys = await ServiceKeys.load(acme.vault.keyFile);
    const listen = { host: '127.0.0.1', port: Number(port), metricsPort: 0 };
    const second = await createService({
      service: 'vault',
      version: '1',
      module: TinyModule,
      database,
      keys,
      log,
      auditMarks: folderForTest('audit-marks'),
      auditLagMaxSeconds: 60,
      listen,
    });
    await expect(second.listen()).rejects.toMatchObject({ code: 'EADDRINUSE', port: Number(port) });
    await second.close();
    expect(await fetchText(`${base}/health/live`)).toMatchObject({ status: 200 });
  });
});

describe('a service does not start', () => {
  @Controller()
  class Unbound {
    @Get('/api/v1/extra')
    extra() {
      return undefined;
    }
  }
  @Controller()
  class Doubled {
    @Route('grant.list')
    list(): never {
      throw new Error('not reached');
    }
  }
  @Controller()
  class Foreign {
    @Route('invocation.run')
    run(): never {
      throw new Error('not reached');
    }
  }
  @Module({ controllers: [Unbound], imports: [TinyModule] })
  class WithUnbound {}
  @Module({ controllers: [Doubled], imports: [TinyModule] })
  class WithDoubled {}
  @Module({ controllers: [Foreign], imports: [TinyModule] })
  class WithForeign {}
  @Module({
    controllers: [emptyController('vault', ['grant.list'])],
    providers: [{ provide: TrustSource, useValue: {} }],
  })
  class WithGap {}

  const parts = async () => {
    const log = new EventLog({ service: 'tiny', level: 'silent' });
    const from = { url: 'postgresql://nobody@127.0.0.1:1/none' };
    const keys = await ServiceKeys.load(tiny.acme.vault.keyFile);
    const database = connectDatabase<never>({ from, schema: 'tiny', migrations: {}, log });
    return {
      service: 'vault',
      version: '1',
      database,
      keys,
      log,
      auditMarks: folderForTest('audit-marks'),
      auditLagMaxSeconds: 60,
      listen: { host: '127.0.0.1', port: 0, metricsPort: 0 },
    } as const;
  };

  it.each([
    ['a handler has no route', WithUnbound, /Unbound\.extra has no @Route/],
    [
      'two handlers have one route',
      WithDoubled,
      /Doubled\.list: grant\.list has a handler already|grant\.list has a handler already/,
    ],
    ['a handler has a route of another service', WithForeign, /Foreign\.run: invocation\.run is no route of the vault/],
    ['a route has no handler', WithGap, /the route grant\.list has no handler/],
  ])('while %s', async (_name, module, message) => {
    await expect(createService({ ...(await parts()), module })).rejects.toThrow(message);
  });

  it('while it has no key to sign its answers with', async () => {
    const { keyFile } = tiny.acme.vault;
    const keys = await ServiceKeys.load({
      ...keyFile,
      keys: keyFile.keys.map((key) => ({ ...key, pur: ['envelope'] })),
    });
    await expect(createService({ ...(await parts()), keys, module: TinyModule })).rejects.toThrow(/no key for "http"/);
  });

  it('while it has no key for a numbered audit log [guard: start-without-log-key]', async () => {
    const { keyFile } = tiny.acme.vault;
    const unnumbered = structuredClone(keyFile);
    for (const key of unnumbered.keys) if ('log' in key) delete key.log;
    const keys = await ServiceKeys.load(unnumbered);
    const start = createService({ ...(await parts()), keys, module: TinyModule });
    await expect(start).rejects.toThrow(/no key for a numbered audit log; .*bulla trust renew --begin-logs/);
  });

  it('while it has no secret for the rows of its audit log [guard: start-without-rows]', async () => {
    const { rows: _, ...keyFile } = tiny.acme.vault.keyFile;
    const keys = await ServiceKeys.load(keyFile);
    const start = createService({ ...(await parts()), keys, module: TinyModule });
    await expect(start).rejects.toThrow(/bulla trust renew --begin-logs/);
  });
});
