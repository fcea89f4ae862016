import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { Store, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

/** Who is told which vault the next test, or what is left of this one, works with. */
type Use = (vault: TestVault) => Promise<void> | void;

/**
 * A vault that the tests around share, beside one of its own for a test that leaves its vault as others cannot use it.
 * @param prepare what is done to each before it is used
 * @returns starts one for the test that calls it; it is stopped after the test, and the others have theirs again
 */
export function shareVault(store: Store, use: Use, prepare: Use = () => undefined): () => Promise<void> {
  let shared: TestVault;
  let own: TestVault | undefined;
  const started = async () => {
    const vault = await startVault(store);
    await use(vault);
    await prepare(vault);
    return vault;
  };
  beforeAll(async () => {
    shared = await started();
  });
  afterAll(() => shared.stop());
  afterEach(async () => {
    const leaving = own;
    own = undefined;
    if (leaving === undefined) return;
    await use(shared);
    await leaving.stop();
  });
  return async () => {
    own = await startVault(store);
    await use(own);
    await prepare(own);
  };
}
