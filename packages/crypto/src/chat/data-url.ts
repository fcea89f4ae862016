import * as z from '#zod';
import { isMadeOf } from '../names/characters.js';

const DIGITS = /^[A-Za-z0-9+/]*$/;

/**
 * A `data:` URL with base64 of one of these media types (RFC 2397). No other scheme: who answers fetches nothing.
 * It is written in one way: type in lower case, no parameters, padding.
 */
export function dataUrlSchema(types: readonly string[]): z.ZodMiniType<string> {
  return z.string().check(z.refine((url) => isDataUrl(url, types)));
}

function isDataUrl(url: string, types: readonly string[]): boolean {
  const data = dataOf(url);
  // guard: data-url-type
  if (!types.some((type) => url.startsWith(`data:${type};base64,`))) return false;
  const digits = data.slice(0, data.length - paddingOf(data));
  return data.length % 4 === 0 && digits !== '' && isMadeOf(digits, DIGITS);
}

/** How many bytes a good `data:` URL holds. */
export function dataUrlBytes(url: string): number {
  const data = dataOf(url);
  return (data.length / 4) * 3 - paddingOf(data);
}

/** How many `=` stand at the end: at most two. */
function paddingOf(data: string): number {
  if (data.endsWith('==')) return 2;
  return data.endsWith('=') ? 1 : 0;
}

function dataOf(url: string): string {
  return url.slice(url.indexOf(',') + 1);
}
