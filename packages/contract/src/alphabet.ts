import { isMadeOf } from '@bulla/crypto/names';
import * as z from 'zod';

/**
 * Text of certain characters, 1 to `charactersMax` of them. The length decides first, and none of its characters is asked
 * for where it is too long.
 * @param characters what may stand between the brackets of a character class.
 */
export function textOf(characters: string, charactersMax: number, message: string) {
  const all = new RegExp(`^[${characters}]*$`);
  return z
    .string()
    .min(1, 'must not be empty')
    .max(charactersMax, { error: `must have at most ${charactersMax} characters`, abort: true })
    .refine((text) => isMadeOf(text, all), message)
    .meta({ pattern: `^[${characters}]+$` });
}

/** base64url without padding. */
export const base64urlText = (charactersMax: number) => textOf('A-Za-z0-9_-', charactersMax, 'must be base64url');
