/** The word of a list that was probably meant by one that is not in it: a slip or two away; undefined where none is close. */
export function closestTo(word: string, words: readonly string[]): string | undefined {
  if (word.length > 128) return undefined;
  const slips = Math.max(1, Math.min(3, Math.floor(word.length / 3)));
  const [closest] = words
    .map((known) => ({ known, distance: distanceOf(word, known) }))
    .filter(({ distance }) => distance <= slips)
    .toSorted((one, other) => one.distance - other.distance);
  return closest?.known;
}

/** How many letters are to be changed, added, left out or exchanged with the next one. */
function distanceOf(one: string, other: string): number {
  let before: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let row = 1; row <= one.length; row++) {
    const next = [row];
    for (let column = 1; column <= other.length; column++) {
      const isSame = one[row - 1] === other[column - 1];
      const isExchanged = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      next[column] = Math.min(
        (last[column] ?? 0) + 1,
        (next[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        isExchanged ? (before[column - 2] ?? Number.POSITIVE_INFINITY) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [before, last] = [last, next];
  }
  return last[other.length] ?? 0;
}
