import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { Problem } from '@bulla/contract';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { committedKeyPair, folderForTest, pgliteForTest } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Module, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { sql } from 'kysely';
import {
  AuditedChange,
  connectDatabase,
  createService,
  CurrentCaller,
  EventLog,
  Ledger,
  ledgerMigrations,
  openapiDocument,
  openPglite,
  Route,
  RouteBody,
  ServiceKeys,
  TrustSource,
} from '../src/index.js';
import type { Caller, Database, LedgerTables, Service } from '../src/index.js';
import { OpenapiContract, setUpMarkFolder, SignedClient } from '../src/testing.js';
import { findState } from '../src/edge/request-state.js';
import { TokenFault } from '../src/token/token-fault.js';
import { emptyController } from './empty-controller.js';

const reply = { head: 'AAAA', frames: ['BBBB'], final: 'CCCC' };
const question = { bundle: { v: 1, env: 'a.b.c', tags: [] }, inv: 'a.b.c.d.e' };
const path = '/api/v1/invocations';
let run: (caller: Caller, ledger: Ledger) => unknown = () => reply;
/** The request that was handled last, and its body. */
let handled: FastifyRequest;
let asked: unknown;

@Controller()
class RunsController {
  constructor(private readonly ledger: Ledger) {}

  @Route('invocation.run')
  async run(
    @CurrentCaller() caller: Caller,
    @RouteBody() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<Response> {
    [handled, asked] = [request, body];
    return (await run(caller, this.ledger)) as Response;
  }
}

let acme: TestOrganisation;
@Module({
  controllers: [RunsController, emptyController('responder', ['invocation.run'])],
  providers: [{ provide: TrustSource, useValue: { trustOf: async () => acme.trust, refresh: async () => {} } }],
})
class RunsModule {}

const lines: string[] = [];
let service: Service;
let database: Database<LedgerTables>;
let asker: SignedClient;
let closePglite: () => Promise<void>;
let signs = true;
let unsigned: Error = new Error('canary-7f3a');
beforeAll(async () => {
  acme = await makeOrganisation({ readyKeyPair: committedKeyPair });
  const log = new EventLog({ service: 'tiny', stream: { write: (line) => void lines.push(line) } });
  const { dataDir, remove } = pgliteForTest();
  const pglite = await openPglite(dataDir);
  closePglite = () => pglite.close().then(remove);
  database = connectDatabase({ from: { pglite }, schema: 'runs', migrations: ledgerMigrations, log });
  await database.migrate();
  const loaded = await ServiceKeys.load(acme.responders[0].keyFile);
  const http = loaded.newest('http');
  const sign: typeof http.sign = (bytes) => (signs ? http.sign(bytes) : Promise.reject(unsigned));
  const keys = new ServiceKeys(
    loaded.urn,
    loaded.org,
    new Map([
      ['http', [{ ...http, sign }]],
      ['checkpoint', [loaded.newest('checkpoint')]],
    ]),
    loaded.held(),
    undefined,
    loaded.rows,
    new Map(loaded.logKeys.map(({ signer, log: number }) => [signer.kid, number ?? 0])),
  );
  const listen = { host: '127.0.0.1', port: 0, metricsPort: 0 };
  service = await createService({
    service: 'responder',
    version: '1',
    module: RunsModule,
    database,
    keys,
    log,
    auditMarks: setUpMarkFolder(folderForTest('audit-marks'), acme.responders[0].keyFile),
    auditLagMaxSeconds: 60,
    listen,
  });
  await service.listen();
  asker = new SignedClient(service, acme.invoker, { contract: new OpenapiContract(openapiDocument('responder', '1')) });
});
afterAll(async () => {
  await service.close();
  await database.close();
  await closePglite();
});
afterEach(() => {
  run = () => reply;
  signs = true;
});

const verify = (response: Awaited<ReturnType<SignedClient['get']>>) =>
  asker.verify(response, acme.trust, acme.responders[0].urn);
const streamOf = (chunks: Iterable<string> | AsyncIterable<string>, ended = () => {}) => {
  const encoder = new TextEncoder();
  async function* bytes() {
    try {
      for await (const chunk of chunks) yield encoder.encode(chunk);
    } finally {
      ended();
    }
  }
  const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' };
  return new Response(Readable.toWeb(Readable.from(bytes())) as ReadableStream, { headers });
};

describe('a sealed answer', () => {
  it('that comes as a stream keeps nothing of its request as long as it goes on', async () => {
    const kept: unknown[] = [];
    const note = () => {
      const { entry, rawBody, input } = findState(handled) ?? {};
      kept.push([entry?.name, rawBody, input?.body]);
    };
    async function* chunks() {
      note();
      yield 'event: bulla.head\ndata: AAAA\n\n';
      note();
    }
    run = () => {
      note();
      return streamOf(chunks());
    };
    expect((await asker.post(path, question)).status).toBe(200);
    expect(kept).toEqual(Array.from({ length: 3 }, () => ['invocation.run', undefined, undefined]));
    // They were there before.
    expect(asked).toEqual(question);
  });

  it('carries no signature of the service: it is its own', async () => {
    const answer = await asker.post(path, question);
    expect(answer).toMatchObject({ status: 200, body: reply });
    expect(answer.headers['signature']).toBeUndefined();
  });

  it('that there is not is a signed problem', async () => {
    run = () => Promise.reject(new Problem('envelope_replayed'));
    const refused = await asker.post(path, question);
    expect(refused).toMatchObject({ status: 409, body: { code: 'envelope_replayed', origin: 'responder' } });
    await expect(verify(refused)).resolves.toBeUndefined();
  });

  it('that there is not is an unsigned failure when the service cannot sign', async () => {
    run = () => Promise.reject(new Problem('envelope_replayed'));
    signs = false;
    const failed = await asker.post(path, question);
    expect(failed).toMatchObject({ status: 500, body: { code: 'internal' } });
    expect(failed.headers['signature']).toBeUndefined();
    expect(failed.text + lines.join('')).not.toContain('canary');
  });

  it('that there is not is an unsigned 503 while the token of the key is away', async () => {
    run = () => Promise.reject(new Problem('envelope_replayed'));
    signs = false;
    unsigned = new TokenFault('late', { token: 'canary', object: 'key', module: '/m', pinFile: '/p' });
    const failed = await asker.post(path, question);
    expect(failed).toMatchObject({ status: 503, body: { code: 'overloaded', retryable: true } });
    expect(failed.headers).toMatchObject({ 'retry-after': '1' });
    expect(failed.headers['signature']).toBeUndefined();
    expect(lines.join('')).toMatch(/"errorCode":"token_late"/);
    expect(failed.text + lines.join('')).not.toContain('canary');
  });

  it('may come as a stream, as it is made', async () => {
    run = () => streamOf(['event: bulla.head\ndata: AAAA\n\n', ': wait\n\n', 'event: bulla.final\ndata: BBBB\n\n']);
    const answer = await asker.post(path, question);
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
    });
    expect(answer.text).toBe('event: bulla.head\ndata: AAAA\n\n: wait\n\nevent: bulla.final\ndata: BBBB\n\n');
    expect(answer.headers['signature']).toBeUndefined();
  });

