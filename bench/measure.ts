import type { ServiceProcess } from '../test/faults/service-process.js';
import { Connections } from './client-connections.js';
import type { Figures } from './figures.js';
import { processorSeconds, signsPerSecond } from './machine.js';
import { peakMemoryMiB } from './memory.js';
import { arrivals, closedLoop, openLoop } from './phases.js';
import { makeAll, type Maker } from './requests.js';
import type { BareWork } from './floor/bare-work.js';
import type { Floor, FloorProof } from './floor/floor.js';
import { startBare } from './floor/start-bare.js';

/** Clients that ask one after the other while the best number of them is looked for. */
const STEPS: readonly number[] = [4, 16, 32, 64, 128, 256];
const STEP_SECONDS = 5;
/** The peak is measured with that number, right before the overload and right after it; the floor after each. */
const PEAK_SECONDS = 15;
/** Until the floor has been at work for as long as the service that it is compared with. */
const FLOOR_WARM_UPS = 3;
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
  /** @param url of the service that is asked, or of its floor. */
  readonly make: (url: string) => Maker;
  /** Operations with a private key of the service for each accepted request. */
  readonly privateOperations: number;
  /** What Node alone is measured with. */
  readonly bare: BareWork;
}

/** A process that is asked. */
type Asked = Pick<ServiceProcess, 'child' | 'port' | 'url'>;

/** What is asked of a process, and what it is called in what the bench says. */
export interface Asking extends Pick<Target, 'make'> {
  readonly name: string;
  readonly service: Asked;
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
  /** Requests of clients who know nothing of each other, half as many a second. */
  readonly half: Figures;
  readonly overload: Stretch;
  /** The floor with the best number of clients, twice. */
  readonly floors: readonly [before: Stretch, after: Stretch];
  /** RSA-2048 signatures a second by OpenSSL on one core, beside each of them: the machine is not always as fast. */
  readonly signsPerSecond: readonly [before: number, after: number];
  readonly proof: FloorProof;
  /** Node alone, with the RSA of the route, at the same number of clients. */
  readonly bare: Stretch;
  /** The same as an empty route of the framework. */
  readonly bareRoute: Stretch;
  readonly clients: number;
  readonly memoryMiB: number;
}

/** A stretch of load, and the cores that were busy with it. */
export interface Stretch extends Step {
  readonly cores: { readonly service: number; readonly bench: number };
  /** Processor time of the service, user and system, for each accepted request. */
  readonly msEach: number;
}

export interface LoadOptions {
  readonly clients: number;
  readonly seconds: number;
  readonly say: (line: string) => void;
}

export interface MeasureOptions extends LoadOptions {
  /** Records the service and starts its floor. */
  readonly startFloor: (clients: number) => Promise<Floor>;
}

/** Finds what a service can do and what its floor takes, then offers twice as much over all connections. */
export async function measure(target: Target, options: MeasureOptions): Promise<Measured> {
  const { clients, say } = options;
  const pid = pidOf(target.service);
  const steps = await findBest(target, options);
  const best = steps.reduce((one, other) => (other.figures.goodput > one.figures.goodput ? other : one));
  say(`${target.name}: recording the floor`);
  const floor = await options.startFloor(best.clients);
  const floorTarget = { ...target, name: `${target.name}, floor`, service: floor.service };
  for (let time = 0; time < FLOOR_WARM_UPS; time++) await measurePeak(floorTarget, best, options);
  const before = await measurePeak(target, best, options);
  const floorBefore = await measurePeak(floorTarget, best, options);
  const signsBefore = signsPerSecond();
  const half = (await offer(target, before.figures.goodput / 2, options)).figures;
  const overload = await offer(target, before.figures.goodput * OVERLOAD, options);
  const memoryMiB = peakMemoryMiB(pid);
  const after = await measurePeak(target, best, options);
  // It has had nothing to do for a minute, and the first seconds after that cost more.
  await measurePeak(floorTarget, best, options);
  const floorAfter = await measurePeak(floorTarget, best, options);
  const signsAfter = signsPerSecond();
  const peak = (before.figures.goodput + after.figures.goodput) / 2;
  const proof = await floor.end();
  const bare = await measureBare(target, best, 'bare', options);
  const bareRoute = await measureBare(target, best, 'bare-route', options);
  const floors = [floorBefore, floorAfter] as const;
  return {
    target,
    steps,
    peaks: [before, after],
    peak,
    half,
    overload,
    floors,
    signsPerSecond: [signsBefore, signsAfter],
    proof,
    bare,
    bareRoute,
    clients,
    memoryMiB,
  };
}

