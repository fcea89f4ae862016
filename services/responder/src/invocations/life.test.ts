import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { tokenHash } from '@bulla/crypto';
import type { Unwrapper } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { EventLog } from '@bulla/service-kit';
import { sql } from 'kysely';
import { ask, CANARY_PROMPT, CANARY_VALUE, openReply, replyOfStream, storePrompt } from '../../test/asking.js';
import type { SealedReply, StoredPrompt } from '../../test/asking.js';
import {
  documentOf,
  openDatabase,
  organisationForTest,
  serveDocuments,
  startResponder,
} from '../../test/responder-fixture.js';
import type { DocumentServer } from '../../test/responder-fixture.js';
import { EchoModel } from '../models/echo.model.js';
import type { ModelChunk, ModelRequest } from '../models/model.js';
import { Model } from '../models/model.js';
import { RunStopped } from './answer-end.js';
import { RunsInFlight } from './runs-in-flight.js';

const PATH = '/api/v1/invocations';
let organisation: TestOrganisation;
let vault: DocumentServer;
let opened: Awaited<ReturnType<typeof openDatabase>>;
let prompt: StoredPrompt;

beforeAll(async () => {
  organisation = await organisationForTest();
  vault = await serveDocuments(organisation);
  opened = await openDatabase('server');
  prompt = await storePrompt(organisation);
});
afterAll(async () => {
  await opened.drop();
  await vault.close();
});

/** Says one word, and then nothing until it is stopped. */
class EndlessModel extends Model {
  override readonly name = 'endless';
  readonly begun = Promise.withResolvers<void>();

  override async *stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<readonly ModelChunk[]> {
    const chunk = { id: request.requestId, object: 'chat.completion.chunk', created: 0, model: 'endless' } as const;
    yield [{ ...chunk, choices: [{ index: 0, delta: { content: 'word' }, finish_reason: null }] }];
    this.begun.resolve();
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    signal.throwIfAborted();
  }
}

describe('a responder that is told to end', () => {
  it.each([false, true])('ends the runs at work with a sealed word of it (stream: %s)', async (stream) => {
    const model = new EndlessModel();
    const responder = await startResponder({ organisation, vault, database: opened.database, model });
    const asked = await ask(organisation, prompt, { question: { opt: { stream, privacy: 'padded' } } });
    const sending = responder.client(organisation.invoker).post(PATH, asked.body);
    void sending.catch(() => {});
    await model.begun.promise;
    await responder.service.close();
    const response = await sending;
    const reply = stream ? replyOfStream(response.text) : (response.body as SealedReply);
    const { text, fin } = await openReply(organisation, asked, reply);
    expect([text, fin.finish, fin.err?.code]).toEqual(['word', 'error', 'overloaded']);
  });
});

