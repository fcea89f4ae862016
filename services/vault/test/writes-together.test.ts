import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parseEnvelope } from '@bulla/crypto';
import type { Database } from '@bulla/service-kit';
import { connectDatabase, EventLog } from '@bulla/service-kit';
import type { SendOptions, TestResponse } from '@bulla/service-kit/testing';
import type { Wire } from '@bulla/testkit';
import { findPostgres, openWire } from '@bulla/testkit';
import { sql } from 'kysely';
import type { VaultTables } from '../src/index.js';
import { EnvelopeSources } from '../src/envelopes/envelope-sources.js';
import type { Bundle, PromptRef, SealedVersion } from './authoring.js';
import { bodyOf, must, publishPrompt, tokenHash } from './authoring.js';
import type { Store, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';
import { untilSettled } from './refusals.js';

const PATH = '/api/v1/envelopes';

type Published = PromptRef & { readonly version: SealedVersion };

function idOf({ env }: Bundle): string {
  return parseEnvelope(env).claims.jti;
}

/** Lets no request go on to its write before so many have read, and something has happened then. */
function together(vault: TestVault, requests: number, meanwhile: () => Promise<unknown> = () => Promise.resolve()) {
  const sources = vault.service.app.get(EnvelopeSources, { strict: false });
  const find = sources.find.bind(sources);
  const all = Promise.withResolvers<unknown>();
  let arrived = 0;
  jest.spyOn(sources, 'find').mockImplementation(async (...of) => {
    const found = await find(...of);
    arrived++;
    if (arrived === requests) all.resolve(meanwhile());
    await all.promise;
    return found;
  });
}

const asking = (vault: TestVault) => {
  const client = vault.clientOf(vault.acme.invoker);
  const aud = vault.acme.responders[0].urn;
  return (prompt: Published, options: SendOptions = {}, changes: object = {}): Promise<TestResponse> =>
    client.post(PATH, { name: prompt.name, label: 'production', aud, ...changes }, options);
};

const statusesOf = (answers: readonly { readonly status: number }[]) =>
  answers.map(({ status }) => status).toSorted((one, other) => one - other);

/** The rows of an envelope: itself, the answer that is kept, and what the audit log says of its issue. */
async function rowsOf({ db }: Database<VaultTables>, jti: string): Promise<readonly number[]> {
  const envelopes = await db.selectFrom('envelope').select('jti').where('jti', '=', jti).execute();
  const issues = await db
    .selectFrom('audit_event')
    .select('org')
    .where(sql`event ->> 'act'`, '=', 'envelope.issue')
    .where(sql`event -> 'obj' ->> 'envelope'`, '=', jti)
    .execute();
  return [envelopes.length, issues.length];
}

describe.each<Store>(['PostgreSQL', 'PGlite'])('envelopes that are asked for in the same moment, on %s', (store) => {
  let vault: TestVault;
  let prompt: Published;
  let ask: ReturnType<typeof asking>;
  beforeAll(async () => {
    vault = await startVault(store);
    ask = asking(vault);
  });
  beforeEach(async () => {
    prompt = await publishPrompt(vault, vault.acme);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });
  afterAll(() => vault.stop());

  it('are each one of their own', async () => {
    together(vault, 30);
    const answers = await Promise.all(Array.from({ length: 30 }, () => ask(prompt)));
    const ids = answers.map((answer) => idOf(bodyOf<Bundle>(must(201, answer))));
    expect(new Set(ids).size).toBe(30);
    for (const id of ids) expect(await rowsOf(vault.database, id)).toEqual([1, 1]);
  });

  it('are settled each for itself, beside pairs of which one cannot be', async () => {
    const withdrawn = await publishPrompt(vault, vault.acme);
    const whash = await tokenHash(withdrawn.version.grants[1] ?? '');
    const author = vault.clientOf(vault.acme.author);
    const key = (name: string) => ({ idempotencyKey: `${name}-${prompt.id}` });
    const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64url');
    const before = await vault.countEffects();
    const send: Record<string, () => Promise<TestResponse>[]> = {
      good: () => Array.from({ length: 6 }, () => ask(prompt)),
      sameNonce: () => [ask(prompt, { nonce }), ask(prompt, { nonce })],
      sameKey: () => [ask(prompt, key('same-question')), ask(prompt, key('same-question'))],
      otherBody: () => [
        ask(prompt, key('other-question')),
        ask(prompt, key('other-question'), { aud: vault.acme.responders[1].urn }),
      ],
      withdrawn: () => [ask(withdrawn)],
    };
    together(vault, 13, () => author.delete(`/api/v1/prompts/${withdrawn.id}/grants/${whash}`));
    const sent = Object.entries(send).map(async ([name, make]) => [name, await Promise.all(make())] as const);
    const answers = Object.fromEntries(await Promise.all(sent)) as Record<keyof typeof send, TestResponse[]>;
    expect(Object.fromEntries(Object.entries(answers).map(([name, of]) => [name, statusesOf(of)]))).toEqual({
      good: [201, 201, 201, 201, 201, 201],
      sameNonce: [201, 401],
      sameKey: [201, 201],
      otherBody: [201, 422],
      withdrawn: [409],
    });
    expect(answers['sameKey']?.[0]?.text).toBe(answers['sameKey']?.[1]?.text);
    expect(answers['withdrawn']).toMatchObject([{ body: { code: 'needs_rewrap' } }]);
    const after = await vault.countEffects();
    expect((after['envelope'] ?? 0) - (before['envelope'] ?? 0)).toBe(9);
    expect((after['idempotency'] ?? 0) - (before['idempotency'] ?? 0)).toBe(9);
  });
});

const describeOnServer = findPostgres() === undefined ? describe.skip : describe;
describeOnServer('on the wire', () => {
  let vault: TestVault;
  let wire: Wire;
  let killer: Database<unknown>;
  let prompt: Published;
  let ask: ReturnType<typeof asking>;
  beforeAll(async () => {
    vault = await startVault('PostgreSQL', 'p256', async (url) => {
      wire = await openWire(url);
      const log = new EventLog({ service: 'killer', level: 'silent' });
      killer = connectDatabase({ from: { url }, schema: 'vault', migrations: {}, applicationName: 'killer', log });
      return wire.url;
    });
    ask = asking(vault);
    prompt = await publishPrompt(vault, vault.acme);
    // What is looked at once in a while is looked at now.
    must(201, await ask(prompt));
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });
  afterAll(async () => {
    await vault.stop();
    await killer.close();
    await wire.close();
  });

  /** Makes each write of envelopes take longer. @returns what ends it */
  async function slowed(how: string, seconds: number): Promise<() => Promise<unknown>> {
    await sql`create function vault.dawdle() returns trigger language plpgsql as ${sql.lit(
      `begin perform pg_sleep(${seconds}); return null; end`,
    )}`.execute(killer.db);
    const kind = sql.raw(how.startsWith('deferrable') ? 'constraint trigger' : 'trigger');
    await sql`create ${kind} dawdle after insert on vault.envelope ${sql.raw(how)} execute function vault.dawdle()`.execute(
      killer.db,
    );
    return () => sql`drop function vault.dawdle() cascade`.execute(killer.db);
  }

  it('thirty envelopes of one prompt are a few reads and a few writes', async () => {
    // As slow as on a disk that waits for its plate to come round.
    const settle = await slowed('for each statement', 0.03);
    const askAll = () => Promise.all(Array.from({ length: 30 }, () => ask(prompt)));
    // Each new connection is a round trip of its own: they are made now.
    await askAll();
    together(vault, 30);
    wire.roundTrips();
    const answers = await askAll();
    expect(wire.roundTrips()).toBeLessThanOrEqual(8 + 8);
    expect(new Set(answers.map((answer) => idOf(bodyOf<Bundle>(must(201, answer))))).size).toBe(30);
    await settle();
  });

  it('those whose write was done, and whose answer was lost, are given out once', async () => {
    const before = await vault.countEffects();
    together(vault, 8, () => Promise.resolve(wire.loseNextAnswer()));
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(prompt)));
    const ids = answers.map((answer) => idOf(bodyOf<Bundle>(must(201, answer))));
    for (const id of ids) expect(await rowsOf(vault.database, id)).toEqual([1, 1]);
    expect((await vault.countEffects())['envelope']).toBe((before['envelope'] ?? 0) + 8);
    expect(vault.log.join('')).not.toContain('"status":503');
  });

  it('what was acknowledged while backends were killed is there once; of the rest the retry tells', async () => {
    // So that there is time to be killed in, before the commit and in it.
    const settle = await slowed('deferrable initially deferred for each row', 0.001);
    let kills = 0;
    const over = new AbortController();
    const killing = (async () => {
      while (!over.signal.aborted) {
        const { rows } = await sql`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name = 'bulla-vault'
          and state = 'active' and query like 'with "given"%'`.execute(killer.db);
        kills += rows.length;
        await pause(20);
      }
    })();
    const before = await vault.countEffects();
    const keys = Array.from({ length: 100 }, (_, index) => `killed-${index}-${prompt.id}`);
    const send = (idempotencyKey: string) => ask(prompt, { idempotencyKey });
    const first = new Map<string, TestResponse>();
    await Promise.all(
      Array.from({ length: 25 }, async (_, worker) => {
        for (const key of keys.filter((_key, index) => index % 25 === worker)) first.set(key, await send(key));
      }),
    );
    over.abort();
    await killing;
    await settle();
    expect(kills).toBeGreaterThan(2);
    const ids = new Set<string>();
    for (const [key, answer] of first) {
      expect([201, 503]).toContain(answer.status);
      const again = bodyOf<Bundle>(must(201, await untilSettled(() => send(key))));
      const acknowledged = answer.status === 201 ? bodyOf<Bundle>(answer).env : again.env;
      expect(again.env).toBe(acknowledged);
      ids.add(idOf(again));
    }
    expect(ids.size).toBe(keys.length);
    const after = await vault.countEffects();
    expect((after['envelope'] ?? 0) - (before['envelope'] ?? 0)).toBe(keys.length);
    expect((after['idempotency'] ?? 0) - (before['idempotency'] ?? 0)).toBe(keys.length);
    const there = await vault.database.db
      .selectFrom('envelope')
      .select('jti')
      .where('jti', 'in', [...ids])
      .execute();
    expect(there).toHaveLength(keys.length);
  });
});
