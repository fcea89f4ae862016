import { requireSeconds } from '@bulla/crypto';
import { bullaError } from '../../connection/errors.js';
import type { TrustStore } from '../../trust/trust-store.js';
import type { FoundLoss } from './log-loss.js';
import { acceptedLoss, withAccepted } from './log-loss.js';

/**
 * Accepts losses of exported logs, as {@link Audit.acceptLosses} does of those that services show.
 * @param now seconds
 * @throws {BullaError} validation_failed where this machine remembers nothing of the organisation under this pin
 */
export async function acceptLossesUnder(
  store: TrustStore,
  { org, pin, now }: { readonly org: string; readonly pin: string; readonly now: number },
  losses: readonly FoundLoss[],
): Promise<void> {
  requireSeconds(now);
  if ((await store.load(org, pin)) === undefined)
    throw bullaError('validation_failed', {
      message: `this machine remembers nothing of ${org} under this pin, so there is no place to keep that`,
      origin: 'client',
    });
  const more = losses.filter(({ acceptedAt }) => acceptedAt === undefined).map((loss) => acceptedLoss(loss, now));
  await store.update(org, pin, (state) => {
    if (state === undefined) throw new Error('what was remembered is gone');
    return { ...state, accepted: withAccepted(state.accepted, more) };
  });
}
