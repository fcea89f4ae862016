import type { Custody, CustodyTrust } from '@bulla/crypto';
import { custodyOf } from '@bulla/crypto';

/** In whose custody a name is by a policy: the one place where the SDK asks. A vault has no word in it. */
export function custodyUnder(name: string, rules: CustodyTrust): Custody {
  return custodyOf(name, rules);
}
