import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { RouteBody } from '@bulla/contract';
import { NewUsage } from '@bulla/contract';
import { mintId } from '@bulla/crypto';
import type { Chores } from '@bulla/service-kit';
import { EventLog } from '@bulla/service-kit';
import { TestClock } from '@bulla/service-kit/testing';
import fc from 'fast-check';
import { sql } from 'kysely';
import { openDatabase } from '../../test/responder-fixture.js';
import { VaultRefused } from '../vault/vault-requests.js';
import type { WaitingReport } from './usage.repository.js';
import { UsageRepository } from './usage.repository.js';
import { UsageReportsService } from './usage-reports.service.js';

// What runs took reaches the vault, each run once, no matter who is killed when.

/** What a vault does with a report, and whether its answer arrives. */
type Doing = 'takes' | 'loses the answer' | 'is down' | 'is busy' | 'refuses' | 'kills' | 'takes and kills';

const HOUR_MS = 3_600_000;
/** In the middle of an hour that is over. */
const NOW_MS = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - HOUR_MS / 2;

/** A vault that knows reports by their ids, as `usage_report` of the real one does. */
class ToldVault {
  readonly reports = new Map<string, NewUsage['counts']>();
  readonly asked: string[] = [];
  /** Reports that came again with other counts. */
  readonly changed: string[] = [];
  doing: Doing[] = [];

  async ask(_name: 'usage.report', _trust: unknown, { body }: { body?: object }): Promise<{ taken: number }> {
    const { report, counts }: RouteBody<'usage.report'> = NewUsage.parse(body);
    this.asked.push(report);
    const doing = this.doing.shift() ?? 'takes';
    if (doing === 'is down') throw new VaultRefused('no_connection');
    if (doing === 'is busy') throw new VaultRefused('busy', 1_000);
    if (doing === 'refuses') throw new VaultRefused('refused');
    if (doing === 'kills') throw new Error('killed');
    const before = this.reports.get(report);
    if (before === undefined) this.reports.set(report, counts);
    else if (JSON.stringify(counts) !== JSON.stringify(before)) this.changed.push(report);
    if (doing === 'takes and kills') throw new Error('killed');
    if (doing === 'loses the answer') throw new VaultRefused('no_connection');
    return { taken: before === undefined ? counts.length : 0 };
  }

  /** By hour, asker, prompt, model and currency, what it was told in all. */
  get sums(): Record<string, readonly number[]> {
    const sums: Record<string, readonly number[]> = {};
    for (const one of [...this.reports.values()].flat()) {
      const { runs, failed, uncounted, input_tokens, output_tokens, cost } = one;
      const key = [one.hour, one.device, one.prompt, one.model, cost?.currency].join(' ');
      add(sums, key, [runs, failed, uncounted, input_tokens, output_tokens, cost?.nanos ?? 0]);
    }
    return sums;
  }
}

function add(sums: Record<string, readonly number[]>, key: string, more: readonly number[]): void {
  const before = sums[key];
  sums[key] = before === undefined ? more : before.map((sum, index) => sum + (more[index] ?? 0));
}

interface Run {
  readonly device: string;
  readonly prompt: string | null;
  readonly model: string;
  readonly failed: boolean;
  readonly tokens: readonly [input: number, output: number] | null;
  readonly cost: readonly [currency: string, nanos: number] | null;
  readonly hoursAgo: number;
}

const [first, second] = [mintId('dev'), mintId('dev')].map((id) => `urn:bulla:acme:dev:${id}`);
const PROMPT = mintId('prm');
const runs: fc.Arbitrary<Run> = fc.record({
  device: fc.constantFrom(first ?? '', second ?? ''),
  prompt: fc.constantFrom(null, PROMPT),
  model: fc.constantFrom('small', 'größer "1"'),
  failed: fc.boolean(),
  tokens: fc.option(fc.tuple(fc.nat(1_000), fc.nat(1_000))),
  cost: fc.option(fc.tuple(fc.constantFrom('USD', 'EUR'), fc.nat(100_000))),
  hoursAgo: fc.nat(2),
});
const doings = fc.array(
  fc.constantFrom<Doing[]>('takes', 'loses the answer', 'is down', 'is busy', 'refuses', 'kills', 'takes and kills'),
  { maxLength: 3 },
);
type Step = { readonly end: readonly Run[] } | { readonly report: Doing[]; readonly processes: 1 | 2 };
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ end: fc.array(runs, { minLength: 1, maxLength: 6 }) }),
    fc.record({ report: doings, processes: fc.constantFrom<(1 | 2)[]>(1, 2) }),
  ),
  { minLength: 2, maxLength: 12 },
);

