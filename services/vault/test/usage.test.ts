import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { AcceptedUsage, UsageCount, UsagePage } from '@bulla/contract';
import { REPORT_RUNS_MAX, RUN_NANOS_MAX, RUN_TOKENS_MAX, USAGE_SUM_MAX } from '@bulla/contract';
import { SignedClient } from '@bulla/service-kit/testing';
import { sql } from 'kysely';
import { PastUsage } from '../src/usage/past-usage.js';
import type { PromptRef } from './authoring.js';
import { bodyOf, createPrompt, mintId, must } from './authoring.js';
import { countStatuses, expectRefusal, untilSettled } from './refusals.js';
import type { TestMember, TestVault } from './running-vault.js';
import { contract, startVault } from './running-vault.js';
import { usageCount } from './samples.js';

const PATH = '/api/v1/usage';
const HOUR_MS = 3_600_000;

let vault: TestVault;
let prompt: PromptRef;
beforeAll(async () => {
  vault = await startVault();
  prompt = await createPrompt(vault, vault.acme);
});
afterEach(async () => {
  await vault.database.db.deleteFrom('usage_hour').execute();
  await vault.database.db.deleteFrom('usage_report').execute();
});
afterAll(() => vault.stop());

const count = (changes: Partial<UsageCount> = {}) => usageCount(vault.acme, changes);
const reportAs = (member: TestMember, counts: readonly UsageCount[], report: string = mintId('usg')) =>
  vault.clientOf(member).post(PATH, { report, counts });
const report = async (counts: readonly UsageCount[], id?: string) =>
  bodyOf<AcceptedUsage>(must(200, await reportAs(vault.acme.responders[0], counts, id))).taken;
const list = async (query = '', member: TestMember = vault.acme.owner) =>
  bodyOf<UsagePage>(must(200, await vault.clientOf(member).get(`${PATH}${query}`)));
/** The hour that is so many hours before the one of the organisation. */
const hourBefore = (hours: number) => new Date(Date.parse(count().hour) - hours * HOUR_MS).toISOString();
const usd = (nanos: number) => [{ currency: 'USD', nanos }];
const responderOf = () => ({ responder: vault.acme.responders[0].urn });
const sums = (times: number) => ({
  runs: 3 * times,
  failed: times,
  uncounted: 0,
  unpriced: 0,
  input_tokens: 120 * times,
  output_tokens: 30 * times,
  costs: usd(900 * times),
});
const [SUMS, doubled] = [sums(1), sums(2)];