  it('that breaks off in the middle is cut, never finished', async () => {
    run = () =>
      streamOf(
        (async function* () {
          yield 'event: bulla.head\ndata: AAAA\n\n';
          await new Promise((resolve) => setTimeout(resolve, 50));
          throw new Error('canary-7f3a');
        })(),
      );
    await expect(asker.post(path, question)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(lines.join('')).not.toContain('canary');
  });

  it('stops being made when the asker goes away', async () => {
    const { promise: cancelled, resolve } = Promise.withResolvers<void>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    run = () =>
      streamOf(
        (async function* () {
          for (;;) {
            begin();
            yield ': wait\n\n';
            await new Promise((done) => setTimeout(done, 20));
          }
        })(),
        resolve,
      );
    // Sent by hand, so that it can be left in the middle.
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    const tamper = ({ headers, body }: { headers: Record<string, string>; body: Buffer | undefined }) => {
      const { port } = service.app.getHttpServer().address() as { port: number };
      const request = httpRequest({
        port,
        host: '127.0.0.1',
        path,
        method: 'POST',
        headers: { ...headers, 'content-length': body?.length ?? 0 },
      });
      request
        .on('response', (response) => response.on('data', () => request.destroy()))
        .on('error', () => leave())
        .on('close', () => leave());
      request.end(body);
      headers['signature'] = 'none';
    };
    await asker.post(path, question, { tamper });
    await begun;
    await left;
    await expect(cancelled).resolves.toBeUndefined();
  });
});

