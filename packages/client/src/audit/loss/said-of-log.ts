import type { TreeHead } from '@bulla/crypto/log';
import { originOf } from '@bulla/crypto/log';
import type { LogName } from '@bulla/crypto/log';
import type { LogVerdict } from '../audit-verdict.js';
import { isChainGood } from '../audit-verdict.js';

/** What the newer logs of a service say of one. */
export interface SaidOfLog {
  /** Its last trees, each as a newer log has it. */
  readonly heads: readonly TreeHead[];
  /** How many of its entries count: those that every newer log knows of. */
  readonly counts: number;
}

/**
 * What newer logs say of one with a lower number, as far as they can be believed; undefined where none says anything, and
 * so the log may not have ended.
 */
export function saidOfLog(newer: readonly LogVerdict[], name: LogName): SaidOfLog | undefined {
  const origin = originOf(name);
  const said = newer
    .filter((one) => isChainGood(one))
    .flatMap(({ lower }) => lower.filter(({ number }) => number === name.number));
  if (said.length === 0) return undefined;
  // A log of the same number and another name is another log: of this one nothing is said.
  const heads = said.flatMap(({ note }) => (note?.origin === origin ? [note.head] : []));
  const counts = heads.length < said.length ? 0 : Math.min(...heads.map(({ size }) => size));
  return { heads, counts };
}

/** The largest of some trees. */
export function largestOf(heads: readonly (TreeHead | undefined)[]): TreeHead | undefined {
  const known = heads.filter((head) => head !== undefined);
  return known.toSorted((left, right) => right.size - left.size)[0];
}