describe('a report of usage', () => {
  it('is added to what is there, and once, however often it comes [guard: usage-report-once]', async () => {
    const id = mintId('usg');
    expect(await report([count()], id)).toBe(1);
    expect(await report([count()], id)).toBe(0);
    expect((await list()).data).toEqual([{ ...responderOf(), model: 'small', ...SUMS }]);
    expect(await report([count(), count({ model: 'large' })])).toBe(2);
    expect((await list()).data.find(({ model }) => model === 'small')).toEqual({
      ...responderOf(),
      model: 'small',
      ...doubled,
    });
  });

  it('counts once where it comes fifty times at once, at two processes', async () => {
    const replica = await vault.startReplica();
    const id = mintId('usg');
    const [member] = vault.acme.responders;
    const atReplica = new SignedClient(replica, member, { now: () => vault.clock.now(), contract });
    const counts = [count(), count({ prompt: prompt.id })];
    const sent = Array.from({ length: 50 }, (_, index) => {
      const client = index % 2 === 0 ? atReplica : vault.clientOf(member);
      return untilSettled(() => client.post(PATH, { report: id, counts }));
    });
    const answers = await Promise.all(sent);
    expect(countStatuses(answers)).toEqual({ 200: 50 });
    const taken = answers.map((answer) => bodyOf<AcceptedUsage>(answer).taken);
    expect(taken.toSorted((a, b) => b - a)).toEqual([2, ...Array.from({ length: 49 }, () => 0)]);
    expect((await list()).data).toEqual([{ ...responderOf(), model: 'small', ...doubled }]);
  });

  it('is taken of responders alone [guard: usage-responder]', async () => {
    // The vault itself is a service of the directory, too.
    await expectRefusal(vault, () => reportAs(vault.acme.vault, [count()]), 403, 'forbidden');
  });

  it('is of the responder that brings it: another one with the same id is another report', async () => {
    const id = mintId('usg');
    const [first, second] = vault.acme.responders;
    for (const member of [first, second]) must(200, await reportAs(member, [count()], id));
    const own = [first, second].map(({ urn }) => ({ responder: urn, model: 'small', ...SUMS }));
    expect((await list()).data).toEqual(own.toSorted((left, right) => (left.responder < right.responder ? -1 : 1)));
    const rows = await vault.database.db.selectFrom('usage_hour').select('responder').execute();
    expect(rows.map(({ responder }) => responder).toSorted()).toEqual([first.urn, second.urn].toSorted());
  });

  it('is of hours that have begun [guard: usage-future]', async () => {
    await expectRefusal(
      vault,
      () => reportAs(vault.acme.responders[0], [count(), count({ hour: hourBefore(-2) })]),
      400,
      'validation_failed',
    );
  });

  it('is of askers of the same organisation [guard: usage-asker-org]', async () => {
    const device = vault.other.invoker.urn;
    await expectRefusal(vault, () => reportAs(vault.acme.responders[0], [count({ device })]), 400, 'validation_failed');
  });

  it('counts nothing twice [guard: usage-twice]', async () => {
    const counts = [count(), count({ model: 'large' }), count({ runs: 7 })];
    await expectRefusal(vault, () => reportAs(vault.acme.responders[0], counts), 400, 'validation_failed');
  });

  it('adds nothing of hours that are kept no more [guard: usage-past]', async () => {
    expect(await report([count(), count({ hour: hourBefore(24 * 401) })])).toBe(1);
    expect((await list()).data).toEqual([{ ...responderOf(), model: 'small', ...SUMS }]);
  });

  it.each<[string, Partial<UsageCount>]>([
    ['tokens asked [guard: usage-run-tokens]', { input_tokens: 3 * RUN_TOKENS_MAX + 1 }],
    ['tokens answered', { output_tokens: USAGE_SUM_MAX }],
    ['tokens of runs whose model did not count them', { uncounted: 3, input_tokens: 1 }],
    ['cost [guard: usage-run-cost]', { cost: { currency: 'USD', nanos: 3 * RUN_NANOS_MAX + 1 } }],
  ])('has no more than so many runs can take: %s', async (_name, changes) => {
    await expectRefusal(
      vault,
      () => reportAs(vault.acme.responders[0], [count(), count({ model: 'large', ...changes })]),
      400,
      'validation_failed',
    );
    const cost = { currency: 'USD', nanos: 3 * RUN_NANOS_MAX };
    const most = count({ input_tokens: 3 * RUN_TOKENS_MAX, output_tokens: 3 * RUN_TOKENS_MAX, cost });
    expect(await report([most])).toBe(1);
  });

  it('is of no more runs than a responder gathers at once [guard: usage-report-runs]', async () => {
    const half = count({ runs: REPORT_RUNS_MAX / 2 });
    const [member] = vault.acme.responders;
    const counts = [half, { ...half, model: 'large' }];
    await expectRefusal(
      vault,
      () => reportAs(member, [...counts, count({ model: 'other' })]),
      400,
      'validation_failed',
    );
    expect(await report(counts)).toBe(2);
  });

  it('stops at what JSON can hold, and takes nothing of what another responder counts with it', async () => {
    const [liar, honest] = vault.acme.responders;
    const cost = { currency: 'USD', nanos: 3 * RUN_NANOS_MAX };
    const most = count({ input_tokens: 3 * RUN_TOKENS_MAX, output_tokens: 3 * RUN_TOKENS_MAX, cost });
    await report([most, { ...most, hour: hourBefore(1) }]);
    // As after millions of such reports.
    const pinned = { input_tokens: USAGE_SUM_MAX, output_tokens: USAGE_SUM_MAX, cost_nanos: USAGE_SUM_MAX };
    await vault.database.db.updateTable('usage_hour').set(pinned).execute();
    await report([most]);
    must(200, await reportAs(honest, [count()]));
    const stopped = { input_tokens: USAGE_SUM_MAX, output_tokens: USAGE_SUM_MAX, costs: usd(USAGE_SUM_MAX) };
    const { data } = await list();
    expect(data).toHaveLength(2);
    expect(data).toContainEqual({ responder: liar.urn, model: 'small', ...sums(3), ...stopped });
    expect(data).toContainEqual({ responder: honest.urn, model: 'small', ...SUMS });
  });
});