describe('two replicas on one database', () => {
  it('run a question once between them [refuses: replay-replicas]', async () => {
    const shared = { organisation, vault, database: opened.database };
    const replicas = [await startResponder(shared), await startResponder(shared)];
    const asked = await ask(organisation, prompt);
    const responses = [];
    for (const replica of replicas) responses.push(await replica.client(organisation.invoker).post(PATH, asked.body));
    for (const replica of replicas) await replica.service.close();
    expect(responses.map(({ status, headers }) => [status, headers['idempotent-replayed']])).toEqual([
      [200, undefined],
      [200, '?1'],
    ]);
    expect(responses[1]?.text).toBe(responses[0]?.text);
  });

  it('judge by the newest directory that either has seen, and refuse while they cannot have it [guard: claim-newer]', async () => {
    const own = await organisationForTest({ org: 'twins', suite: 'p256' });
    const served = await serveDocuments(own);
    const old = { ...own.documents };
    const stored = await storePrompt(own);
    const shared = { organisation: own, vault: served, database: opened.database };
    const behind = await startResponder(shared);
    const first = await ask(own, stored);
    expect((await behind.client(own.invoker).post(PATH, first.body)).status).toBe(200);

    await own.publish();
    const ahead = await startResponder(shared);
    expect((await ahead.client(own.invoker).post(PATH, (await ask(own, stored)).body)).status).toBe(200);
    // Its vault hides the newer one: who asks names an older directory, so only the database can know.
    served.answer = (name) => documentOf({ documents: old }, name);
    const dir = { ver: 1, hash: first.question.dir.hash };
    const hidden = await behind.client(own.invoker).post(PATH, (await ask(own, stored, { question: { dir } })).body);
    expect([hidden.status, (hidden.body as { code: string }).code]).toEqual([503, 'overloaded']);
    served.answer = (name) => documentOf(own, name);
    const shown = await behind.client(own.invoker).post(PATH, (await ask(own, stored, { question: { dir } })).body);
    await behind.service.close();
    await ahead.service.close();
    await served.close();
    expect(shown.status).toBe(200);
  });

  it('[red] never work by two directories of one version [guard: claim-fork]', async () => {
    const own = await organisationForTest({ org: 'forked', suite: 'p256' });
    const served = await serveDocuments(own);
    const stored = await storePrompt(own);
    const lines: string[] = [];
    const log = new EventLog({ service: 'responder', stream: { write: (line: string) => void lines.push(line) } });
    const responder = await startResponder({ organisation: own, vault: served, database: opened.database, log });
    expect((await responder.client(own.invoker).post(PATH, (await ask(own, stored)).body)).status).toBe(200);
    const other = { sha256: await tokenHash('what a replica saw that began before this one') };
    await opened.database.db
      .updateTable('seen_document')
      .set(other)
      .where('org', '=', 'forked')
      .where('kind', '=', 'directory')
      .execute();
    const refused = await responder.client(own.invoker).post(PATH, (await ask(own, stored)).body);
    await responder.service.close();
    await served.close();
    expect([refused.status, refused.body]).toEqual([409, expect.objectContaining({ code: 'trust_rollback' })]);
    expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual(
      expect.objectContaining({ level: 'error', event: 'trust-fork', org: 'forked', directoryVersion: 1 }),
    );
  });

  it('write a refusal down once, also where newer documents were needed to judge it', async () => {
    const own = await organisationForTest({ org: 'audited', suite: 'p256' });
    const served = await serveDocuments(own);
    const stored = await storePrompt(own);
    const responder = await startResponder({ organisation: own, vault: served, database: opened.database });
    const first = await ask(own, stored);
    await responder.client(own.invoker).post(PATH, first.body);
    await own.publish();
    const env = first.body.bundle.env;
    const question = { env: { jti: first.envelope.jti, hash: await tokenHash(env) } };
    const again = await ask(own, stored, { bundle: { env }, question });
    const refused = await responder.client(own.invoker).post(PATH, again.body);
    await responder.service.close();
    await served.close();
    const rows = await opened.database.db
      .selectFrom('audit_event')
      .select(sql<string | null>`event ->> 'why'`.as('why'))
      .where('org', '=', 'audited')
      .orderBy('at')
      .execute();
    expect(refused.body).toMatchObject({ code: 'envelope_replayed' });
    // The first question began and finished.
    expect(rows.map(({ why }) => why)).toEqual([null, null, 'envelope_replayed']);
  });

  it('take the rights from a device that lost them in the newer directory', async () => {
    const own = await organisationForTest({ org: 'losers', suite: 'p256' });
    const served = await serveDocuments(own);
    const stored = await storePrompt(own);
    const responder = await startResponder({ organisation: own, vault: served, database: opened.database });
    expect((await responder.client(own.invoker).post(PATH, (await ask(own, stored)).body)).status).toBe(200);
    const other = await own.makeDevice('other', { roles: ['invoker'], groups: ['grp:support'] });
    await own.publish((draft) => {
      draft.entities[other.urn] = other.entity;
      draft.entities[own.owner.urn] = { ...own.owner.entity, roles: ['owner'] } as typeof own.owner.entity;
      draft.revoked.push({ kid: own.invoker.sig.kid, reason: 'privilegeWithdrawn', at: own.now });
    });
    const refused = [];
    // Each names the newer directory, which the responder fetches before it goes on.
    for (const asker of [own.owner, own.invoker]) {
      refused.push((await responder.client(asker).post(PATH, (await ask(own, stored, { asker })).body)).body);
    }
    await responder.service.close();
    await served.close();
    expect(refused).toMatchObject([{ code: 'forbidden' }, { code: 'key_revoked' }]);
  });
});

