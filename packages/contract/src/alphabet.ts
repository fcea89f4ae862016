import * as z from 'zod';

const SLICE_CHARACTERS = 65_536;

/**
 * Text of certain characters, 1 to `charactersMax` of them. The length decides first and then each slice on its own: over
 * millions of characters a regular expression can run out of its stack, and none is asked about text that is too long.
 * @param characters what may stand between the brackets of a character class.
 */
export function textOf(characters: string, charactersMax: number, message: string) {
  const pattern = `^[${characters}]+$`;
  const slice = new RegExp(pattern);
  return z
    .string()
    .min(1, 'must not be empty')
    .max(charactersMax, { error: `must have at most ${charactersMax} characters`, abort: true })
    .refine((text) => {
      for (let at = 0; at < text.length; at += SLICE_CHARACTERS) {
        if (!slice.test(text.slice(at, at + SLICE_CHARACTERS))) return false;
      }
      return true;
    }, message)
    .meta({ pattern });
}

/** base64url without padding. */
export const base64urlText = (charactersMax: number) => textOf('A-Za-z0-9_-', charactersMax, 'must be base64url');
