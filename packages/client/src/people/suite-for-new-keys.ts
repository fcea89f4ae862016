import type { PolicyDocument, SuiteId } from '@bulla/crypto';
import { ALL_SUITES } from '@bulla/crypto';

/** The suite of new keys: the first of the policy that this program has and that seals, since devices are sealed to. */
export function suiteForNewKeys({ suites }: PolicyDocument): SuiteId | undefined {
  return suites.find(isForDevices);
}

function isForDevices(id: string): id is SuiteId {
  return ALL_SUITES.some((one) => one.id === id && one.seal !== undefined);
}
