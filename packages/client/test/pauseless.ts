import { jest } from '@jest/globals';

/**
 * Does something while the pauses between a client's tries pass at once.
 * @param pauses gets each of them, in milliseconds
 */
export async function pauseless<Result>(work: () => Promise<Result>, pauses: number[] = []): Promise<Result> {
  const { setTimeout: real } = globalThis;
  const begin = ((done: (...given: unknown[]) => void, ms?: number, ...given: unknown[]) => {
    // Its own `pause`, and no time-out of a request or of a connection.
    if (!/\bat (async )?pause /.test(new Error('where').stack ?? '')) return real(done, ms, ...given);
    pauses.push(ms ?? 0);
    return real(done, 0, ...given);
  }) as typeof setTimeout;
  const hurried = jest.spyOn(globalThis, 'setTimeout').mockImplementation(begin);
  try {
    return await work();
  } finally {
    hurried.mockRestore();
  }
}
