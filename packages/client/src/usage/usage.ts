import type { Cost, UsageBy, UsageSum } from '@bulla/contract';
import { USAGE_SUM_MAX } from '@bulla/contract';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

export type { UsageBy };

/** How many runs, with how many tokens, at what price; what each member counts, docs/guide/usage.md says. */
export type UsageCounts = Pick<
  UsageSum,
  'runs' | 'failed' | 'uncounted' | 'unpriced' | 'input_tokens' | 'output_tokens' | 'costs'
>;

/** Which usage, and by what it is added up. */
export interface UsageChoice {
  /** `model` unless given. */
  readonly by?: UsageBy | undefined;
  /** RFC 3339: from the hour of that moment on; from the first hour that is kept unless given. */
  readonly since?: string | undefined;
  /** RFC 3339: hours that began before that moment; all unless given. */
  readonly until?: string | undefined;
}

/** What runs took, as the responders counted it and the vault added it up: by their word. */
export interface AddedUsage {
  readonly by: UsageBy;
  /** Each of one responder. Hours and days in their order; of the others those that cost most first, then those with most tokens. */
  readonly data: readonly UsageSum[];
  /** All of each responder together: a false count of one of them is in no other's. In the order of their URNs. */
  readonly responders: readonly (UsageCounts & { readonly responder: string })[];
  /** All together. A sum that would go beyond what JSON can hold stops there. */
  readonly total: UsageCounts;
}

const PAGE = 200;
const COUNTS = [
  'runs',
  'failed',
  'uncounted',
  'unpriced',
  'input_tokens',
  'output_tokens',
] as const satisfies readonly (keyof UsageCounts)[];

/** What runs took: of everybody for admins and auditors, of this device for others. */
export class Usage {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Adds up what runs took. @throws {BullaError} what the vault refused */
  async read({ by = 'model', since, until }: UsageChoice = {}): Promise<AddedUsage> {
    const trust = await this.#session.keeper.current();
    const data: UsageSum[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const query = {
        by,
        limit: PAGE,
        ...(since !== undefined && { since }),
        ...(until !== undefined && { until }),
        ...(cursor !== undefined && { cursor }),
      };
      const page = await this.#session.transport.call('usage.list', vaultOf(this.#session, trust), trust, { query });
      data.push(...page.data);
      // A vault that gives pages without end is not asked without end.
      // guard: usage-pages-end without: cursor = page.next_cursor;
      cursor = page.data.length === 0 ? null : page.next_cursor;
    }
    const ofEach = [...Map.groupBy(data, ({ responder }) => responder)].toSorted(([left], [right]) =>
      left < right ? -1 : 1,
    );
    const responders = ofEach.map(([responder, sums]) => ({ responder, ...totalOf(sums) }));
    return { by, data: by === 'hour' || by === 'day' ? data : data.toSorted(byCost), responders, total: totalOf(data) };
  }
}

/** Amounts in several currencies are compared by the largest: nobody knows what one is worth in another. */
function byCost(left: UsageSum, right: UsageSum): number {
  const cost = ({ costs: [first] }: UsageSum) => first?.nanos ?? 0;
  const tokens = ({ input_tokens, output_tokens }: UsageSum) => input_tokens + output_tokens;
  return cost(right) - cost(left) || tokens(right) - tokens(left) || right.runs - left.runs;
}

function added(total: number, more: number): number {
  return Math.min(total + more, USAGE_SUM_MAX);
}

function totalOf(data: readonly UsageSum[]): UsageCounts {
  const sum = (name: (typeof COUNTS)[number]) => data.reduce((total, one) => added(total, one[name]), 0);
  const counts = Object.fromEntries(COUNTS.map((name) => [name, sum(name)])) as Record<(typeof COUNTS)[number], number>;
  const byCurrency = new Map<string, number>();
  for (const { currency, nanos } of data.flatMap(({ costs }) => costs))
    byCurrency.set(currency, added(byCurrency.get(currency) ?? 0, nanos));
  const costs = [...byCurrency].map(([currency, nanos]): Cost => ({ currency, nanos }));
  return { ...counts, costs: costs.toSorted((left, right) => right.nanos - left.nanos) };
}
