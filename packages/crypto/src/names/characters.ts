const SLICE_CHARACTERS = 65_536;

/**
 * Whether a text of any length is made of certain characters alone. It is asked slice by slice: over millions of
 * characters a regular expression runs out of its stack, and sooner in a process that has compiled many of them, where V8
 * no longer optimises new ones.
 * @param all `/^[…]*$/` with those characters.
 */
export function isMadeOf(text: string, all: RegExp): boolean {
  for (let at = 0; at < text.length; at += SLICE_CHARACTERS)
    if (!all.test(text.slice(at, at + SLICE_CHARACTERS))) return false;
  return true;
}
