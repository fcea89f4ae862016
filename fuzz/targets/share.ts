import { parseShare } from '@bulla/crypto';
import { equal } from 'node:assert/strict';
import { read } from './kit/refusals.js';
import { jwsOf, requireJws } from './kit/tokens.js';

/** A share of a root key: header, payload and signature, one on each line. */
export function fuzz(input: Uint8Array): boolean {
  const token = jwsOf(input);
  const parsed = read(() => parseShare(token));
  if (parsed === undefined) return false;
  requireJws(token, parsed);
  const { index, shares, threshold, value } = parsed.claims;
  equal(index >= 1 && index <= shares && threshold >= 2 && threshold <= shares && shares <= 255, true);
  equal(Buffer.from(value, 'base64url').length, 33);
  return true;
}
