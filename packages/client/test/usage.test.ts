import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { UsageSum } from '@bulla/contract';
import type { Bulla } from '../src/bulla.js';
import type { World } from './world.js';
import { makeWorld } from './world.js';

let world: World;
let bulla: Bulla;
beforeAll(async () => {
  world = await makeWorld();
  bulla = await world.client();
});
afterAll(() => world.stop());

const usd = (nanos: number) => [{ currency: 'USD', nanos }];
const [EU, US] = ['urn:bulla:acme:svc:responder:eu1', 'urn:bulla:acme:svc:responder:us1'] as const;
const sum = (changes: Partial<UsageSum>): UsageSum => ({
  responder: EU,
  runs: 2,
  failed: 1,
  uncounted: 0,
  unpriced: 1,
  input_tokens: 10,
  output_tokens: 5,
  costs: usd(100),
  ...changes,
});

/** The vault tells these pages, each with a cursor to the next. @returns what it was asked */
function tell(...pages: UsageSum[][]): Record<string, string>[] {
  const asked: Record<string, string>[] = [];
  world.vault.service.lies['usage.list'] = ({ query }) => {
    asked.push(Object.fromEntries(query));
    const index = asked.length - 1;
    const isLast = index >= pages.length - 1;
    return { body: { data: pages[index] ?? [], next_cursor: isLast ? null : `page${index + 1}` } };
  };
  return asked;
}

describe('usage', () => {
  it('is what all pages say, those that cost most first, and all together', async () => {
    const small = sum({ model: 'small' });
    const large = sum({ model: 'large', costs: [...usd(900), { currency: 'EUR', nanos: 7 }] });
    const free = sum({ model: 'free', costs: [], input_tokens: 10_000 });
    const idle = sum({ model: 'idle', costs: [] });
    tell([idle, small], [free, large]);
    const { by, data, total } = await bulla.usage.read();
    expect(by).toBe('model');
    expect(data.map(({ model }) => model)).toEqual(['large', 'small', 'free', 'idle']);
    expect(total).toEqual({
      runs: 8,
      failed: 4,
      uncounted: 0,
      unpriced: 4,
      input_tokens: 10_030,
      output_tokens: 20,
      costs: [...usd(1_000), { currency: 'EUR', nanos: 7 }],
    });
  });

  it('is told apart by the responder whose word it is: what one says falsely is in no sum of another', async () => {
    const most = Number.MAX_SAFE_INTEGER;
    const lied = sum({ responder: US, model: 'small', input_tokens: most, costs: usd(most) });
    tell([sum({ model: 'small' }), lied, sum({ model: 'large' })]);
    const { responders, total } = await bulla.usage.read();
    expect(responders).toMatchObject([
      { responder: EU, runs: 4, input_tokens: 20, costs: usd(200) },
      { responder: US, runs: 2, input_tokens: most, costs: usd(most) },
    ]);
    expect(total).toMatchObject({ runs: 6, input_tokens: most, output_tokens: 15, costs: usd(most) });
  });

  it('by hour or day is in the order of time', async () => {
    const hours = ['2026-11-25T08:00:00.000Z', '2026-11-25T09:00:00.000Z'];
    const sums = hours.map((from, index) => sum({ from, costs: usd(index) }));
    for (const by of ['hour', 'day'] as const) {
      tell(sums);
      expect((await bulla.usage.read({ by })).data).toEqual(sums);
    }
  });

  it('is asked for by what was chosen', async () => {
    const asked = tell([sum({})], [sum({})]);
    await bulla.usage.read({ by: 'device', since: '2026-11-25T08:00:00.000Z', until: '2026-11-26T08:00:00.000Z' });
    const first = {
      by: 'device',
      limit: '200',
      since: '2026-11-25T08:00:00.000Z',
      until: '2026-11-26T08:00:00.000Z',
    };
    expect(asked).toEqual([first, { ...first, cursor: 'page1' }]);
  });

  it('ends at a page without sums, whatever the vault says of a next one [guard: usage-pages-end]', async () => {
    const asked = tell([sum({})], [], [sum({})]);
    expect((await bulla.usage.read()).data).toHaveLength(1);
    expect(asked).toHaveLength(2);
  });
});
