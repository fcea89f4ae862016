/**
 * Checks a time that a caller gives: whole seconds since 1970. Any other value would compare as false with every
 * limit, so that something expired would count.
 * @throws {TypeError} where it is anything else: the caller made the mistake, not the author of what is checked
 */
export function requireSeconds(now: unknown): asserts now is number {
  // guard: seconds-whole
  if (!Number.isSafeInteger(now)) throw new TypeError('a time is a whole number of seconds since 1970');
}