describe('usage', () => {
  it('is added up by asker, prompt, model, hour and day', async () => {
    const { invoker } = vault.acme;
    const gateway = 'urn:bulla:acme:svc:gateway:edge';
    const gone = mintId('prm');
    await report([
      count({ prompt: prompt.id, hour: hourBefore(1) }),
      count({ device: gateway, prompt: gone, model: 'größer' }),
      count(),
      count({ hour: hourBefore(48) }),
    ]);
    const keys = async (what: string) =>
      (await list(`?by=${what}`)).data.map(({ device, prompt: id, name, model, from, ...rest }) => {
        expect(rest).toEqual({ ...responderOf(), ...sums(rest.runs / 3) });
        const key = { device, prompt: id, name, model, from };
        return [rest.runs, JSON.parse(JSON.stringify(key)) as typeof key] as const;
      });
    const sorted = <Item>(items: readonly Item[]) =>
      items.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    expect(sorted(await keys('device'))).toEqual(
      sorted([
        [9, { device: invoker.urn }],
        [3, { device: gateway }],
      ]),
    );
    expect(sorted(await keys('prompt'))).toEqual(
      sorted([
        [6, { prompt: null, name: null }],
        [3, { prompt: prompt.id, name: prompt.name }],
        [3, { prompt: gone, name: null }],
      ]),
    );
    expect(sorted(await keys('model'))).toEqual(
      sorted([
        [9, { model: 'small' }],
        [3, { model: 'größer' }],
      ]),
    );
    const hours = [hourBefore(48), hourBefore(1), hourBefore(0)];
    expect((await keys('hour')).map(([runs, { from }]) => [from, runs])).toEqual(
      hours.map((hour, index) => [hour, index === 2 ? 6 : 3]),
    );
    const days = [...new Set(hours.map((hour) => `${hour.slice(0, 10)}T00:00:00.000Z`))];
    expect((await keys('day')).map(([, { from }]) => from)).toEqual(days);
  });

  it('is of the hours between two moments, the hour of the first with it', async () => {
    await report([0, 1, 2, 3].map((hours) => count({ hour: hourBefore(hours) })));
    const within = async (query: string) => (await list(`?by=hour&${query}`)).data.map(({ from }) => from);
    const halfPast = (hours: number) => new Date(Date.parse(hourBefore(hours)) + HOUR_MS / 2).toISOString();
    expect(await within(`since=${halfPast(2)}`)).toEqual([2, 1, 0].map(hourBefore));
    expect(await within(`until=${hourBefore(1)}`)).toEqual([3, 2].map(hourBefore));
    expect(await within(`since=${hourBefore(2)}&until=${halfPast(2)}`)).toEqual([hourBefore(2)]);
  });

  it.each(['device', 'prompt', 'model', 'hour', 'day'])('by %s comes in pages, each sum once', async (by) => {
    const { invoker, author, owner } = vault.acme;
    await report(
      [invoker, author, owner].map(({ urn }, index) =>
        count({
          device: urn,
          prompt: index === 0 ? null : mintId('prm'),
          model: `model-${index}`,
          hour: hourBefore(24 * index),
        }),
      ),
    );
    const { data: all } = await list(`?by=${by}`);
    expect(all).toHaveLength(3);
    const pages = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page: UsagePage = await list(`?by=${by}&limit=1${cursor === undefined ? '' : `&cursor=${cursor}`}`);
      pages.push(page.data);
      cursor = page.next_cursor;
    }
    expect(pages.map((page) => page.length)).toEqual([1, 1, 1]);
    expect(pages.flat()).toEqual(all);
  });

  it('comes in pages of one responder after the other, each sum once', async () => {
    for (const member of vault.acme.responders) must(200, await reportAs(member, [count(), count({ model: 'large' })]));
    const { data: all } = await list();
    expect(all).toHaveLength(2 * vault.acme.responders.length);
    const found = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page: UsagePage = await list(`?limit=1${cursor === undefined ? '' : `&cursor=${cursor}`}`);
      found.push(...page.data);
      cursor = page.next_cursor;
    }
    expect(found).toEqual(all);
  });

  it('goes on with no cursor from sums by something else [guard: usage-cursor]', async () => {
    await report([count(), count({ model: 'large' })]);
    const { next_cursor: cursor } = await list('?by=model&limit=1');
    const path = `${PATH}?by=device&limit=1&cursor=${cursor}`;
    await expectRefusal(vault, () => vault.clientOf(vault.acme.owner).get(path), 400, 'validation_failed');
  });

  it('is all there is for owners, admins and auditors, and for others that of their own device [guard: usage-own]', async () => {
    const { owner, auditor, author, invoker } = vault.acme;
    await report([count(), count({ device: author.urn })]);
    for (const member of [owner, auditor]) expect((await list('?by=device', member)).data).toHaveLength(2);
    for (const member of [author, invoker])
      expect((await list('?by=device', member)).data).toEqual([{ ...responderOf(), device: member.urn, ...SUMS }]);
  });

  it('of one organisation is seen by no other [guard: org-usage]', async () => {
    const { other } = vault;
    await report([count()]);
    expect((await list('', other.owner)).data).toEqual([]);
    must(200, await reportAs(other.responders[0], [usageCount(other)]));
    const [{ urn: responder }] = other.responders;
    expect((await list('?by=device', other.owner)).data).toEqual([{ responder, device: other.invoker.urn, ...SUMS }]);
    expect((await list('?by=device')).data).toEqual([{ ...responderOf(), device: vault.acme.invoker.urn, ...SUMS }]);
  });

  it('tells no name of a prompt of another organisation [guard: org-usage-names]', async () => {
    const { other } = vault;
    must(200, await reportAs(other.responders[0], [usageCount(other, { prompt: prompt.id })]));
    const [{ urn: responder }] = other.responders;
    expect((await list('?by=prompt', other.owner)).data).toEqual([
      { responder, prompt: prompt.id, name: null, ...SUMS },
    ]);
  });
});

