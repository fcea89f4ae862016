import fc from 'fast-check';
import type { TestVault } from '../running-vault.js';
import { startVault } from '../running-vault.js';
import { Model } from './model.js';
import { Look, STEPS } from './steps.js';
import { World } from './world.js';

/** So many walks share a vault: an organisation may publish 100 directories a day. */
const WALKS_EACH = 4;

/** Vaults for walks, one after the other. */
export class Vaults {
  #walks = 0;
  #vault: TestVault | undefined;

  async next(counts: Map<string, number>): Promise<World> {
    if (this.#walks % WALKS_EACH === 0) {
      await this.stop();
      this.#vault = await startVault();
    }
    this.#walks += 1;
    if (this.#vault === undefined) throw new Error('a vault was started');
    return World.start(this.#vault, `walk-${this.#walks}`, counts);
  }

  async stop(): Promise<void> {
    await this.#vault?.stop();
    this.#vault = undefined;
  }
}

export interface WalkOptions {
  readonly seed: number;
  readonly walks: number;
  /** At most, in one walk. */
  readonly steps: number;
  /** Whether a walk that fails is made shorter before it is told. */
  readonly shrinks?: boolean;
}

/**
 * Walks of a seed, each by people of its own. Everybody looks at everything when it ends.
 * @returns what happened, and how often
 * @throws with the steps of the first walk in which vault and model differ
 */
export async function walkAll(
  vaults: Vaults,
  { seed, walks, steps, shrinks = true }: WalkOptions,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const walk = fc.asyncProperty(fc.commands([...STEPS], { maxCommands: steps, size: 'max' }), async (commands) => {
    const world = await vaults.next(counts);
    const model = new Model(world.custody(), world.people.firstKeys());
    await fc.asyncModelRun(() => ({ model, real: world }), commands);
    await new Look().run(model, world);
  });
  await fc.assert(walk, { numRuns: walks, seed, endOnFailure: !shrinks });
  return counts;
}
