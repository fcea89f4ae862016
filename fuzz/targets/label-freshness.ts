import { parseLabelFreshness } from '@bulla/crypto';
import { read } from './kit/refusals.js';
import { jwsOf, requireJws } from './kit/tokens.js';

/** What a renewer says of a position: header, payload and signature, one on each line. */
export function fuzz(input: Uint8Array): boolean {
  const token = jwsOf(input);
  const parsed = read(() => parseLabelFreshness(token));
  if (parsed !== undefined) requireJws(token, parsed);
  return parsed !== undefined;
}
