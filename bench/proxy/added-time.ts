import { type FakeOpenai, startFakeOpenai } from '@bulla/testkit';
import { processorSeconds } from '../machine.js';
import type { World } from '../world.js';
import { complete, type Endpoint, hangUp } from './calls.js';
import { asking, privateOperations, type ProxyWorld, startProxyWorld, type Watched } from './proxy-world.js';

/** So many that what is measured gets no faster: after 150 the next 300 take a tenth longer than those behind them. */
const WARM = 500;
const PAIRS = 300;
/** Whole envelopes for a hundred questions, so that each call bears its part of one. */
const CALLS = 300;
const CHUNKS = 8_000;
const STREAMS = 10;
const TOKENS = Array.from({ length: 20 }, (_, at) => `word${at} `);

/** Median times in milliseconds, of the same upstream in the same run. */
export interface AddedTime {
  readonly direct: { readonly wholeMs: number; readonly firstMs: number };
  readonly proxied: { readonly wholeMs: number; readonly firstMs: number };
  /** Processor time for each call, in milliseconds. */
  readonly costs: Readonly<Record<Part, number>>;
  /** Private-key operations for each call. */
  readonly operations: Readonly<Record<Part, number>>;
  /** Processor time of the proxy for each chunk of a stream, in microseconds. */
  readonly chunkMicroseconds: number;
}

const PARTS = ['proxy', 'vault', 'responder'] as const;
export type Part = (typeof PARTS)[number];

/** Asks one upstream with and without Bulla before it, in turns; everything is warm. */
export async function measureAddedTime(world: World, port: number, say: (line: string) => void): Promise<AddedTime> {
  const model = await startFakeOpenai({ replies: { tokens: TOKENS } });
  const behind = await startProxyWorld(world, port, asking(model));
  const direct: Endpoint = { baseUrl: model.url, bearer: 'unused' };
  try {
    for (let call = 0; call < WARM; call++)
      for (const stream of [false, true]) {
        await complete(behind, 'default', stream);
        await complete(direct, 'm', stream);
      }
    const whole = await inTurns(direct, behind, false);
    const first = await inTurns(direct, behind, true);
    say(
      `whole answers: ${medianOf(whole.direct, 'wholeMs').toFixed(1)} ms direct, ${medianOf(whole.proxied, 'wholeMs').toFixed(1)} ms through the proxy`,
    );
    const { costs, operations } = await costsOf(behind);
    say(`processor time of a call: ${PARTS.map((part) => `${part} ${costs[part].toFixed(2)} ms`).join(', ')}`);
    const chunkMicroseconds = await chunkCost(behind, model);
    say(`proxy: ${chunkMicroseconds.toFixed(0)} microseconds for each chunk`);
    return {
      direct: { wholeMs: medianOf(whole.direct, 'wholeMs'), firstMs: medianOf(first.direct, 'firstMs') },
      proxied: { wholeMs: medianOf(whole.proxied, 'wholeMs'), firstMs: medianOf(first.proxied, 'firstMs') },
      costs,
      operations,
      chunkMicroseconds,
    };
  } finally {
    hangUp();
    await behind.stop();
    await model.stop();
  }
}

type Times = Awaited<ReturnType<typeof complete>>;

async function inTurns(direct: Endpoint, proxied: Endpoint, stream: boolean) {
  const times = { direct: [] as Times[], proxied: [] as Times[] };
  for (let pair = 0; pair < PAIRS; pair++) {
    times.direct.push(await complete(direct, 'm', stream));
    times.proxied.push(await complete(proxied, 'default', stream));
  }
  return times;
}

async function costsOf(behind: ProxyWorld): Promise<Pick<AddedTime, 'costs' | 'operations'>> {
  const look = async (part: Watched) => ({
    seconds: processorSeconds(part.child.pid ?? 0),
    operations: await privateOperations(part),
  });
  const lookAtAll = async () => Promise.all(PARTS.map((part) => look(behind[part])));
  const before = await lookAtAll();
  for (let call = 0; call < CALLS; call++) await complete(behind, 'default', false);
  const after = await lookAtAll();
  const each = (value: 'seconds' | 'operations', factor: number) =>
    Object.fromEntries(
      PARTS.map((part, at) => [part, (((after[at]?.[value] ?? 0) - (before[at]?.[value] ?? 0)) * factor) / CALLS]),
    ) as Record<Part, number>;
  return { costs: each('seconds', 1000), operations: each('operations', 1) };
}

async function chunkCost(behind: ProxyWorld, model: FakeOpenai): Promise<number> {
  model.follow({ replies: { tokens: Array.from({ length: CHUNKS }, (_, at) => `word${at % 10} `) } });
  await complete(behind, 'default', true);
  const pid = behind.proxy.child.pid ?? 0;
  const before = processorSeconds(pid);
  for (let stream = 0; stream < STREAMS; stream++) await complete(behind, 'default', true);
  return ((processorSeconds(pid) - before) * 1e6) / (STREAMS * CHUNKS);
}

function medianOf(times: readonly Times[], which: 'wholeMs' | 'firstMs'): number {
  const values = times.map((time) => time[which]).toSorted((one, other) => one - other);
  return values[values.length >> 1] ?? Number.NaN;
}
