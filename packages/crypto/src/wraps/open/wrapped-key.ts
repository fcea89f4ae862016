import type { Bytes } from '../../encoding/bytes.js';
import { CryptoError } from '../../names/errors.js';
import type { ParsedJwe } from '../../tokens/compact.js';
import { openUnder } from '../../tokens/open/compact.js';
import { wrappingKey } from '../wrapped-key.js';

/** A wrapped key that was read, the key it should be under, and the members that bind it to its place. */
export interface Wrapped<Context> {
  readonly parsed: ParsedJwe<Context & { readonly alg: string; readonly kid: string }>;
  readonly under: Uint8Array;
  readonly kid: string;
  readonly context: Context;
  readonly bound: readonly (keyof Context & string)[];
}

/**
 * Opens a wrapped key at its place.
 * @returns 32 bytes; wipe them after use.
 * @throws {CryptoError} before the key is used: key_unknown if it is under another, envelope_tampered if it stands in
 *   another place, key_invalid if `under` is not 32 bytes; then open_failed, whatever went wrong
 */
export async function openKeyUnder<Context>({ parsed, under, kid, context, bound }: Wrapped<Context>): Promise<Bytes> {
  const { header } = parsed;
  // guard: wrap-kid
  if (header.kid !== kid)
    throw new CryptoError('key_unknown', 'it is wrapped under another key', { check: 'wrap-kid', kid: header.kid });
  const other = bound.find((member) => header[member] !== context[member]);
  if (other !== undefined)
    throw new CryptoError('envelope_tampered', 'the wrapped key belongs elsewhere', { check: `wrap-${other}` });
  const secret = wrappingKey(under);
  try {
    return await openUnder(parsed, secret);
  } finally {
    secret.wipe();
  }
}
