import type { ChatMessage } from '@bulla/crypto';
import { FILE_TYPES, IMAGE_TYPES } from '@bulla/crypto/names';
import * as z from 'zod';
import { refused } from './app-errors.js';

type UserContent = Extract<ChatMessage, { role: 'user' }>['content'];
/** A part of what an app shows a model: text, a picture or a file. */
export type MessagePart = Exclude<UserContent, string>[number];

const NOT_FETCHED = 'must be a data: URL, since nobody here fetches an address';

/** A picture that a question may bring along. */
export const imageDataUrl = dataUrl(IMAGE_TYPES);
/** The same for a file. */
export const fileDataUrl = dataUrl(FILE_TYPES);

function dataUrl(types: readonly string[]): z.ZodType<string> {
  return z
    .string({ error: NOT_FETCHED })
    .refine((url) => url.startsWith('data:'), { error: NOT_FETCHED, abort: true })
    .refine((url) => types.some((type) => url.startsWith(`data:${type};base64,`)), {
      error: `must be base64 of one of these types: ${types.join(', ')}`,
    });
}

/**
 * What is said in a place that takes words alone.
 * @throws {BullaError} validation_failed for a picture or a file
 */
export function plainText(content: string | readonly MessagePart[], at: readonly PropertyKey[]): string {
  if (typeof content === 'string') return content;
  return content
    .map((part) => {
      if (part.type !== 'text') throw refused(`/${at.join('/')}`, 'takes text alone');
      return part.text;
    })
    .join('');
}
