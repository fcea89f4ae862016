/** Seconds of a day. */
export const DAY = 86_400;
/** Seconds of a year of 365 days. */
export const YEAR = 365 * DAY;

/** `two years`, `a year`, `90 days`. */
export function lifeInWords(seconds: number): string {
  if (seconds === 2 * YEAR) return 'two years';
  return seconds === YEAR ? 'a year' : `${seconds / DAY} days`;
}
