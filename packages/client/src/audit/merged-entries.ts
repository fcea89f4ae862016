import type { ListedEntry } from './audit-entries.js';

/** Several lists of entries as one, by the time at which each came into its log. @param order of each of them. */
export async function* merged(
  lists: readonly AsyncGenerator<ListedEntry>[],
  order: 'newest-first' | 'oldest-first',
): AsyncGenerator<ListedEntry> {
  const heads = await Promise.all(lists.map(async (list) => ({ list, next: await list.next() })));
  const isBefore = (one: ListedEntry, other: ListedEntry) =>
    order === 'newest-first' ? one.at > other.at : one.at < other.at;
  try {
    for (;;) {
      let first: (typeof heads)[number] | undefined;
      for (const head of heads) {
        if (head.next.done === true) continue;
        if (first === undefined || isBefore(head.next.value, first.next.value as ListedEntry)) first = head;
      }
      if (first === undefined) return;
      yield first.next.value as ListedEntry;
      first.next = await first.list.next();
    }
  } finally {
    await Promise.all(lists.map((list) => list.return(undefined)));
  }
}
