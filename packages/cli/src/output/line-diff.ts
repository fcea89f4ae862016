/** A line of two texts laid side by side: in both, only in the old one, or only in the new one. */
export interface DiffLine {
  readonly mark: ' ' | '-' | '+';
  readonly text: string;
}

/** Beyond so many differing lines the texts are taken for two: memory grows with the square of it. */
const EDITS_MAX = 500;

/**
 * The fewest lines to take away and to add that make the new text of the old one (E. Myers, "An O(ND) Difference
 * Algorithm", 1986). Where more than 500 differ, what lies between their common beginning and end is replaced.
 */
export function diffLines(before: readonly string[], after: readonly string[]): DiffLine[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let [oldEnd, newEnd] = [before.length, after.length];
  while (oldEnd > start && newEnd > start && before[oldEnd - 1] === after[newEnd - 1]) {
    oldEnd -= 1;
    newEnd -= 1;
  }
  return [
    ...marked(' ', before.slice(0, start)),
    ...diffMiddle(before.slice(start, oldEnd), after.slice(start, newEnd)),
    ...marked(' ', before.slice(oldEnd)),
  ];
}

function marked(mark: DiffLine['mark'], lines: readonly string[]): DiffLine[] {
  return lines.map((text) => ({ mark, text }));
}

function diffMiddle(before: readonly string[], after: readonly string[]): DiffLine[] {
  const reached = search(before, after);
  if (reached === undefined) return [...marked('-', before), ...marked('+', after)];
  return tidied(walkBack(before, after, reached));
}

/**
 * How far into the old text each diagonal gets with 0, 1, 2, … edits, before each round.
 * @returns undefined where that takes too many
 */
function search(before: readonly string[], after: readonly string[]): Map<number, number>[] | undefined {
  const rounds: Map<number, number>[] = [];
  const furthest = new Map([[1, 0]]);
  for (let edits = 0; edits <= Math.min(EDITS_MAX, before.length + after.length); edits += 1) {
    rounds.push(new Map(furthest));
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let at = isDown(furthest, diagonal, edits) ? xAt(furthest, diagonal + 1) : xAt(furthest, diagonal - 1) + 1;
      while (at < before.length && at - diagonal < after.length && before[at] === after[at - diagonal]) at += 1;
      furthest.set(diagonal, at);
      if (at >= before.length && at - diagonal >= after.length) return rounds;
    }
  }
  return undefined;
}

function xAt(furthest: ReadonlyMap<number, number>, diagonal: number): number {
  return furthest.get(diagonal) ?? -1;
}

/** Whether the last edit on this diagonal added a line; else it took one away. */
function isDown(furthest: ReadonlyMap<number, number>, diagonal: number, edits: number): boolean {
  return diagonal === -edits || (diagonal !== edits && xAt(furthest, diagonal - 1) < xAt(furthest, diagonal + 1));
}

/** From the ends of both texts back to their beginnings, by what each round had reached. */
function walkBack(
  before: readonly string[],
  after: readonly string[],
  rounds: readonly ReadonlyMap<number, number>[],
): DiffLine[] {
  const lines: DiffLine[] = [];
  let [x, y] = [before.length, after.length];
  for (const [edits, furthest] of [...rounds.entries()].toReversed()) {
    const diagonal = x - y;
    const from = isDown(furthest, diagonal, edits) ? diagonal + 1 : diagonal - 1;
    const [fromX, fromY] = edits === 0 ? [0, 0] : [xAt(furthest, from), xAt(furthest, from) - from];
    while (x > fromX && y > fromY) {
      x -= 1;
      y -= 1;
      lines.push({ mark: ' ', text: before[x] ?? '' });
    }
    if (edits > 0 && x > fromX) lines.push({ mark: '-', text: before[(x -= 1)] ?? '' });
    else if (edits > 0) lines.push({ mark: '+', text: after[(y -= 1)] ?? '' });
  }
  return lines.toReversed();
}

/** In each run of changed lines first those that go, then those that come. */
function tidied(lines: readonly DiffLine[]): DiffLine[] {
  const result: DiffLine[] = [];
  let added: DiffLine[] = [];
  for (const line of lines) {
    if (line.mark === '+') added.push(line);
    else if (line.mark === '-') result.push(line);
    else {
      result.push(...added, line);
      added = [];
    }
  }
  return [...result, ...added];
}