describe.each(['server', 'embedded'] as const)('what runs took, in the %s database', (kind) => {
  let opened: Awaited<ReturnType<typeof openDatabase>>;
  let vault: ToldVault;
  const lines: { event: string; [member: string]: unknown }[] = [];
  const clock = new TestClock();
  beforeAll(async () => {
    opened = await openDatabase(kind);
    vault = new ToldVault();
  });
  afterEach(async () => {
    vault = new ToldVault();
    lines.length = 0;
    for (const table of ['usage_run', 'usage_report'] as const) await opened.database.db.deleteFrom(table).execute();
  });
  afterAll(() => opened.drop());

  const end = async (all: readonly Run[], org = 'acme') => {
    const rows = all.map(({ tokens, cost, hoursAgo, ...run }) => ({
      org,
      ...run,
      input_tokens: tokens?.[0] ?? null,
      output_tokens: tokens?.[1] ?? null,
      currency: cost?.[0] ?? null,
      cost_nanos: cost?.[1] ?? null,
      ended_at: new Date(NOW_MS - hoursAgo * HOUR_MS),
    }));
    await opened.database.db.insertInto('usage_run').values(rows).execute();
  };
  const startProcess = () =>
    new UsageReportsService(
      { add: () => {} } as unknown as Chores,
      new UsageRepository(opened.database.db),
      vault as never,
      { trustOf: async () => ({}) } as never,
      { org: 'acme' } as never,
      clock,
      new EventLog({
        service: 'responder',
        level: 'debug',
        stream: { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]) },
      }),
    );
  /** A pass of a process, which may be killed in it. */
  const pass = () =>
    startProcess()
      .report()
      .catch((error: unknown) => expect(String(error)).toBe('Error: killed'));
  const left = async () => {
    const { db } = opened.database;
    const rows = [db.selectFrom('usage_run').select('org'), db.selectFrom('usage_report').select('org')];
    return (await Promise.all(rows.map((query) => query.execute()))).map((found) => found.length);
  };
  const sumsOf = (all: readonly Run[]) => {
    const sums: Record<string, readonly number[]> = {};
    for (const { device, prompt, model, failed, tokens, cost, hoursAgo } of all) {
      const hour = new Date(NOW_MS - HOUR_MS / 2 - hoursAgo * HOUR_MS).toISOString();
      const counts = [1, Number(failed), Number(tokens === null), tokens?.[0] ?? 0, tokens?.[1] ?? 0, cost?.[1] ?? 0];
      add(sums, [hour, device, prompt, model, cost?.[0]].join(' '), counts);
    }
    return sums;
  };
  const RUN: Run = {
    device: first ?? '',
    prompt: PROMPT,
    model: 'small',
    failed: false,
    tokens: [7, 2],
    cost: null,
    hoursAgo: 0,
  };

  it('reaches the vault once, whoever is killed, and whichever answer is lost [guard: usage-delivered]', async () => {
    const walk = async (walked: readonly Step[]) => {
      vault = new ToldVault();
      const ended: Run[] = [];
      for (const step of walked) {
        if ('end' in step) {
          ended.push(...step.end);
          await end(step.end);
          continue;
        }
        vault.doing = [...step.report];
        await Promise.all(Array.from({ length: step.processes }, pass));
      }
      vault.doing = [];
      await pass();
      expect(vault.sums).toEqual(sumsOf(ended));
      expect([await left(), vault.changed]).toEqual([[0, 0], []]);
    };
    await fc.assert(fc.asyncProperty(steps, walk), { numRuns: 40 });
  });

  it('is told in the order in which it was written down, a refused report behind the others', async () => {
    for (let report = 0; report < 3; report++) {
      await end([RUN]);
      vault.doing = ['is down'];
      await pass();
    }
    expect(await left()).toEqual([0, 3]);
    vault.asked.length = 0;
    vault.doing = ['takes', 'refuses'];
    await pass();
    expect(vault.asked).toEqual(vault.asked.toSorted());
    expect(vault.asked).toHaveLength(3);
    expect(await left()).toEqual([0, 1]);
    expect(lines.filter(({ event }) => event === 'usage-report-put-off').map(({ code }) => code)).toEqual([
      'no_connection',
      'no_connection',
      'no_connection',
      'refused',
    ]);
  });

  it('fits into reports of 500 counts, and each into one request', async () => {
    const model = (index: number) => `${index} ${'ü'.repeat(250)}`;
    await end(Array.from({ length: 1_200 }, (_, index) => ({ ...RUN, model: model(index) })));
    await end(Array.from({ length: 1_200 }, (_, index) => ({ ...RUN, model: model(index) })));
    await pass();
    expect([...vault.reports.values()].map((counts) => counts.length)).toEqual([500, 500, 200]);
    const bytes = [...vault.reports.values()].map((counts) => Buffer.byteLength(JSON.stringify(counts)));
    expect(Math.max(...bytes)).toBeLessThan(1_048_576);
    expect(Object.values(vault.sums).map(([count]) => count)).toEqual(Array.from({ length: 1_200 }, () => 2));
  });

  it('of another organisation is not told to this one [guard: usage-waiting-org]', async () => {
    const { db } = opened.database;
    await end([RUN], 'other');
    const report: WaitingReport = { id: mintId('usg'), counts: [] };
    await db
      .insertInto('usage_report')
      .values({ ...report, counts: '[]', org: 'other' })
      .execute();
    await pass();
    expect([vault.asked, await left()]).toEqual([[], [1, 1]]);
  });

  it('is dropped, and that said, after a month; not by a wrong clock [guard: usage-unsent-drifted] [guard: usage-ungathered-drifted]', async () => {
    const { db } = opened.database;
    await end([RUN]);
    vault.doing = ['refuses'];
    await pass();
    await end([RUN]);
    const longAgo = sql<Date>`now() - interval '32 days'` as never;
    await db.updateTable('usage_report').set({ created_at: longAgo }).execute();
    await db.updateTable('usage_run').set({ ended_at: longAgo }).execute();
    clock.drift(3_600);
    await startProcess().purge();
    expect(await left()).toEqual([1, 1]);
    clock.drift(0);
    await startProcess().purge();
    expect(await left()).toEqual([0, 0]);
    expect(lines).toContainEqual(expect.objectContaining({ event: 'usage-dropped', count: 2 }));
  });

  it('is gathered into few reports while the vault is away, and told when it is back', async () => {
    const process = startProcess();
    vault.doing = Array.from<Doing>({ length: 25 }).fill('is down');
    for (let passes = 0; passes < 25; passes++) {
      await end([RUN]);
      await process.report();
    }
    expect(await left()).toEqual([15, 10]);
    await process.report();
    expect([await left(), vault.reports.size]).toEqual([[0, 0], 11]);
    expect(Object.values(vault.sums)).toEqual([[25, 0, 0, 175, 50, 0]]);
  });

  it('is not brought again for ten minutes where the vault refused it', async () => {
    const process = startProcess();
    await end([RUN]);
    vault.doing = ['refuses'];
    for (let passes = 0; passes < 3; passes++) await process.report();
    expect([vault.asked.length, await left()]).toEqual([1, [0, 1]]);
    clock.advance(601);
    await process.report();
    expect([vault.asked.length, await left()]).toEqual([2, [0, 0]]);
  });

  it('waits for trust', async () => {
    await end([RUN]);
    const process = startProcess();
    Object.assign(process, { trusted: { trustOf: async () => undefined } });
    await process.report();
    expect([vault.asked, await left()]).toEqual([[], [0, 1]]);
  });
});
