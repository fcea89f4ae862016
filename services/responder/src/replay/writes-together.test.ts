import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mintId } from '@bulla/crypto';
import type { Signatory } from '@bulla/service-kit';
import { outboxForTest } from '@bulla/service-kit/testing';
import type { Wire } from '@bulla/testkit';
import { findPostgres, growthOf, openWire, statementsOf } from '@bulla/testkit';
import { sql } from 'kysely';
import pg from 'pg';
import { openDatabase, silent } from '../../test/responder-fixture.js';
import { countedRun } from '../usage/run-usage.js';
import { ClaimsRepository } from './claims.repository.js';
import { FIRST_CLAIM } from './first-claim.js';
import type { FirstClaim } from './first-claim.js';
import { RestoreMarkRepository } from './restore-mark.repository.js';
import { GIVING_UP, SEALING } from './run-ends.js';

const { outbox } = outboxForTest();

const ISS = 'urn:bulla:acme:dev:x';

/** With all that an array of texts has to quote. */
const replyOf = (jti: string) => JSON.stringify({ of: jti, said: '\\ " {}, NULL' });

const sorted = (questions: readonly FirstClaim[]) => questions.map(({ jti }) => jti).toSorted();
/** What each run took. */
const TOOK = { model: 'small', failed: false, tokens: { input: 7, output: 2 }, cost: { currency: 'USD', nanos: 40 } };

type Opened = Awaited<ReturnType<typeof openDatabase>>;

/** Claims and ends of runs on a database, many at a time. */
async function claimsOn(opened: Opened) {
  const { db } = opened.database;
  const renewed = await new RestoreMarkRepository(db).renew('acme');
  if (renewed === undefined) throw new Error('the database had a mark');
  const question = (changes: Partial<FirstClaim> = {}): FirstClaim => ({
    org: 'acme',
    iss: ISS,
    jti: mintId('inv'),
    rh: 'rh',
    envelope: mintId('env'),
    max: 1,
    expiresAt: new Date(8e12),
    issuedAt: renewed.notBefore,
    directoryVersion: 1,
    directoryHash: 'hash',
    generation: renewed.mark.generation,
    mark: renewed.mark.id,
    ...changes,
  });
  const claim = async (own: FirstClaim, nonce = mintId('inv')) => {
    const evidence = {
      type: 'signature',
      nonce,
      expires: 8e9,
      sha256: 'hash',
      base: 'base',
      signature: 'c2ln',
    } as const;
    const request = { id: own.jti } as Signatory['request'];
    const decision = { isRecorded: false };
    const by = { org: 'acme', urn: ISS, kid: 'k', keyid: `${ISS}#k`, kind: 'device' } as const;
    const caller: Signatory = { ...by, request, evidence, decision };
    const event = JSON.stringify({ act: 'claimed', rid: own.jti });
    const row = outbox.seal({ org: 'acme', event, evidence: JSON.stringify(evidence) });
    return (await FIRST_CLAIM.run(db, { caller, row, machineMs: Date.now(), own })) !== undefined;
  };
  const end = (change: typeof SEALING | typeof GIVING_UP, { jti }: FirstClaim, fence = 1) => {
    const own = { org: 'acme', iss: ISS, jti, fence, reply: replyOf(jti), ...countedRun(TOOK, jti) };
    const event = JSON.stringify({ act: 'ended', rid: jti });
    return change.run(db, outbox.seal({ org: 'acme', event, evidence: null }), own);
  };
  const begin = () => db.updateTable('invocation').set({ state: 'running' }).where('state', '=', 'accepted').execute();
  const rowsOf = async ({ jti }: FirstClaim) => ({
    invocation: await db.selectFrom('invocation').select(['state', 'reply']).where('jti', '=', jti).execute(),
    audit: (await db.selectFrom('audit_event').select('event').where('request_id', '=', jti).execute()).map(
      ({ event }) => (event as { act: string }).act,
    ),
  });
  /** What is counted of runs, each by its question, which stands where prompts stand. */
  const tookOf = async (questions: readonly FirstClaim[]) => {
    const jtis = questions.map(({ jti }) => jti);
    const columns = ['prompt', 'device', 'model', 'failed', 'input_tokens', 'output_tokens', 'cost_nanos'] as const;
    return db.selectFrom('usage_run').select(columns).where('prompt', 'in', jtis).orderBy('prompt').execute();
  };
  const count = async (table: 'http_nonce' | 'invocation' | 'envelope_use' | 'audit_event') =>
    (await sql<{ n: number }>`select count(*)::int as n from ${sql.table(`responder.${table}`)}`.execute(db)).rows[0]
      ?.n ?? 0;
  const counts = async () => [
    await count('http_nonce'),
    await count('invocation'),
    await count('envelope_use'),
    await count('audit_event'),
  ];
  return { db, question, claim, end, begin, rowsOf, tookOf, counts };
}