describe('costs', () => {
  it('are added up by currency, and runs without one are counted', async () => {
    const eur = { currency: 'EUR', nanos: 7_000 };
    await report([count(), count({ cost: eur }), count({ cost: null }), count({ cost: eur, hour: hourBefore(1) })]);
    const [sum] = (await list()).data;
    expect(sum).toEqual({
      ...responderOf(),
      model: 'small',
      ...sums(4),
      unpriced: 3,
      costs: [{ ...eur, nanos: 14_000 }, ...usd(900)],
    });
  });

  it('are of sixteen currencies at most, whatever a responder reports', async () => {
    const letters = 'ABCDEFGHIJKLMNOPQRST'.split('');
    await report(letters.map((letter, nanos) => count({ cost: { currency: `XX${letter}`, nanos } })));
    const [sum] = (await list()).data;
    expect(sum?.runs).toBe(60);
    const largest = letters.slice(4).toReversed();
    expect(sum?.costs.map(({ currency }) => currency)).toEqual(largest.map((letter) => `XX${letter}`));
  });
});

describe('usage that is past its time', () => {
  const rows = async () => {
    const { db } = vault.database;
    const [hours, reports] = [db.selectFrom('usage_hour').select('hour'), db.selectFrom('usage_report').select('id')];
    return [(await hours.execute()).length, (await reports.execute()).length];
  };
  const age = (days: number) => sql<Date>`now() - make_interval(days => ${days})` as never;
  const purge = () => vault.service.app.get(PastUsage, { strict: false }).purge();

  it('goes, and the reports that it came with a day later', async () => {
    const { db } = vault.database;
    await report([count()]);
    for (const [days, left] of [
      [399, [1, 1]],
      [401, [0, 1]],
    ] as const) {
      await db
        .updateTable('usage_hour')
        .set({ hour: age(days) })
        .execute();
      await db
        .updateTable('usage_report')
        .set({ created_at: sql`${age(days)} + interval '12 hours'` as never })
        .execute();
      await purge();
      expect(await rows()).toEqual(left);
    }
    await db
      .updateTable('usage_report')
      .set({ created_at: age(402) })
      .execute();
    await purge();
    expect(await rows()).toEqual([0, 0]);
  });

  it('stays while a clock is wrong [guard: usage-purge-drifted] [guard: usage-report-purge-drifted]', async () => {
    const { db } = vault.database;
    await report([count()]);
    await db
      .updateTable('usage_hour')
      .set({ hour: age(500) })
      .execute();
    await db
      .updateTable('usage_report')
      .set({ created_at: age(500) })
      .execute();
    vault.clock.drift(3_600);
    await purge();
    vault.clock.drift(0);
    expect(await rows()).toEqual([1, 1]);
    await purge();
    expect(await rows()).toEqual([0, 0]);
  });
});
