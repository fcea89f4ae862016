import { Answer } from '../route/answer.js';

export interface Page<Item> {
  readonly data: Item[];
  readonly next_cursor: string | null;
}

/** What a listing must say of its rows. */
export interface PageShape<Row, Item> {
  /** Longest page. */
  readonly limit: number;
  /** A row as callers see it. */
  readonly item: (row: Row) => Item;
  /** The cursor after a row. */
  readonly cursorAfter: (row: Row) => string;
  /** The request, which says where the next page is (`Link: rel=next`, RFC 8288). */
  readonly request: { readonly path: string; readonly query: string };
}

/** One page of what was asked for with one row more than fits, so that the last page is known to be the last. */
export function pageOf<Row, Item>(rows: readonly Row[], shape: PageShape<Row, Item>): Answer<Page<Item>> {
  const shown = rows.slice(0, shape.limit);
  const last = rows.length > shape.limit ? shown.at(-1) : undefined;
  const data = shown.map(shape.item);
  if (last === undefined) return new Answer({ data, next_cursor: null });
  const next = shape.cursorAfter(last);
  return new Answer(
    { data, next_cursor: next },
    { headers: { link: `<${nextAddress(shape.request, next)}>; rel="next"` } },
  );
}

/** The address of the next page: the same request with another cursor. */
function nextAddress({ path, query }: PageShape<unknown, unknown>['request'], cursor: string): string {
  const members = new URLSearchParams(query.slice(1));
  members.set('cursor', cursor);
  return `${path}?${members.toString()}`;
}
