/** A number as people read it: `18,204`. */
export function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}

/** A number of entries, in words. */
export function entriesText(count: number): string {
  return `${grouped(count)} ${count === 1 ? 'entry' : 'entries'}`;
}

/** Where entries are, in words. */
export function placeText({ first, last }: { readonly first: number; readonly last: number }): string {
  return first === last ? `entry ${grouped(first)}` : `entries ${grouped(first)} to ${grouped(last)}`;
}
