import type { Trust } from '@bulla/crypto';
import type { LogName } from '@bulla/crypto/log';
import { parseOrigin, pinInOrigin } from '@bulla/crypto/log';
import type { TrustState } from '../../trust/trust-store.js';
import { highestLogIn } from '../log-keys.js';
import { toldHeads } from '../told/told-heads.js';

/** A service has that long to begin a log whose key was published. */
const BEGINS_SECONDS = 15 * 60;
/** So much longer where several people sign the directory: it may be published long after it was issued. */
const SEVERAL_SIGN_SECONDS = 86_400;

/**
 * The log with the highest number whose key a directory lists for a service, once it has to be there.
 * @param now seconds
 */
export function dueLog(trust: Trust, urn: string, now: number): LogName | undefined {
  const number = highestLogIn(trust, urn);
  if (number === undefined) return undefined;
  const several = trust.root.roles.directory.threshold > 1 ? SEVERAL_SIGN_SECONDS : 0;
  const issued = Date.parse(trust.directory.issued) / 1000;
  // guard: audit-log-due
  if (now < issued + BEGINS_SECONDS + several) return undefined;
  return { urn, number, pin: pinInOrigin(trust.pin) };
}

/** The logs of a service that this machine verified, or was told of. */
export function knownLogs(state: Pick<TrustState, 'heads' | 'told'> | undefined, urn: string): LogName[] {
  const { heads = [], told } = state ?? {};
  const origins = new Set([...heads.map(([origin]) => origin), ...toldHeads(told).map(({ origin }) => origin)]);
  return [...origins].flatMap((origin) => {
    const name = parseOrigin(origin);
    return name?.urn === urn ? [name] : [];
  });
}
