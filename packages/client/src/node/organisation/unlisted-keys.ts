import type { DirectoryDocument } from '@bulla/crypto';
import { isCheckpointKey } from '@bulla/crypto';
import type { OrganisationKeys } from './key-names.js';
import { LOGGING_SERVICES } from './log-keys.js';

/** Keys in a service's file that its directory does not list yet, and that the service must hold by then. */
export interface UnlistedKeys {
  readonly urn: string;
  /** What things will be sealed to, and what will sign the service's newest log: without it the service decides nothing. */
  readonly kids: readonly string[];
  /** Whether one of them is for a log. */
  readonly ofLog: boolean;
}

/**
 * Such keys of vault and responder, where there is a directory. The service itself may read another copy of its file.
 * @param isStale whether nothing of a file is listed.
 */
export function unlistedKeys(
  keys: OrganisationKeys,
  listed: DirectoryDocument['entities'] | undefined,
  isStale: (urn: string) => boolean,
): readonly UnlistedKeys[] {
  if (listed === undefined) return [];
  return LOGGING_SERVICES.flatMap((who) => {
    const { urn, keys: held } = keys[who];
    const known = new Set(listed[urn]?.keys.map(({ kid }) => kid));
    const isNeeded = (key: (typeof held)[number]) => isCheckpointKey(key) || (who === 'responder' && key.use === 'enc');
    const found = isStale(urn) ? [] : held.filter((key) => isNeeded(key) && !known.has(key.kid));
    return found.length === 0 ? [] : [{ urn, kids: found.map(({ kid }) => kid), ofLog: found.some(isCheckpointKey) }];
  });
}
