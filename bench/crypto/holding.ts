import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Run } from './variant.js';

/** How long single calls kept the event loop from anything else, in milliseconds: the longest time within each call. */
export interface Holding {
  readonly calls: number;
  readonly median: number;
  /** In processor time of the thread, which another process on this machine does not lengthen. */
  readonly worst: number;
  /** By the clock. */
  readonly worstByClock: number;
}

const MICROSECONDS_PER_MS = 1000;
/** The planted call, and what must be found of it. */
const PLANTED_MS = 10;

/** One call after the other, with nothing else to do. */
export async function holdingOf(run: Run, calls: number): Promise<Holding> {
  await requirePlantedIsFound();
  const longest: { cpu: number; clock: number }[] = [];
  for (let call = 0; call < calls; call += 1) longest.push(await longestTurn(run));
  const cpu = longest.map((one) => one.cpu).toSorted((a, b) => a - b);
  return {
    calls,
    median: cpu[Math.floor(calls / 2)] ?? Number.NaN,
    worst: Math.max(...cpu),
    worstByClock: Math.max(...longest.map((one) => one.clock)),
  };
}

/** The longest turn of the event loop from the beginning of a call to its end. */
async function longestTurn(run: Run): Promise<{ cpu: number; clock: number }> {
  await nextTurn();
  const longest = { cpu: 0, clock: 0 };
  let begun = now();
  const look = () => {
    const ended = now();
    longest.cpu = Math.max(longest.cpu, ended.cpu - begun.cpu);
    longest.clock = Math.max(longest.clock, ended.clock - begun.clock);
    begun = ended;
  };
  const done = run().then(() => 'done');
  while ((await Promise.race([done, nextTurn()])) === undefined) look();
  look();
  return longest;
}

function now(): { cpu: number; clock: number } {
  // Alone, the time of a thread is as of the scheduler's last tick, up to 4 ms ago; Linux brings it up to date for this.
  process.cpuUsage();
  const { user, system } = process.threadCpuUsage();
  return { cpu: (user + system) / MICROSECONDS_PER_MS, clock: performance.now() };
}

/** A call that holds the loop for a known time: a measurement that does not see it sees nothing. */
async function requirePlantedIsFound(): Promise<void> {
  const { cpu } = await longestTurn(async () => {
    await nextTurn();
    const end = now().cpu + PLANTED_MS;
    while (now().cpu < end);
  });
  if (cpu < PLANTED_MS) throw new Error(`a call that held the loop for ${PLANTED_MS} ms was taken for ${cpu} ms`);
}