describe.each(['server', 'embedded'] as const)(
  'claims and ends that come in the same moment, in the %s database',
  (kind) => {
    let opened: Opened;
    let on: Awaited<ReturnType<typeof claimsOn>>;
    beforeAll(async () => {
      opened = await openDatabase(kind);
      on = await claimsOn(opened);
    });
    afterAll(() => opened.drop());

    it('are settled each for itself: questions, nonces, and the last uses of envelopes', async () => {
      const before = await on.counts();
      const twice = on.question();
      const [envelope, nonce] = [mintId('env'), mintId('inv')];
      const many = Array.from({ length: 12 }, () => on.question());
      const claims = [
        ...many.map((own) => on.claim(own)),
        on.claim(twice),
        on.claim({ ...twice, envelope: mintId('env') }),
        ...Array.from({ length: 3 }, () => on.claim(on.question({ envelope, max: 2 }))),
        on.claim(on.question(), nonce),
        on.claim(on.question(), nonce),
        on.claim(on.question({ issuedAt: 0 })),
      ];
      const done = await Promise.all(claims);
      expect(done.slice(0, 12)).toEqual(many.map(() => true));
      expect(done.slice(12)).toEqual([true, false, true, true, false, true, false, false]);
      expect(await on.counts()).toEqual([16, 16, 15, 16].map((more, index) => more + (before[index] ?? 0)));
    });

    it('end each their own run, with its reply, and none that was lost', async () => {
      const questions = Array.from({ length: 9 }, () => on.question());
      await Promise.all(questions.map((own) => on.claim(own)));
      await on.begin();
      const [one, lost, twice, ...others] = questions as [FirstClaim, FirstClaim, FirstClaim, ...FirstClaim[]];
      const ends = [
        on.end(SEALING, one),
        on.end(SEALING, lost, 2),
        on.end(SEALING, twice),
        on.end(SEALING, twice),
        ...others.map((own) => on.end(SEALING, own)),
        on.end(GIVING_UP, lost),
        on.end(GIVING_UP, one),
      ];
      expect(await Promise.all(ends)).toEqual([1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 0]);
      for (const own of [one, twice, ...others]) {
        const reply = replyOf(own.jti);
        expect(await on.rowsOf(own)).toEqual({ invocation: [{ state: 'sealed', reply }], audit: ['claimed', 'ended'] });
      }
      expect(await on.rowsOf(lost)).toMatchObject({ invocation: [{ state: 'indeterminate', reply: null }] });
      const took = { device: ISS, model: 'small', failed: false, input_tokens: 7, output_tokens: 2, cost_nanos: 40 };
      expect(await on.tookOf(questions)).toEqual(sorted(questions).map((prompt) => ({ prompt, ...took })));
    });
  },
);