/** So many a second over all connections, for the whole time. */
export async function offer(
  target: Asking,
  perSecond: number,
  { clients, seconds, say }: LoadOptions,
): Promise<Stretch> {
  const offsetsMs = arrivals(perSecond, seconds);
  say(`${target.name}: making ${offsetsMs.length} requests`);
  const requests = await makeAhead(target.make(target.service.url), offsetsMs);
  const connections = await Connections.open(target.service.port, clients);
  try {
    say(`${target.name}: ${(offsetsMs.length / seconds).toFixed(0)} requests a second for ${seconds} s`);
    return await withCores(pidOf(target.service), clients, () => openLoop(connections, requests, offsetsMs));
  } finally {
    connections.close();
  }
}

async function findBest(
  { name, make, service }: Target,
  { clients: clientsMax, seconds: secondsMax, say }: MeasureOptions,
): Promise<Step[]> {
  const seconds = Math.min(STEP_SECONDS, secondsMax);
  const steps: Step[] = [];
  let requests = FIRST_STEP_REQUESTS;
  const counts = STEPS.filter((clients) => clients <= clientsMax);
  // The first time around is not counted: the programs are still being compiled.
  for (const [at, clients] of [counts[0] ?? 1, ...counts].entries()) {
    const made = await makeAhead(make(service.url), times(Math.ceil(requests), 0));
    const figures = await ask(service, made, clients, seconds);
    requests = Math.max(requests / 2, figures.goodput * seconds * STEP_RESERVE);
    if (at === 0) continue;
    steps.push({ clients, figures });
    say(`${name}: ${clients} clients: ${figures.goodput.toFixed(0)}/s, p50 ${figures.acceptedMs.p50.toFixed(0)} ms`);
  }
  return steps;
}

/** The best of several short steps is good by luck as well: what it can keep up is measured anew. */
export async function measurePeak(
  { name, make, service }: Asking,
  best: { readonly clients: number; readonly figures: Pick<Figures, 'goodput'> },
  { seconds: secondsMax, say }: Omit<LoadOptions, 'clients'>,
): Promise<Stretch> {
  const seconds = Math.min(PEAK_SECONDS, secondsMax);
  const made = await makeAhead(make(service.url), times(Math.ceil(best.figures.goodput * seconds * STEP_RESERVE), 0));
  const { clients } = best;
  const peak = await withCores(pidOf(service), clients, () => ask(service, made, clients, seconds));
  say(`${name}: ${clients} clients again, for longer: ${peak.figures.goodput.toFixed(0)}/s`);
  return peak;
}

async function measureBare(
  target: Target,
  best: Step,
  on: 'bare' | 'bare-route',
  options: MeasureOptions,
): Promise<Stretch> {
  const service = await startBare(target.name, target.bare, on);
  try {
    const bareTarget = { ...target, name: `${target.name}, ${on}`, service };
    // The first time around is not counted there either.
    await measurePeak(bareTarget, best, options);
    return await measurePeak(bareTarget, best, options);
  } finally {
    await service.stop();
  }
}

async function ask(service: Asked, made: readonly Buffer[], clients: number, seconds: number) {
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
  const msEach = ((after.service - before.service) / figures.accepted) * 1000;
  return { clients, figures, cores, msEach };
}

/**
 * Makes the requests of a schedule, each signed for the moment at which it will be sent: a signature lives for a minute,
 * with a minute more for clocks that differ, so how long the making takes need not be known well.
 */
export async function makeAhead(make: Maker, offsetsMs: readonly number[]): Promise<Buffer[]> {
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

function pidOf({ child }: Asked): number {
  if (child.pid === undefined) throw new Error('the service does not run');
  return child.pid;
}
