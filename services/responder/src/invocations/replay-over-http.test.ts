import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { digestB64u, mintId, sealInvocation, utf8 } from '@bulla/crypto';
import { modelSettings } from '../models/model-settings.js';
import { openModels } from '../models/open-models.js';
import type { FakeOpenai } from '@bulla/testkit';
import { startFakeOpenai } from '@bulla/testkit';
import { sql } from 'kysely';
import * as z from 'zod';
import { ask, openReply, recordOf, replyOfStream, storePrompt } from '../../test/asking.js';
import type { AskedPrompt as Asked, SealedReply, StoredPrompt } from '../../test/asking.js';
import { suite } from '../../test/suite.js';
import { Heartbeats } from '../replay/heartbeats.js';

const upstream: FakeOpenai = await startFakeOpenai();
const all = suite({
  models: () =>
    openModels(z.object(modelSettings).parse({ BULLA_LLM: `openai:${upstream.url}`, BULLA_LLM_MODEL: 'm' }), {}),
});
let prompt: StoredPrompt;

beforeAll(async () => {
  prompt = await storePrompt(all.organisation);
});
afterAll(() => upstream.stop());
afterEach(() => upstream.follow({}));

function askPlainly(
  question: Partial<Asked['question']> = {},
  envelope: Partial<Asked['envelope']> = {},
): Promise<Asked> {
  return ask(all.organisation, prompt, { question, envelope });
}

/** Changes the row of a question as time or another worker would. */
async function change(
  asked: Asked,
  values: { state?: 'accepted' | 'running'; heartbeat?: Date; fence?: number; ended_at?: Date },
): Promise<void> {
  await all.database.db.updateTable('invocation').set(values).where('jti', '=', asked.question.jti).execute();
}

function rowOf(asked: Asked) {
  return all.database.db.selectFrom('invocation').selectAll().where('jti', '=', asked.question.jti).executeTakeFirst();
}

/** How the audit log says that a run ended. */
async function endOf(asked: Asked): Promise<object | undefined> {
  const rows = await all.database.db
    .selectFrom('audit_event')
    .select('event')
    .where(
      sql<boolean>`event ->> 'act' = 'invocation.finish' and event -> 'obj' ->> 'invocation' = ${asked.question.jti}`,
    )
    .execute();
  expect(rows).toHaveLength(1);
  return rows
    .map(({ event }) => event as { res: string; why?: string; obj: object })
    .map(({ res, why, obj }) => ({ res, why, obj }))[0];
}

const HASH = expect.stringMatching(/^[\w-]{43}$/) as unknown;
const LONG_AGO = new Date(0);
const stream = { opt: { stream: true, privacy: 'padded' as const } };

