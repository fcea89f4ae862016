/** Two items a page, so that paging is used. */
export function page<Item>(
  items: readonly Item[],
  query: URLSearchParams,
): { data: Item[]; next_cursor: string | null } {
  const from = Number(query.get('cursor') ?? 0);
  const next = from + 2;
  return { data: items.slice(from, next), next_cursor: next < items.length ? String(next) : null };
}
