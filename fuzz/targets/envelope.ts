import { parseEnvelope } from '@bulla/crypto';
import { read } from './kit/refusals.js';
import { jwsOf, requireJws } from './kit/tokens.js';

/** An envelope of a prompt or a chat: header, payload and signature, one on each line. */
export function fuzz(input: Uint8Array): boolean {
  const token = jwsOf(input);
  const parsed = read(() => parseEnvelope(token));
  if (parsed !== undefined) requireJws(token, parsed);
  return parsed !== undefined;
}