describe('the same question again', () => {
  it('gets the same bytes, said to be a replay, without a second completion', async () => {
    const asked = await askPlainly();
    const first = await all.send(asked);
    const second = await all.send(asked);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.text).toBe(first.text);
    expect(first.headers).not.toHaveProperty('idempotent-replayed');
    expect(second.headers).toMatchObject({ 'idempotent-replayed': '?1' });
    expect(upstream.completionsOf(asked.question.jti)).toEqual({ started: 1, finished: 1 });
  });

  it('is answered again after envelope and question have expired', async () => {
    const { now } = all.organisation;
    const asked = await askPlainly();
    const first = await all.send(asked);
    all.responder.clock.advance(600);
    const second = await all.send(asked);
    all.responder.clock.advance(now - all.responder.clock.now());
    expect(second.status).toBe(200);
    expect(second.text).toBe(first.text);
  });

  it('is run once when it comes twenty times at once', async () => {
    const asked = await askPlainly();
    const responses = await Promise.all(Array.from({ length: 20 }, () => all.send(asked)));
    expect(upstream.completionsOf(asked.question.jti)).toEqual({ started: 1, finished: 1 });
    const statuses = responses.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(1);
    const others = responses.filter(({ status }) => status !== 200);
    expect(
      others.every(
        ({ status, headers, body }) =>
          status === 409 && headers['retry-after'] !== undefined && codeOf(body) === 'indeterminate',
      ),
    ).toBe(true);
    expect(new Set(responses.filter(({ status }) => status === 200).map(({ text }) => text)).size).toBe(1);
  });

  it('is told to come back while the first try is at work [guard: claim-at-work]', async () => {
    const asked = await askPlainly();
    upstream.follow({ replies: { delayBeforeHeadersMs: 400 } });
    const first = all.send(asked);
    await upstream.arrival(upstream.requests.length);
    const second = await all.send(asked);
    expect(second.status).toBe(409);
    expect(second.body).toMatchObject({ code: 'indeterminate', retryable: true });
    expect(second.headers['retry-after']).toBe('2');
    expect((await first).status).toBe(200);
  });

  it('[red] sealed a second time under one jti is a conflict [guard: claim-rh]', async () => {
    const asked = await askPlainly();
    await all.send(asked);
    const [responder] = all.organisation.responders;
    const again = await sealInvocation(asked.question, all.organisation.invoker.signer, {
      urn: responder.urn,
      record: recordOf(responder, 'enc'),
    });
    const response = await all.send({ body: { ...asked.body, inv: again.token } });
    expect(response.status).toBe(422);
    expect(response.body).toMatchObject({ code: 'idempotency_conflict' });
    expect(upstream.completionsOf(asked.question.jti)).toEqual({ started: 1, finished: 1 });
  });

  it('is indeterminate once a stream of it began: streams are not kept', async () => {
    const asked = await askPlainly(stream);
    const first = await all.send(asked);
    expect((await openReply(all.organisation, asked, replyOfStream(first.text))).fin.finish).toBe('stop');
    const second = await all.send(asked);
    expect(second.status).toBe(409);
    expect(second.body).toMatchObject({ code: 'indeterminate', retryable: false });
  });

  it('is indeterminate when its reply is not kept any more', async () => {
    const asked = await askPlainly();
    await all.send(asked);
    await change(asked, { ended_at: LONG_AGO });
    expect((await all.send(asked)).body).toMatchObject({ code: 'indeterminate' });
  });

  it('is indeterminate, for good, when its worker was lost after it began', async () => {
    const asked = await askPlainly();
    await all.send(asked);
    await change(asked, { state: 'running', heartbeat: LONG_AGO });
    expect((await all.send(asked)).body).toMatchObject({ code: 'indeterminate', retryable: false });
    expect(await rowOf(asked)).toMatchObject({ state: 'indeterminate' });
    expect(upstream.completionsOf(asked.question.jti).started).toBe(1);
  });

  it('is run when its worker was lost before it began, under the next fence, and uses nothing up', async () => {
    const asked = await askPlainly();
    const { iss, jti } = asked.question;
    const row = {
      org: all.organisation.org,
      iss,
      jti,
      rh: asked.rh,
      state: 'accepted' as const,
      reply: null,
      heartbeat: LONG_AGO,
    };
    await all.database.db.insertInto('invocation').values(row).execute();
    const response = await all.send(asked);
    expect(response.status).toBe(200);
    expect(await rowOf(asked)).toMatchObject({ state: 'sealed', fence: 2 });
    const uses = await all.database.db
      .selectFrom('envelope_use')
      .selectAll()
      .where('env_jti', '=', asked.envelope.jti)
      .execute();
    expect(uses).toEqual([]);
  });

  it("is not found in another organisation's rows [guard: claim-org]", async () => {
    const asked = await askPlainly();
    const { iss, jti } = asked.question;
    await all.database.db
      .insertInto('invocation')
      .values({ org: 'other', iss, jti, rh: asked.rh, state: 'sealed', reply: '{}' })
      .execute();
    expect((await all.send(asked)).body).toMatchObject({ code: 'idempotency_conflict' });
  });
});

describe('two workers on one question [guard: claim-settled]', () => {
  it('[red] end with one telling: who lost the claim tells a sealed "indeterminate", and the other\'s word stays', async () => {
    const asked = await askPlainly();
    upstream.follow({ replies: { delayBeforeHeadersMs: 400 } });
    const slow = all.send(asked);
    await upstream.arrival(upstream.requests.length);
    await change(asked, { heartbeat: LONG_AGO });
    expect((await all.send(asked)).body).toMatchObject({ code: 'indeterminate' });
    const response = await slow;
    const { fin } = await openReply(all.organisation, asked, response.body as SealedReply).catch(() => ({
      fin: undefined,
    }));
    // Its claim was gone before the end: it either says so inside, or has nothing to say.
    expect(fin?.err?.code ?? codeOf(response.body)).toBe('indeterminate');
    expect(await rowOf(asked)).toMatchObject({ state: 'indeterminate', reply: null });
  });

  it('do not both keep a model at work: who finds the claim gone stops at once [guard: run-lost]', async () => {
    const asked = await askPlainly();
    upstream.follow({ replies: { delayBeforeHeadersMs: 6_000 } });
    const slow = all.send(asked);
    await upstream.arrival(upstream.requests.length);
    await change(asked, { fence: 2 });
    await all.responder.service.app.get(Heartbeats, { strict: false }).beat();
    const response = await Promise.race([slow, pause(3_000)]);
    expect(codeOf(response?.body)).toBe('indeterminate');
  });
});

