import type { World } from './world.js';

/** What came of asking all the time. */
export interface Asked {
  readonly answered: number;
  /** What was said on stderr by each run that failed. */
  readonly failed: readonly string[];
}

/**
 * Runs one command after the other until it is told to stop, as somebody does who never waits for keys to be replaced. A run
 * that fails is the last.
 * @param expected stands in what each run prints.
 */
export function keepAsking(world: World, argv: readonly string[], expected: string): () => Promise<Asked> {
  const over = new AbortController();
  let answered = 0;
  const failed: string[] = [];
  const asking = (async () => {
    while (!over.signal.aborted && failed.length === 0) {
      const { code, stdout, stderr } = await world.bulla(argv);
      if (code === 0 && stdout.includes(expected)) answered++;
      else failed.push(stderr);
    }
  })();
  return async () => {
    over.abort();
    await asking;
    return { answered, failed };
  };
}
