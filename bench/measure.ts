import type { ServiceProcess } from '../test/faults/service-process.js';
import { Connections } from './connections.js';
import type { Figures } from './figures.js';
import { peakMemoryMiB, processorSeconds } from './machine.js';
import { arrivals, closedLoop, openLoop } from './phases.js';
import { makeAll, type Maker } from './requests.js';

/** Clients that ask one after the other while the capacity is looked for; the best of them is the peak. */
const STEPS: readonly number[] = [4, 16, 32, 64, 128, 256];
const STEP_SECONDS = 5;
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
  /** The goodput of the best step, a second. */
  readonly peak: number;
  readonly overload: Figures;
  readonly clients: number;
  /** Cores that were busy for it under overload. */
  readonly cores: { readonly service: number; readonly bench: number };
  readonly memoryMiB: number;
}

export interface MeasureOptions {
  readonly clients: number;
  readonly seconds: number;
  readonly say: (line: string) => void;
}

/** Finds what a service can do, then offers twice as much over all connections. */
export async function measure(target: Target, { clients, seconds, say }: MeasureOptions): Promise<Measured> {
  const pid = pidOf(target.service);
  const steps = await findCapacity(target, clients, say);
  const peak = Math.max(...steps.map(({ figures }) => figures.goodput));
  const offsetsMs = arrivals(peak * OVERLOAD, seconds);
  say(`${target.name}: making ${offsetsMs.length} requests`);
  const requests = await makeAhead(target.make, offsetsMs);
  const connections = await Connections.open(target.service.port, clients);
  try {
    say(`${target.name}: ${(peak * OVERLOAD).toFixed(0)} requests a second for ${seconds} s`);
    const before = { service: processorSeconds(pid), bench: processorSeconds(process.pid), at: performance.now() };
    const overload = await openLoop(connections, requests, offsetsMs);
    const elapsed = (performance.now() - before.at) / 1000;
    return {
      target,
      steps,
      peak,
      overload,
      clients,
      cores: {
        service: (processorSeconds(pid) - before.service) / elapsed,
        bench: (processorSeconds(process.pid) - before.bench) / elapsed,
      },
      memoryMiB: peakMemoryMiB(pid),
    };
  } finally {
    connections.close();
  }
}

async function findCapacity(
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
    const connections = await Connections.open(service.port, clients);
    const figures = await closedLoop(connections, made, { clients, seconds: STEP_SECONDS });
    connections.close();
    requests = Math.max(requests / 2, figures.goodput * STEP_SECONDS * STEP_RESERVE);
    if (at === 0) continue;
    steps.push({ clients, figures });
    say(`${name}: ${clients} clients: ${figures.goodput.toFixed(0)}/s, p50 ${figures.acceptedMs.p50.toFixed(0)} ms`);
  }
  return steps;
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
