import { utf8 } from '@bulla/crypto';
import type { Frontier } from '@bulla/crypto/log';
import { appendLeaf, EMPTY_FRONTIER, leafHash } from '@bulla/crypto/log';

/**
 * Where a stream is in the logs of a service: everything before it is done. The frontier stands for the entries before
 * it, so what comes next is only taken if it leads from exactly these to a tree that the service signed.
 */
export interface LogPlace {
  /** URN. */
  readonly service: string;
  /** Which of its logs; counts from 1. */
  readonly log: number;
  /** Its size is the index of the entry that comes next. */
  readonly frontier: Frontier;
}

export function beginningOf(service: string, log: number): LogPlace {
  return { service, log, frontier: EMPTY_FRONTIER };
}

/** The place behind some entries, which come next in this order. */
export async function placeAfter(place: LogPlace, entries: readonly { readonly leaf: string }[]): Promise<LogPlace> {
  let { frontier } = place;
  for (const { leaf } of entries) ({ frontier } = await appendLeaf(frontier, await leafHash(utf8(leaf))));
  return { ...place, frontier };
}
