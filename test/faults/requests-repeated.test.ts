import { randomUUID } from 'node:crypto';
import { mintId } from '@bulla/crypto';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { query } from './postgres-control.js';
import { type ResponderWorld, startResponderWorld } from './responder-world.js';
import { call, type HttpAnswer, send, signedMessage } from './signed-requests.js';
import { startVaultWorld, type VaultWorld } from './vault-world.js';

// F38: the same request many times at once, over fifty connections.

const TIMES = 50;
const databases = [await databaseForTest(), await databaseForTest()];
const [vaultUrl = '', responderUrl = ''] = databases.map(({ url }) => url ?? '');
const withServer = vaultUrl === '' ? describe.skip : describe;
afterAll(async () => {
  for (const database of databases) await database.drop();
});

const times = <Value>(make: () => Promise<Value>) => Promise.all(Array.from({ length: TIMES }, make));
const withStatus = (answers: readonly HttpAnswer[], status: number) =>
  answers.filter((answer) => answer.status === status);
const codeOf = ({ body }: HttpAnswer) => (body as { code?: string }).code;

withServer('fifty requests at once to the vault', () => {
  let world: VaultWorld;
  beforeAll(async () => {
    world = await startVaultWorld(vaultUrl);
  });
  afterAll(() => world.stop());

  const newPrompt = () => ({ id: mintId('prm'), name: `repeated/${randomUUID()}`, type: 'text' });
  const rowsOf = async ({ id }: { id: string }) =>
    (await query({ url: vaultUrl }, `select 1 from vault.prompt where id = '${id}'`)).length;

  it('with one Idempotency-Key have one effect and one answer', async () => {
    const body = newPrompt();
    const options = { body, idempotencyKey: randomUUID() };
    const { url } = world.vault;
    const answers = await times(() => call(url, world.organisation.author, 'POST', '/api/v1/prompts', options));
    const made = withStatus(answers, 201);
    expect(made.length).toBeGreaterThan(0);
    expect(new Set(made.map(({ text }) => text)).size).toBe(1);
    expect(made.filter(({ headers }) => headers['idempotent-replayed'] === undefined)).toHaveLength(1);
    const others = answers.filter(({ status }) => status !== 201);
    expect(
      others.filter((one) => one.headers['retry-after'] === undefined || ![409, 503].includes(one.status)),
    ).toEqual([]);
    expect(await rowsOf(body)).toBe(1);
    expect(await call(url, world.organisation.author, 'POST', '/api/v1/prompts', options)).toMatchObject({
      status: 201,
      text: made[0]?.text,
      headers: { 'idempotent-replayed': '?1' },
    });
  });

  it('with one signature have one effect, and the others are refused', async () => {
    const body = newPrompt();
    const message = await signedMessage(world.vault.url, world.organisation.author, 'POST', '/api/v1/prompts', {
      body,
    });
    const answers = await times(() => send(world.vault.url, message));
    expect(withStatus(answers, 201)).toHaveLength(1);
    const refused = answers.filter(({ status }) => status !== 201);
    expect(refused.filter((one) => codeOf(one) !== 'unauthenticated' && one.status !== 503)).toEqual([]);
    expect(await rowsOf(body)).toBe(1);
  });

  it('with one Idempotency-Key and fifty bodies have the effect of one of them', async () => {
    const idempotencyKey = randomUUID();
    const bodies: { id: string }[] = [];
    const answers = await times(() => {
      const body = newPrompt();
      bodies.push(body);
      return call(world.vault.url, world.organisation.author, 'POST', '/api/v1/prompts', { body, idempotencyKey });
    });
    expect(withStatus(answers, 201)).toHaveLength(1);
    const refused = answers.filter(({ status }) => status !== 201 && status !== 422);
    expect(refused.filter(({ headers }) => headers['retry-after'] === undefined)).toEqual([]);
    expect(new Set(withStatus(answers, 422).map(codeOf))).toEqual(new Set(['idempotency_conflict']));
    const rows = await Promise.all(bodies.map(rowsOf));
    expect(rows.reduce((sum, row) => sum + row, 0)).toBe(1);
  });
});

withServer('fifty requests at once to the responder', () => {
  let world: ResponderWorld;
  beforeAll(async () => {
    // One key asks all of it.
    const runs = { BULLA_LIMIT_RUNS_PER_KEY: '1000', BULLA_LIMIT_RUNS_PER_ORG: '1000' };
    world = await startResponderWorld(responderUrl, runs);
  });
  afterEach(() => world.upstream.follow({}));
  afterAll(() => world.stop());

  it.each([false, true])('with one question are one run (stream: %s)', async (stream) => {
    world.upstream.follow({ replies: { tokens: ['once'], delayBeforeTokensMs: 300 } });
    const asked = await world.question({ question: { opt: { stream, privacy: 'padded' } } });
    const answers = await times(() => world.send(asked));
    expect(world.upstream.completionsOf(asked.question.jti)).toEqual({ started: 1, finished: 1 });
    const answered = withStatus(answers, 200);
    expect(answered.length).toBeGreaterThan(0);
    expect(new Set(answered.map(({ text }) => text)).size).toBe(1);
    const [outcome] = await Promise.all(answered.slice(0, 1).map((answer) => world.outcome(asked, answer)));
    expect(outcome).toMatchObject({ kind: 'answer', text: 'once' });
    const others = answers.filter(({ status }) => status !== 200);
    expect(others.filter((one) => ![409, 503].includes(one.status))).toEqual([]);
  });

  it('with one envelope and fifty questions are as many runs as the envelope allows', async () => {
    const jti = mintId('env');
    const completions = () => world.upstream.requests.filter(({ path }) => path === '/v1/chat/completions').length;
    const before = completions();
    const outcomes = await times(async () => {
      const asked = await world.question({ envelope: { jti, pol: { uses: 3, stream: true } } });
      return world.outcome(asked, await world.send(asked));
    });
    expect(outcomes.filter(({ kind }) => kind === 'answer')).toHaveLength(3);
    const codes = new Set(outcomes.map((outcome) => ('code' in outcome ? outcome.code : outcome.kind)));
    expect([...codes].filter((code) => !['answer', 'envelope_replayed', 'overloaded'].includes(code))).toEqual([]);
    expect(completions() - before).toBe(3);
  });
});