describe('an envelope', () => {
  it('is good for one question [guard: claim-use] [guard: use-count]', async () => {
    const first = await askPlainly();
    await all.send(first);
    const second = await askPlainly({}, { jti: first.envelope.jti });
    const response = await all.send(second);
    expect(response.status).toBe(409);
    expect(response.body).toMatchObject({ code: 'envelope_replayed' });
    expect(upstream.completionsOf(second.question.jti).started).toBe(0);
  });

  it('is good for as many questions as it says, also when they come together', async () => {
    const jti = mintId('env');
    const questions = await Promise.all(
      Array.from({ length: 8 }, () => askPlainly({}, { jti, pol: { uses: 3, stream: true } })),
    );
    const responses = await Promise.all(questions.map((asked) => all.send(asked)));
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(responses.filter(({ body }) => codeOf(body) === 'envelope_replayed')).toHaveLength(5);
  });
});

describe('a request', () => {
  it('is not taken twice under one signature', async () => {
    const asked = await askPlainly();
    const client = all.responder.client(all.organisation.invoker);
    const nonce = 'AAAAAAAAAAAAAAAAAAAAAA';
    const first = await client.post('/api/v1/invocations', asked.body, { nonce });
    const second = await client.post('/api/v1/invocations', asked.body, { nonce });
    expect([first.status, second.status]).toEqual([200, 401]);
  });

  it('leaves a row in the audit log for a run that failed, with its code', async () => {
    const failed = await askPlainly();
    upstream.follow({ replies: { status: 503, body: '{}' } });
    await all.send(failed);
    const refused = await askPlainly({ vars: {} });
    await all.send(refused);
    expect([await endOf(failed), await endOf(refused)]).toEqual([
      { res: 'error', why: 'upstream_unavailable', obj: { invocation: failed.question.jti, frames: 0, fin: HASH } },
      { res: 'denied', why: 'variable_missing', obj: { invocation: refused.question.jti, frames: 0, fin: HASH } },
    ]);
  });

  it.each([false, true])('names the signed end of its reply in the audit log (stream: %s)', async (streams) => {
    const asked = await askPlainly({ opt: { stream: streams, privacy: 'padded' } });
    const { finToken } = await all.run(asked);
    expect(await endOf(asked)).toMatchObject({ res: 'ok', obj: { fin: await digestB64u(utf8(finToken)) } });
  });

  it('leaves a row in the audit log for the claim, the end, the replay and the refusal', async () => {
    const asked = await askPlainly();
    await all.send(asked);
    await all.send(asked);
    const second = await askPlainly({}, { jti: asked.envelope.jti });
    const { headers } = await all.send(second);
    const rows = await all.database.db
      .selectFrom('audit_event')
      .select(['event', 'request_id'])
      .where('org', '=', all.organisation.org)
      .orderBy('at')
      .execute();
    const told = rows.map(({ event, request_id: id }) => {
      const { act, res, why, obj } = event as { act: string; res: string; why?: string; obj: Record<string, unknown> };
      return { id, jti: obj['invocation'], said: [act, res, why, obj['replayed']] };
    });
    expect(told.filter(({ jti }) => jti === asked.question.jti).map(({ said }) => said)).toEqual([
      ['invocation.run', 'ok', undefined, false],
      ['invocation.finish', 'ok', undefined, undefined],
      ['invocation.run', 'ok', undefined, true],
    ]);
    expect(told.filter(({ id }) => id === headers['x-request-id']).map(({ said }) => said)).toEqual([
      ['invocation.run', 'denied', 'envelope_replayed', undefined],
    ]);
  });
});

function codeOf(body: unknown): unknown {
  return (body as { code?: unknown } | undefined)?.code;
}
