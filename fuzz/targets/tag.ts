import { parseTag } from '@bulla/crypto';
import { read } from './kit/refusals.js';
import { jwsOf, requireJws } from './kit/tokens.js';

/** A tag: header, payload and signature, one on each line. */
export function fuzz(input: Uint8Array): boolean {
  const token = jwsOf(input);
  const parsed = read(() => parseTag(token));
  if (parsed !== undefined) requireJws(token, parsed);
  return parsed !== undefined;
}
