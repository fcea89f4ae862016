import type { AcceptedUsage, NewUsage, UsageBy, UsagePage, UsageQuery, UsageSum } from '@bulla/contract';
import { CURRENCIES_MAX, Problem, REPORT_RUNS_MAX } from '@bulla/contract';
import { parseUrn } from '@bulla/crypto';
import type { Answer, Caller } from '@bulla/service-kit';
import { Clock, decodeCursor, encodeCursor, pageOf } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { VaultLedger } from '../database/vault-ledger.js';
import type { UsageRow } from './usage.repository.js';
import { deviceOfKey, NO_PROMPT, UsageRepository } from './usage.repository.js';

/** How far the clock of a responder may be ahead. */
const AHEAD_MAX_MS = 300_000;

/** Takes what responders counted, and adds it up for those who may know. */
@Injectable()
export class UsageService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly clock: Clock,
    private readonly usage: UsageRepository,
  ) {}

  /**
   * Takes a report: all of it, and once. What is past its time is left aside.
   * @throws {Problem} forbidden for anybody but a responder; validation_failed
   */
  async take(caller: Caller, { report, counts }: NewUsage): Promise<Answer<AcceptedUsage>> {
    // guard: usage-responder
    if (caller.kind !== 'responder')
      throw new Problem('forbidden', { detail: 'responders alone report what runs took' });
    const { org, urn: responder } = caller;
    this.#requireGood(org, counts);
    return this.ledger.run(caller, async (trx) => {
      const taken = await this.usage.take(trx, { org, responder, id: report }, counts);
      return { body: { taken }, event: { act: 'usage.report', obj: { report, items: counts.length, taken } } };
    });
  }

  /** One page of sums, each of one responder: of all runs for those who look after the organisation, of their own device for others. */
  async list(caller: Caller, { by, since, until, limit, cursor }: UsageQuery): Promise<Answer<UsagePage>> {
    const { org, urn, trust } = caller;
    const seesAll = trust.hasRole(urn, 'admin') || trust.hasRole(urn, 'auditor');
    const after = cursor === undefined ? undefined : keyIn(cursor, by);
    // guard: usage-own without: const device = undefined;
    const device = seesAll ? undefined : urn;
    const rows = await this.usage.list({ org, by, device, since, until, after, limit: limit + 1 });
    await this.ledger.read(caller, { act: 'usage.list', obj: { items: Math.min(rows.length, limit) } });
    return pageOf(rows, {
      limit,
      item: (row) => sumOf(org, by, row),
      cursorAfter: ({ key, word }) => encodeCursor([by, key, word]),
      request: caller.request,
    });
  }

  /** @throws {Problem} validation_failed */
  #requireGood(org: string, counts: NewUsage['counts']): void {
    const latest = this.clock.nowMs() + AHEAD_MAX_MS;
    // guard: usage-future
    if (counts.some(({ hour }) => Date.parse(hour) > latest)) throw wrong('an hour has not begun yet');
    // guard: usage-asker-org
    if (counts.some(({ device }) => parseUrn(device)?.org !== org)) throw wrong('an asker is of another organisation');
    // guard: usage-report-runs
    if (counts.reduce((sum, { runs }) => sum + runs, 0) > REPORT_RUNS_MAX)
      throw wrong(`a report counts at most ${REPORT_RUNS_MAX} runs`);
    const places = new Set(
      counts.map(({ hour, device, prompt, model, cost }) =>
        JSON.stringify([hour, device, prompt, model, cost?.currency]),
      ),
    );
    // guard: usage-twice
    if (places.size !== counts.length)
      throw wrong('two counts are of the same hour, asker, prompt, model and currency');
  }
}

/** A cursor goes on with the sums that it is from. */
function keyIn(cursor: string, by: UsageBy): { readonly key: string; readonly word: string } {
  const [of, key, word] = decodeCursor(cursor, ['string', 'string', 'string']);
  // guard: usage-cursor
  if (of !== by) throw wrong('the cursor is from sums by something else');
  return { key, word };
}

function sumOf(org: string, by: UsageBy, row: UsageRow): UsageSum {
  const { key, word: _, responder, model, name, costs, ...sums } = row;
  const place = { responder, ...KEYS[by](org, { key, model, name }) };
  return { ...place, ...sums, costs: costs.slice(0, CURRENCIES_MAX) };
}

/** What sums have in common, by what they were added up by. */
const KEYS: Readonly<
  Record<UsageBy, (org: string, row: Pick<UsageRow, 'key' | 'model' | 'name'>) => Partial<UsageSum>>
> = {
  device: (org, { key }) => ({ device: deviceOfKey(org, key) }),
  prompt: (_, { key, name }) => ({ prompt: key === NO_PROMPT ? null : key, name }),
  model: (_, { model }) => ({ model }),
  hour: (_, { key }) => ({ from: `${key}:00:00.000Z` }),
  day: (_, { key }) => ({ from: `${key}T00:00:00.000Z` }),
};

function wrong(detail: string): Problem {
  return new Problem('validation_failed', { detail });
}