const describeOnServer = findPostgres() === undefined ? describe.skip : describe;
describeOnServer('claims and ends on the wire', () => {
  let wire: Wire;
  let opened: Opened;
  let on: Awaited<ReturnType<typeof claimsOn>>;
  let questions: FirstClaim[];
  beforeAll(async () => {
    opened = await openDatabase('server', silent(), async (url) => (wire = await openWire(url)).url);
    on = await claimsOn(opened);
  });
  beforeEach(() => {
    questions = Array.from({ length: 8 }, () => on.question());
  });
  afterAll(async () => {
    await opened.drop();
    await wire.close();
  });
  const claimAll = () => Promise.all(questions.map((own) => on.claim(own)));

  it('are two writes where eight come while the first is on its way', async () => {
    await claimAll();
    await on.begin();
    wire.roundTrips();
    questions = Array.from({ length: 8 }, () => on.question());
    expect(new Set(await claimAll())).toEqual(new Set([true]));
    expect(wire.roundTrips()).toBe(2);
    await on.begin();
    wire.roundTrips();
    await Promise.all(questions.map((own) => on.end(SEALING, own)));
    expect(wire.roundTrips()).toBe(2);
  });

  it('begin as one write where eight begin while the first does, each its own and none twice', async () => {
    await claimAll();
    const claims = new ClaimsRepository(on.db);
    const begin = ({ org, iss, jti }: FirstClaim, fence = 1) => claims.begin({ org, iss, jti }, fence);
    const [one, lost, ...others] = questions as [FirstClaim, FirstClaim, ...FirstClaim[]];
    wire.roundTrips();
    const begun = Promise.all([begin(one), begin(lost, 2), ...others.map((own) => begin(own))]);
    expect(await begun).toEqual([true, false, ...others.map(() => true)]);
    expect(wire.roundTrips()).toBe(2);
    expect(await Promise.all([begin(one), begin(lost)])).toEqual([false, true]);
    expect(await on.rowsOf(lost)).toMatchObject({ invocation: [{ state: 'running' }], audit: ['claimed'] });
  });

  it('begin once where the answer was lost', async () => {
    await claimAll();
    const claims = new ClaimsRepository(on.db);
    wire.loseNextAnswer();
    expect(await Promise.all(questions.map(({ org, iss, jti }) => claims.begin({ org, iss, jti }, 1)))).toEqual(
      questions.map(() => true),
    );
  });

  it('read single rows from the first one on: a plan is kept while its tables grow', async () => {
    const client = new pg.Client({ connectionString: wire.url });
    await client.connect();
    try {
      const [one] = questions as [FirstClaim];
      const sent = await statementsOf('responder', async () => {
        await on.claim(one);
        await new ClaimsRepository(on.db).begin({ org: one.org, iss: one.iss, jti: one.jti }, 1);
        await on.end(SEALING, one);
      });
      const plans = {
        mode: 'force_generic_plan',
        tables: ['invocation', 'envelope_use', 'http_nonce'],
        rowsMax: 99,
      } as const;
      for (const statement of sent) expect(await growthOf(client, statement, plans)).toEqual([]);
      expect(sent).toHaveLength(3);
    } finally {
      await client.end();
    }
  });

  it('are not taken back, and not said to be refused, where their answer was lost', async () => {
    wire.loseNextAnswer();
    expect(await claimAll()).toEqual(questions.map(() => true));
    await on.begin();
    wire.loseNextAnswer();
    expect(await Promise.all(questions.map((own) => on.end(SEALING, own)))).toEqual(questions.map(() => 1));
    for (const own of questions)
      expect(await on.rowsOf(own)).toMatchObject({ invocation: [{ state: 'sealed' }], audit: ['claimed', 'ended'] });
    expect((await on.tookOf(questions)).map(({ prompt }) => prompt)).toEqual(sorted(questions));
  });

  it('are done beside one that another process claims in the same moment', async () => {
    const { db } = on;
    const [contested] = questions as [FirstClaim];
    const before = await on.counts();
    let claimed: Promise<boolean[]> = Promise.resolve([]);
    await db.transaction().execute(async (trx) => {
      const { org, iss, jti } = contested;
      await trx.insertInto('invocation').values({ org, iss, jti, rh: 'rh', state: 'accepted', reply: null }).execute();
      // One that is on its way, so that the others travel together.
      const first = on.claim(on.question());
      claimed = claimAll();
      await first;
      const waiting = sql<{ n: number }>`
        select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
      while ((await waiting.execute(db)).rows[0]?.n === 0) await pause(5);
    });
    expect(await claimed).toEqual(questions.map((own) => own !== contested));
    expect(await on.counts()).toEqual([8, 9, 8, 8].map((more, index) => more + (before[index] ?? 0)));
  });
});
