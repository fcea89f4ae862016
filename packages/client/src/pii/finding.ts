/** A piece of a text that is personal data, or a secret. */
export interface Finding {
  /** In capitals, as placeholders and counts name it: `EMAIL`. */
  readonly type: string;
  /** Where it begins and where it ended, in UTF-16 code units. */
  readonly start: number;
  readonly end: number;
}

/** Finds one kind of it in a text, in time that is linear in its length. */
export type Detector = (text: string) => Iterable<Finding>;

/** What types are called: a placeholder has the name in it. */
export const TYPE_PATTERN = /^[A-Z][A-Z_]{0,31}$/;

/**
 * Findings in their order, without overlap: those that overlap are one from the first's beginning to the last's end, of
 * the type of the longest.
 */
export function mergeFindings(found: readonly Finding[]): Finding[] {
  const merged: Finding[] = [];
  let longest = 0;
  for (const one of found.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const last = merged.at(-1);
    const length = one.end - one.start;
    if (last === undefined || one.start >= last.end) {
      merged.push(one);
      longest = length;
      continue;
    }
    const type = length > longest ? one.type : last.type;
    longest = Math.max(longest, length);
    merged[merged.length - 1] = { type, start: last.start, end: Math.max(last.end, one.end) };
  }
  return merged;
}
