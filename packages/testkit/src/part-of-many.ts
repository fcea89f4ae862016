/** What a process did of what is tried at random a great many times. */
export interface PartOfMany {
  /** How often what happened. */
  readonly counts: ReadonlyMap<string, number>;
  /** What should not have happened, for people. */
  readonly report: string | undefined;
}

const TOLD_EVERY = 100;

/**
 * Does the part of one process of `npm run walks` and its like: every so-many-th number of a seed, as its arguments say. Its
 * parent hears after each hundred how far it is, and at the end what came of it.
 * @param work is to call `taken` after each number
 */
export async function takePart(
  work: (seed: number, numbers: Iterable<number>, taken: () => void) => Promise<PartOfMany>,
): Promise<void> {
  const [seed = 0, first = 0, end = 0, step = 1] = process.argv.slice(2).map(Number);
  const stopped = new AbortController();
  // A Ctrl-C is for the parent, which asks in its turn; it may also have been killed.
  process.on('SIGINT', () => undefined);
  process.once('SIGTERM', () => stopped.abort());
  process.once('disconnect', () => stopped.abort());
  function* numbers(): Generator<number> {
    for (let number = first; number < end && !stopped.signal.aborted; number += step) yield number;
  }
  let taken = 0;
  const { counts, report } = await work(seed, numbers(), () => {
    taken += 1;
    if (taken % TOLD_EVERY === 0) process.send?.({ taken });
  });
  if (process.connected) process.send?.({ taken, counts: [...counts], report }, () => process.disconnect());
  if (stopped.signal.aborted) process.exitCode = 1;
}
