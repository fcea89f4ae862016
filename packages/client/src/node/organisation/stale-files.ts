import type { KeyFile, KeyRecord } from '@bulla/crypto';
import { fingerprint, keyState, requireSeconds } from '@bulla/crypto';
import type { Home } from '../home/home.js';
import type { KeyHolder, OrganisationKeys } from './key-names.js';
import { KEY_FILES } from './key-names.js';

/** A copy of key files that is older than the directory: its holder has got newer keys elsewhere since it was made. */
export interface StaleFile {
  readonly who: KeyHolder;
  /** Inside the home folder. */
  readonly name: string;
  readonly file: KeyFile;
  /** `kid` of a newer key that the directory lists, and the file does not have. */
  readonly newer: string;
}

/**
 * The files here that lack the newest key that is listed for some purpose. A key that were made from such a file, and listed,
 * would be the newest of a holder that does not have it.
 * @param recordsOf what the directory lists of an entity but for what is revoked.
 * @param now seconds.
 */
export function staleFiles(
  keys: OrganisationKeys,
  recordsOf: (urn: string) => readonly KeyRecord[],
  now: number,
): readonly StaleFile[] {
  requireSeconds(now);
  return (['vault', 'responder', 'device', 'renewer'] as const).flatMap((who) => {
    const file = keys[who];
    if (file === undefined) return [];
    const newer = newerThan(file, recordsOf(file.urn), now);
    return newer === undefined ? [] : [{ who, name: KEY_FILES[who], file, newer }];
  });
}

/**
 * The `kid` of the newest key that is listed for some purpose, where a file has none that is as new. A key that was retired
 * before its time is newer than none that still counts.
 * @param records what the directory lists of its entity but for what is revoked.
 * @param now seconds.
 */
export function newerThan({ keys }: KeyFile, records: readonly KeyRecord[], now: number): string | undefined {
  requireSeconds(now);
  const has = new Set(keys.map(({ kid }) => kid));
  for (const purpose of new Set(records.flatMap(({ pur }) => pur))) {
    const all = records.filter(({ pur }) => pur.includes(purpose));
    const active = all.filter((record) => keyState(record, false, now) === 'active');
    const ordered = (active.length > 0 ? active : all).toSorted((left, right) => right.nbf - left.nbf);
    const [newest] = ordered;
    const isKnown = ordered.some(({ kid, nbf }) => nbf === newest?.nbf && has.has(kid));
    if (newest !== undefined && !isKnown) return newest.kid;
  }
  return undefined;
}

/** What a person is told of a stale file: which, why, and what comes next. */
export function staleLine(home: Home, { who, name, file, newer }: StaleFile): string {
  const next =
    who === 'device'
      ? 'put the newest copy of it here'
      : `copy the file that the ${who} works with over it; new keys are made where that file is (bulla keys rotate ${who})`;
  return `${home.path(name)} is stale: the directory lists ${fingerprint(newer)} of ${file.urn}, which is newer than its keys. Nothing was made or listed for the ${who}: ${next}`;
}
