import type { Caller } from '@bulla/service-kit';

/** Whether a holder of keys is the caller, or another device of the same person. */
export function isOwn({ urn, user, trust }: Caller, other: string): boolean {
  return other === urn || (user !== undefined && trust.userOf(other) === user);
}
