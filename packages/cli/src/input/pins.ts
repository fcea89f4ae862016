import { FileTrustStore } from '@bulla/client/node';
import type { Context } from '../context.js';
import { UsageError } from './usage-error.js';

/** By what documents are verified, and what this machine remembers under it. */
export interface PinToUse {
  readonly pin: string;
  /** Where the profile has the same pin. */
  readonly store: FileTrustStore | undefined;
}

/**
 * The pin that was given, or that of the profile.
 * @param example the command with a pin.
 * @throws {UsageError} where neither says one
 */
export async function pinFor(context: Context, given: string | undefined, example: string): Promise<PinToUse> {
  if (given !== undefined && !/^sha256:[0-9a-f]{64}$/.test(given))
    throw new UsageError('--pin: expected sha256: and 64 hexadecimal digits');
  const profile = await context.findProfile();
  const pin = given ?? profile?.pin;
  if (pin === undefined)
    throw new UsageError(
      'there is no profile here that says whom to trust',
      `give the pin of the organisation: ${example}`,
    );
  return { pin, store: profile?.pin === pin ? new FileTrustStore(context.home) : undefined };
}