describe('two workers on one question [guard: begin-first]', () => {
  it('[red] make one model call: who was overtaken before it began does not begin', async () => {
    const { unwrapper, held, release } = await gatedUnwrapper();
    const models: string[] = [];
    class NotingModel extends EchoModel {
      override stream(request: ModelRequest, signal: AbortSignal) {
        models.push(request.requestId);
        return super.stream(request, signal);
      }
    }
    const parts = { organisation, vault, database: opened.database, model: new NotingModel() };
    const responder = await startResponder({ ...parts, unwrappers: [unwrapper] });
    const replica = await startResponder(parts);
    const asked = await ask(organisation, await storePrompt(organisation));
    const slow = responder.client(organisation.invoker).post(PATH, asked.body);
    void slow.catch(() => {});
    await held;
    const longAgo = { heartbeat: new Date(0) };
    await opened.database.db.updateTable('invocation').set(longAgo).where('jti', '=', asked.question.jti).execute();
    const second = await replica.client(organisation.invoker).post(PATH, asked.body);
    release();
    const first = await slow;
    for (const { service } of [responder, replica]) await service.close();
    expect([second.status, first.status, (first.body as { code?: string }).code]).toEqual([200, 409, 'indeterminate']);
    expect(models).toEqual([asked.question.jti]);
  });
});

/** Opens as `eu1` does, but for the first grant, which it holds until released. */
async function gatedUnwrapper() {
  const inner = await organisation.responders[0].unwrapper();
  const held = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  let calls = 0;
  const unwrapper: Unwrapper = {
    kid: inner.kid,
    alg: inner.alg,
    async unwrap(encryptedKey) {
      calls += 1;
      // The first call opens the question, the second one its grant.
      if (calls === 2) {
        held.resolve();
        await gate.promise;
      }
      return inner.unwrap(encryptedKey);
    },
  };
  return { unwrapper, held: held.promise, release: gate.resolve };
}

describe('what a run leaves behind', () => {
  it('holds no byte of prompt, variable or answer, in the log or in the database', async () => {
    const lines: string[] = [];
    const log = new EventLog({
      service: 'responder',
      level: 'debug',
      stream: { write: (line: string) => void lines.push(line) },
    });
    const responder = await startResponder({
      organisation,
      vault,
      database: opened.database,
      log,
      model: new EchoModel(),
    });
    const asked = await ask(organisation, prompt);
    await responder.client(organisation.invoker).post(PATH, asked.body);
    await responder
      .client(organisation.invoker)
      .post(
        PATH,
        (await ask(organisation, prompt, { question: { vars: { [CANARY_VALUE.replaceAll(' ', '_')]: CANARY_VALUE } } }))
          .body,
      );
    await responder.service.close();
    const ledger = ['http_nonce', 'audit_event', 'idempotency'] as const;
    const tables = [...ledger, 'invocation', 'envelope_use', 'seen_document', 'usage_run', 'usage_report'] as const;
    const rows = await Promise.all(tables.map((table) => opened.database.db.selectFrom(table).selectAll().execute()));
    const left = JSON.stringify(rows) + lines.join('');
    expect(left).toContain(asked.question.jti);
    for (const text of [CANARY_PROMPT, CANARY_VALUE, CANARY_VALUE.replaceAll(' ', '_'), asked.question.rsp]) {
      expect(left).not.toContain(text);
      expect(left).not.toContain(Buffer.from(text).toString('base64url').slice(2, -4));
    }
    expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(
      expect.arrayContaining(['run-begun', 'run-finished', 'run-failed']),
    );
    const told = lines.map((line) => JSON.parse(line) as { event: string; requestId?: string });
    const requests = new Set(told.filter(({ event }) => event === 'request-finished').map((one) => one.requestId));
    const ends = told.filter(({ event }) => /^run-(?:finished|failed)$/.test(event));
    expect(ends.every(({ requestId }) => requests.has(requestId))).toBe(true);
  });
});

describe('runs in flight', () => {
  it('are not waited for when there are none, and not stopped when they end in time', async () => {
    const runs = new RunsInFlight();
    const asker = { org: 'acme', keyid: 'urn:bulla:acme:dev:d#k' };
    const work = { rest: () => {}, resume: async () => {} };
    const leave = await runs.enter(asker, { gone: new AbortController().signal, work });
    const stopped = runs.stop();
    expect(runs.stopping.aborted).toBe(false);
    leave();
    await stopped;
    expect(runs.stopping.reason).toBeInstanceOf(RunStopped);
  });

  it('are aborted when they are stopped: those there are, and those that come then [guard: run-stopped-before]', async () => {
    const runs = new RunsInFlight();
    const [going, ended, late] = [new AbortController(), new AbortController(), new AbortController()];
    runs.watch(going);
    runs.watch(ended)();
    await runs.stop();
    runs.watch(late);
    expect([going, ended, late].map(({ signal }) => signal.aborted)).toEqual([true, false, true]);
    expect([going.signal.reason, late.signal.reason]).toEqual([runs.stopping.reason, runs.stopping.reason]);
  });
});
