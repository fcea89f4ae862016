import { setTimeout as pause } from 'node:timers/promises';
import type { FakeOpenai } from '@bulla/testkit';

/** A process that is killed and started again, in its place. */
export interface Victim {
  readonly name: string;
  /** Ends it with SIGKILL and waits for its end. */
  kill(): Promise<void>;
  /** Starts it and returns at once. */
  start(): void;
  /** Resolves when it is ready, with how long that took; throws when it is not in time. */
  ready(): Promise<number>;
}

export interface Haunting {
  readonly kills: number;
  /** The longest that it is left alone. */
  readonly mostMs: number;
  readonly random: () => number;
  /** Its answers are interrupted too. */
  readonly model?: FakeOpenai;
  readonly tell: Tell;
}

/** Takes note of each kill before it happens, and of how long after its start a process was ready. */
export type Tell = (what: { readonly kill: string } | { readonly readyMs: number }) => void;

/** How long an answer of the model takes at least: a kill within it is in the middle of a run. */
export const MODEL_MS = 200;

/**
 * Kills one process so many times, at moments that the seed decides: out of nothing, in the middle of a model's answer,
 * or before it has come up again from the kill before. The first of one that asks a model is in such a middle.
 */
export async function haunt(victim: Victim, { kills, mostMs, random, model, tell }: Haunting): Promise<void> {
  const ready = async () => tell({ readyMs: await victim.ready() });
  for (let kill = 1; kill <= kills; kill++) {
    const way = random();
    const afterMs = Math.round(random() * mostMs);
    const isLast = kill === kills;
    if (way < 0.4 && kill > 1 && !isLast) {
      tell({ kill: `${victim.name}: ${afterMs} ms after its start, ready or not` });
      await pause(afterMs);
    } else if (model !== undefined && (way < 0.75 || kill === 1)) {
      const withinMs = Math.round(random() * MODEL_MS);
      tell({ kill: `${victim.name}: ${withinMs} ms after the model was asked` });
      await ready();
      const arrival = model.arrival(model.requests.length);
      // Later every writer may wait for the end of what was cut short; but a seed must not leave nothing cut short.
      await (kill === 1 ? arrival : Promise.race([arrival, pause(2 * mostMs)]));
      await pause(withinMs);
    } else {
      tell({ kill: `${victim.name}: ${afterMs} ms after it was ready` });
      await ready();
      await pause(afterMs);
    }
    await victim.kill();
    victim.start();
  }
  await ready();
}
