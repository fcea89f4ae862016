import type { ServiceProcess } from '../test/faults/service-process.js';
import { Connections } from './connections.js';
import type { Figures } from './figures.js';
import { processorSeconds } from './machine.js';
import { peakMemoryMiB } from './memory.js';
import { arrivals, closedLoop, openLoop } from './phases.js';
import { makeAll, type Maker } from './requests.js';

/** Clients that ask one after the other while the best number of them is looked for. */
const STEPS: readonly number[] = [4, 16, 32, 64, 128, 256];
const STEP_SECONDS = 5;
/** The peak is measured with that number, right before the overload and right after it. */
const PEAK_SECONDS = 15;
/** Enough for the first step of any machine; the others go by what came before. */
const FIRST_STEP_REQUESTS = 4_000;
/** A step may turn out faster than the one before it. */
const STEP_RESERVE = 1.6;
const OVERLOAD = 2;
/** So many are made to see how long it takes. */
const SAMPLE = 200;

export interface Target {
  readonly name: 'vault' | 'responder';
  readonly service: ServiceProcess;
  readonly make: Maker;
  /** Operations with a private key of the service for each accepted request. */
  readonly privateOperations: number;
}

export interface Step {
  readonly clients: number;
  readonly figures: Figures;
}

/** What was found out about one service. */
export interface Measured {
  readonly target: Target;
  readonly steps: readonly Step[];
  /** With the best number of clients, before the overload and after it. */
  readonly peaks: readonly [before: Stretch, after: Stretch];
  /** The goodput of both, a second. */
  readonly peak: number;
  readonly overload: Stretch;
  readonly clients: number;
  readonly memoryMiB: number;
}

/** A stretch of load, and the cores that were busy with it. */
export interface Stretch extends Step {
  readonly cores: { readonly service: number; readonly bench: number };
}

export interface MeasureOptions {
  readonly clients: number;
  readonly seconds: number;
  readonly say: (line: string) => void;
}

/** Finds what a service can do, then offers twice as much over all connections. */
export async function measure(target: Target, { clients, seconds, say }: MeasureOptions): Promise<Measured> {
  const pid = pidOf(target.service);
  const steps = await findBest(target, clients, say);
  const best = steps.reduce((one, other) => (other.figures.goodput > one.figures.goodput ? other : one));
  const before = await measurePeak(target, best, say);
  const offsetsMs = arrivals(before.figures.goodput * OVERLOAD, seconds);
  say(`${target.name}: making ${offsetsMs.length} requests`);
  const requests = await makeAhead(target.make, offsetsMs);
  const connections = await Connections.open(target.service.port, clients);
  try {
    say(`${target.name}: ${(offsetsMs.length / seconds).toFixed(0)} requests a second for ${seconds} s`);
    const overload = await withCores(pid, clients, () => openLoop(connections, requests, offsetsMs));
    const memoryMiB = peakMemoryMiB(pid);
    connections.close();
    const after = await measurePeak(target, best, say);
    const peak = (before.figures.goodput + after.figures.goodput) / 2;
    return { target, steps, peaks: [before, after], peak, overload, clients, memoryMiB };
  } finally {
    connections.close();
  }
}

async function findBest(
  { name, make, service }: Target,
  clientsMax: number,
  say: (line: string) => void,
): Promise<Step[]> {
  const steps: Step[] = [];
  let requests = FIRST_STEP_REQUESTS;
  const counts = STEPS.filter((clients) => clients <= clientsMax);
  // The first time around is not counted: the programs are still being compiled.
  for (const [at, clients] of [counts[0] ?? 1, ...counts].entries()) {
    const made = await makeAhead(make, times(Math.ceil(requests), 0));
    const figures = await ask(service, made, clients, STEP_SECONDS);
    requests = Math.max(requests / 2, figures.goodput * STEP_SECONDS * STEP_RESERVE);
    if (at === 0) continue;
    steps.push({ clients, figures });
    say(`${name}: ${clients} clients: ${figures.goodput.toFixed(0)}/s, p50 ${figures.acceptedMs.p50.toFixed(0)} ms`);
  }
  return steps;
}

/** The best of several short steps is good by luck as well: what it can keep up is measured anew. */
async function measurePeak({ name, make, service }: Target, best: Step, say: (line: string) => void): Promise<Stretch> {
  const made = await makeAhead(make, times(Math.ceil(best.figures.goodput * PEAK_SECONDS * STEP_RESERVE), 0));
  const { clients } = best;
  const peak = await withCores(pidOf(service), clients, () => ask(service, made, clients, PEAK_SECONDS));
  say(`${name}: ${clients} clients again, for longer: ${peak.figures.goodput.toFixed(0)}/s`);
  return peak;
}

async function ask(service: ServiceProcess, made: readonly Buffer[], clients: number, seconds: number) {
  const connections = await Connections.open(service.port, clients);
  try {
    return await closedLoop(connections, made, { clients, seconds });
  } finally {
    connections.close();
  }
}

async function withCores(pid: number, clients: number, load: () => Promise<Figures>): Promise<Stretch> {
  const taken = () => ({ service: processorSeconds(pid), bench: processorSeconds(process.pid) });
  const before = { ...taken(), at: performance.now() };
  const figures = await load();
  const elapsed = (performance.now() - before.at) / 1000;
  const after = taken();
  const cores = { service: (after.service - before.service) / elapsed, bench: (after.bench - before.bench) / elapsed };
  return { clients, figures, cores };
}

/**
 * Makes the requests of a schedule, each signed for the moment at which it will be sent: a signature lives for a minute,
 * with a minute more for clocks that differ, so how long the making takes need not be known well.
 */
async function makeAhead(make: Maker, offsetsMs: readonly number[]): Promise<Buffer[]> {
  const startMs = Date.now();
  await makeAll(make, times(SAMPLE, Math.floor(startMs / 1000)));
  const msEach = (Date.now() - startMs) / SAMPLE;
  const startsAtMs = Date.now() + msEach * offsetsMs.length;
  return makeAll(
    make,
    offsetsMs.map((offset) => Math.floor((startsAtMs + offset) / 1000)),
  );
}

function times<Value>(count: number, value: Value): Value[] {
  return Array.from({ length: count }, () => value);
}

function pidOf({ child }: ServiceProcess): number {
  if (child.pid === undefined) throw new Error('the service does not run');
  return child.pid;
}
