import { setTimeout as pause } from 'node:timers/promises';
import type { SequencerWatch, Sighting } from './sequencer-watch.js';
import type { Replica } from './sequencer-world.js';

/**
 * Waits for the moment to kill one.
 * @param random from 0 to 1: how long after what it waits for
 * @returns what was so then, where the process stands still
 */
type Way = (replica: Replica, watch: SequencerWatch, random: () => number) => Promise<Sighting | undefined>;

const STANDS_STILL_WITHIN_MS = 30;
const WRITES_MS = 15;
const ANY_MS = 1_000;
const TAKEN_WITHIN_MS = 1_500;
const WOKEN_MS = 400;

const isHeldBy = (name: string) => (seen: Sighting) => seen.holder === name;

/**
 * Stops a process where something is so, and lets it go on until it stands still where it is so: what it had asked of the
 * database before is done by then.
 */
async function stopWhere(
  replica: Replica,
  watch: SequencerWatch,
  what: string,
  isSo: (seen: Sighting) => boolean,
): Promise<Sighting> {
  for (;;) {
    await watch.until(`${replica.name} ${what}`, isSo);
    replica.process.child.kill('SIGSTOP');
    await pause(STANDS_STILL_WITHIN_MS);
    const seen = await watch.look();
    if (isSo(seen)) return seen;
    replica.process.child.kill('SIGCONT');
  }
}

/** By what happens. In turn, so that few kills meet each. */
export const WAYS: Readonly<Record<string, Way>> = {
  async 'between its tiles and its checkpoint'(replica, watch) {
    const isBetween = (seen: Sighting) => isHeldBy(replica.name)(seen) && seen.signed < seen.size;
    return stopWhere(replica, watch, 'has written and not signed', isBetween);
  },
  /** It hangs, loses its lock, and wakes when the other has gone on. */
  async 'after it woke, with another in its place'(replica, watch, random) {
    const { backend, size } = await stopWhere(replica, watch, 'writes', isHeldBy(replica.name));
    await watch.cut(backend);
    // What the one that hangs has locked keeps the other out.
    const late = performance.now() + TAKEN_WITHIN_MS;
    while ((await watch.look()).signed <= size && performance.now() < late) await pause(5);
    replica.process.child.kill('SIGCONT');
    await pause(random() * WOKEN_MS);
    return undefined;
  },
  async 'while it writes'(replica, watch, random) {
    await watch.until(`${replica.name} writes`, isHeldBy(replica.name));
    await pause(random() * WRITES_MS);
    return undefined;
  },
  async 'at any moment'(_replica, _watch, random) {
    await pause(random() * ANY_MS);
    return undefined;
  },
};

/** What was so when a process was gone. */
export interface Death {
  readonly way: string;
  /** Entries that were committed, and that no checkpoint was about. */
  readonly unsigned: number;
}

/** Kills a replica in one of these ways; the database notices by itself. */
export async function killIn(
  way: string,
  replica: Replica,
  watch: SequencerWatch,
  random: () => number,
): Promise<Death> {
  const stood = await WAYS[way]?.(replica, watch, random);
  await replica.process.stop('SIGKILL');
  const { size, signed } = stood ?? (await watch.look());
  return { way, unsigned: size - signed };
}
