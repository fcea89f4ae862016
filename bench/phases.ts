import { setTimeout as pause } from 'node:timers/promises';
import type { Connections } from './client-connections.js';
import { type Figures, figuresOf, type Outcome } from './figures.js';

/** How often the open loop looks whether requests are due. */
const TICK_MS = 2;
/** What a refusal asks for. */
const RETRY_AFTER_MS = 1_000;

/**
 * So many clients, each of which asks again as soon as it is answered, until the time is over or all requests are sent.
 * What this yields at the best number of clients is what a service can do.
 */
export async function closedLoop(
  connections: Connections,
  requests: readonly Buffer[],
  { clients, seconds }: { readonly clients: number; readonly seconds: number },
): Promise<Figures> {
  const outcomes: Outcome[] = [];
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  let next = 0;
  const client = async () => {
    while (performance.now() < endMs) {
      const request = requests[next++];
      if (request === undefined) return;
      const outcome = await connections.send(request);
      outcomes.push(outcome);
      if (outcome.status === 503) await pause(RETRY_AFTER_MS);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return figuresOf(outcomes, (performance.now() - startMs) / 1000);
}

/**
 * Sends each request when it is due, whatever became of the others: real clients do not wait for each other.
 * @param offsetsMs when each is due, from now, ascending.
 * @returns when the last one has its answer; what is asked a second is counted over the time in which they were due.
 */
export async function openLoop(
  connections: Connections,
  requests: readonly Buffer[],
  offsetsMs: readonly number[],
): Promise<Figures> {
  const startMs = performance.now();
  const sent: Promise<Outcome>[] = [];
  while (sent.length < requests.length) {
    const nowMs = performance.now() - startMs;
    for (
      let offset = offsetsMs[sent.length];
      offset !== undefined && offset <= nowMs;
      offset = offsetsMs[sent.length]
    ) {
      sent.push(connections.send(requests[sent.length] as Buffer, startMs + offset));
    }
    await pause(TICK_MS);
  }
  return figuresOf(await Promise.all(sent), (offsetsMs.at(-1) ?? 0) / 1000);
}

/** Moments at which so many a second arrive who know nothing of each other (exponential gaps), for so long. */
export function arrivals(perSecond: number, seconds: number, random: () => number = Math.random): number[] {
  const offsetsMs: number[] = [];
  for (let atMs = 0; ; ) {
    atMs -= (Math.log(1 - random()) / perSecond) * 1000;
    if (atMs >= seconds * 1000) return offsetsMs;
    offsetsMs.push(atMs);
  }
}
