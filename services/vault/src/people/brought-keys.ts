import type { NewEnrolment } from '@bulla/contract';
import type { DeviceKey } from '@bulla/crypto';
import { ALL_SUITES, deviceKeyOf, renewerKeyOf } from '@bulla/crypto';

/** The keys that a device asks to be let in with. */
export interface BroughtKeys {
  /** Signs its requests. */
  readonly sig: DeviceKey;
  /** What is sealed to it; of a renewer, which is sealed nothing, the key that signs what is the newest. */
  readonly enc: DeviceKey;
  readonly isRenewer: boolean;
}

const SIGNING: ReadonlySet<string> = new Set(ALL_SUITES.map(({ sign }) => sign));

/**
 * Checks both keys; the algorithm of the second says whether a renewer brings them.
 * @throws {CryptoError} key_invalid, token_malformed
 */
export async function broughtKeys({ sig, enc }: Pick<NewEnrolment, 'sig' | 'enc'>): Promise<BroughtKeys> {
  if (SIGNING.has(enc.alg)) return { sig: await renewerKeyOf(sig), enc: await renewerKeyOf(enc), isRenewer: true };
  return { sig: await deviceKeyOf(sig, 'sig'), enc: await deviceKeyOf(enc, 'enc'), isRenewer: false };
}
