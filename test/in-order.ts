import { beforeAll, it } from '@jest/globals';

/** How long one step may take at most, in milliseconds. */
const STEP_MS_MAX = 180_000;

/** A test that builds on those before it. */
export interface Step {
  readonly name: string;
  readonly run: () => unknown;
  /** Whether this machine can show it; where it cannot, the step is skipped, and counted so. */
  readonly isHere?: boolean;
}

/**
 * Tests that build on each other, such as what a stop leaves behind. They run in this order before the first of them
 * says how it ended, in whatever order Jest asks them. One that fails keeps none of the others from running.
 */
export function inOrder(steps: readonly Step[]): void {
  const ends = new Map<string, PromiseSettledResult<unknown>>();
  beforeAll(async () => {
    for (const { name, run, isHere = true } of steps) {
      if (!isHere) continue;
      const [end] = await Promise.allSettled([(async () => run())()]);
      ends.set(name, end);
    }
  }, steps.length * STEP_MS_MAX);
  for (const { name, isHere = true } of steps) {
    (isHere ? it : it.skip)(name, () => {
      const end = ends.get(name);
      if (end === undefined) throw new Error(`this did not run: ${name}`);
      if (end.status === 'rejected') throw end.reason;
    });
  }
}