describe('work that knows its own retries', () => {
  it('is done for each request, and its nonce and audit row are written all the same', async () => {
    const obj = {
      invocation: 'inv_01jz8q0000000000000000000a',
      envelope: 'env_01jz8q0000000000000000000a',
      replayed: false,
    } as never;
    let times = 0;
    run = (caller, ledger) =>
      ledger.run(
        caller,
        async () => ({ body: { ...reply, final: `C${++times}` }, event: { act: 'invocation.run', obj } }),
        { ownReplay: true },
      );
    const key = { idempotencyKey: crypto.randomUUID() };
    const answers = [await asker.post(path, question, key), await asker.post(path, question, key)];
    expect(answers.map(({ body }) => (body as typeof reply).final)).toEqual(['C1', 'C2']);
    expect(await database.db.selectFrom('idempotency').selectAll().execute()).toEqual([]);
    const audit = await database.db.selectFrom('audit_event').select('event').orderBy('at', 'desc').limit(2).execute();
    expect(audit).toMatchObject([
      { event: { act: 'invocation.run', res: 'ok' } },
      { event: { act: 'invocation.run', res: 'ok' } },
    ]);
  });

  describe('a change and its row in one statement', () => {
    const obj = { invocation: 'inv_01jz8q0000000000000000000a', frames: 1 } as const;
    const done = { act: 'invocation.finish', obj: { ...obj, finish: 'stop', fin: 'f'.repeat(43) } } as const;
    const failed = { act: 'invocation.finish', why: 'indeterminate', obj } as const;
    /** Stands for any change: the answer under one key. */
    const changing = new AuditedChange<LedgerTables, { key: string; answer: string | null }>({
      change: (db, { key, answer: to }) =>
        db
          .updateTable('idempotency')
          .set({ answer: to as string })
          .where('key', '=', key) as never,
      isMade: (db, { key, answer: to }) =>
        sql<boolean>`exists ${db.selectFrom('idempotency').select('key').where('key', '=', key).where('answer', '=', to)}`,
      keys: ({ key }) => [key],
    });
    const rows = () =>
      database.db
        .selectFrom('audit_event')
        .select('event')
        .where(sql`event ->> 'act'`, '=', 'invocation.finish')
        .orderBy('at', 'desc')
        .execute();
    const answer = () => database.db.selectFrom('idempotency').select('answer').where('key', '=', 'one').execute();
    beforeAll(async () => {
      const row = { org: 'acme', keyid: 'kid', key: 'one', request_sha256: '', answer: 'a', expires_at: 0 };
      await database.db.insertInto('idempotency').values(row).execute();
    });
    afterAll(() => database.db.deleteFrom('idempotency').execute());
    const changed = async (key: string, to: string | null, entry: typeof done | typeof failed) => {
      let was: boolean | undefined;
      run = async (caller, ledger) => {
        was = await ledger.recordChange(caller, changing, { key, answer: to }, entry);
        return reply;
      };
      const { status } = await asker.post(path, question);
      return [status, was];
    };

    it.each([
      [done, { res: 'ok', obj: { frames: 1, finish: 'stop' } }],
      [failed, { res: 'denied', why: 'indeterminate', obj: { frames: 1 } }],
    ] as const)('are written: %j', async (entry, event) => {
      const before = (await rows()).length;
      expect(await changed('one', 'b', entry)).toEqual([200, true]);
      expect(await answer()).toEqual([{ answer: 'b' }]);
      const after = await rows();
      expect(after).toHaveLength(before + 1);
      expect(after[0]).toMatchObject({ event: { act: 'invocation.finish', ...event } });
    });

    it('are not, where nothing is changed [guard: record-change]', async () => {
      const before = await rows();
      expect(await changed('other', 'c', done)).toEqual([200, false]);
      expect(await rows()).toEqual(before);
    });

    it('are both not, where one cannot be', async () => {
      const [before, said] = [await rows(), await answer()];
      expect(await changed('one', null, done)).toEqual([503, undefined]);
      await sql`alter table runs.audit_outbox add constraint never check (false) not valid`.execute(database.db);
      expect(await changed('one', 'd', done)).toEqual([503, undefined]);
      await sql`alter table runs.audit_outbox drop constraint never`.execute(database.db);
      expect(await rows()).toEqual(before);
      expect(await answer()).toEqual(said);
    });
  });

  it('writes nothing that the contract does not name', async () => {
    const event = { act: 'invocation.finish', obj: { text: 'canary-7f3a' } } as never;
    run = async (caller, ledger) => {
      await ledger.read(caller, event);
      return reply;
    };
    expect(await asker.post(path, question)).toMatchObject({ status: 500 });
    expect(lines.join('')).not.toContain('canary');
  });
});
