/** Seconds of a day. */
export const DAY = 86_400;
/** Seconds of a year of 365 days. */
export const YEAR = 365 * DAY;

/** What lasts 90 days is due from its 28th day on. */
const LEFT_OF_90_DAYS = 62 / 90;
const LEFT_LEAST = 62 * DAY;

/**
 * Whether a document or a key is due, by what is left of its life in seconds: a third of it or less, or what would not
 * outlast 60 days in which nobody is there to sign (docs/spec/freshness.md). A person who signs on a day signs all that
 * ends within 61 days, so nothing ends before the next person comes.
 */
export function isDue(left: number, life: number): boolean {
  return left <= Math.max(life / 3, Math.min(LEFT_LEAST, life * LEFT_OF_90_DAYS));
}

/** `two years`, `a year`, `90 days`. */
export function lifeInWords(seconds: number): string {
  if (seconds === 2 * YEAR) return 'two years';
  return seconds === YEAR ? 'a year' : `${seconds / DAY} days`;
}
