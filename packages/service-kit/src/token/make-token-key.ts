import type { TokenKey } from '@bulla/crypto';
import { TokenFault } from './token-fault.js';
import { tokenPlace, withObject } from './token-place.js';
import { readPin } from './token-pin.js';
import { isBindingBuilt, TokenProcess } from './token-process.js';

/** Hardware takes its time for two large primes. */
const MAKE_MS = 120_000;

/** What key is made, and by which label. */
export interface NewTokenKey {
  /** Of a suite. */
  readonly modulusBits: number;
  /** Follows the label in the URI, so that one URI names several keys. */
  readonly suffix: string;
}

/**
 * Makes an RSA key in a token that never leaves it, and may do nothing but sign.
 * @throws {TokenPlaceRefused} {TokenFault}
 */
export async function makeTokenKey(
  uri: string,
  { modulusBits, suffix }: NewTokenKey,
): Promise<Pick<TokenKey, 'jwk' | 'token'>> {
  const named = tokenPlace(uri, 'private');
  const place = { ...named, object: `${named.object}${suffix}` };
  if (!isBindingBuilt()) throw new TokenFault('no_binding', place);
  const { module, token, object } = place;
  const pin = await readPin(place);
  const child = new TokenProcess();
  try {
    const asked = child.ask({ act: 'generate', module, token, object, pin, modulusBits }, MAKE_MS);
    const { error, modulus, exponent } = await asked;
    if (error !== undefined) throw new TokenFault(error, place);
    if (!(modulus instanceof Uint8Array) || textOf(exponent) !== 'AQAB') throw new TokenFault('nonsense', place);
    return { jwk: { kty: 'RSA', n: textOf(modulus), e: 'AQAB' }, token: withObject(uri, object) };
  } finally {
    pin.fill(0);
    child.end();
  }
}

/** A number as JWK writes it: tokens may begin it with zeros. */
function textOf(number: unknown): string {
  if (!(number instanceof Uint8Array)) return '';
  const begin = number.findIndex((byte) => byte !== 0);
  return Buffer.from(number.subarray(Math.max(begin, 0))).toString('base64url');
}
