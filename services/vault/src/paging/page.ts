import { Answer } from '@bulla/service-kit';

export interface Page<Item> {
  readonly data: Item[];
  readonly next_cursor: string | null;
}

/**
 * One page of what was asked for with one row more than fits, so that the last page is known to be the last.
 * @param place where a row stands, as the cursor after it says
 * @param path of the listing with its query, for `Link: rel=next` (RFC 8288)
 */
export function pageOf<Row, Item>(rows: readonly Row[], limit: number, item: (row: Row) => Item, cursorAfter: (row: Row) => string, link: (cursor: string) => string): Answer<Page<Item>> {
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  const next = last === undefined ? null : cursorAfter(last);
  return new Answer({ data: shown.map(item), next_cursor: next }, next === null ? {} : { headers: { link: `<${link(next)}>; rel="next"` } });
}

/** The address of the next page: the same request with another cursor. */
export function nextLink(request: { readonly path: string; readonly query: string }): (cursor: string) => string {
  return (cursor) => {
    const query = new URLSearchParams(request.query.slice(1));
    query.set('cursor', cursor);
    return `${request.path}?${query.toString()}`;
  };
}
