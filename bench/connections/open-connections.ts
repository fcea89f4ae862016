import { Connections } from '../client-connections.js';
import type { Outcome } from '../figures.js';
import { makeAhead } from '../measure.js';
import { arrivals, closedLoop, openLoop } from '../phases.js';
import { makeAll, type Maker } from '../requests.js';
import type { OpenStretch } from './verdicts.js';

/** The peak is looked for with so many clients, for this long: half of it is offered where that is less than wanted. */
const PEAK_CLIENTS = 32;
const PEAK_SECONDS = 10;
const PEAK_REQUESTS = 6_000;
const WARM_EVERY_MS = 1_000;

export interface OpenOptions {
  readonly what: string;
  readonly port: number;
  readonly make: Maker;
  readonly connections: number;
  /** Requests a second, unless half of the peak is less. */
  readonly perSecond: number;
  readonly seconds: number;
  readonly say: (line: string) => void;
}

/** Keeps connections open and asks over all of them in turn; those on which nothing is asked for long are kept warm. */
export async function askOverOpen(options: OpenOptions): Promise<OpenStretch> {
  const { what, port, make, connections: wanted, seconds, say } = options;
  const peak = await peakOf(options);
  const perSecond = Math.min(options.perSecond, peak / 2);
  const offsetsMs = arrivals(perSecond, seconds);
  say(`${what}: ${peak.toFixed(0)}/s at most; making ${offsetsMs.length} requests`);
  const requests = await makeAhead(make, offsetsMs);
  say(`${what}: opening ${wanted} connections`);
  const connections = await Connections.open(port, wanted);
  try {
    say(`${what}: ${perSecond.toFixed(0)} requests a second over ${connections.count} connections for ${seconds} s`);
    const warmed: Promise<Outcome[]>[] = [];
    const timer = setInterval(() => warmed.push(connections.keepWarm()), WARM_EVERY_MS);
    const figures = await openLoop(connections, requests, offsetsMs);
    clearInterval(timer);
    const unkept = (await Promise.all(warmed)).flat().filter(({ status }) => status !== 200).length;
    return { what, perSecond, figures, wanted, open: connections.count, lost: connections.lost + unkept };
  } finally {
    connections.close();
  }
}

async function peakOf({ port, make, seconds }: OpenOptions): Promise<number> {
  const now = Math.floor(Date.now() / 1000);
  const requests = await makeAll(
    make,
    Array.from({ length: PEAK_REQUESTS }, () => now),
  );
  const connections = await Connections.open(port, PEAK_CLIENTS);
  try {
    const load = { clients: PEAK_CLIENTS, seconds: Math.min(PEAK_SECONDS, seconds) };
    return (await closedLoop(connections, requests, load)).goodput;
  } finally {
    connections.close();
  }
}
