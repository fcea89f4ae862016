import * as z from '#zod';
import { utf8 } from '../encoding/bytes.js';
import { checkShape } from '../encoding/schema.js';
import { strictParse } from '../encoding/strict-parse.js';
import { keyThumbprint } from '../keys/keys.js';
import type { VerifyingKey } from '../keys/keys.js';
import type { PublicJwk } from '../keys/suites.js';
import { ED25519_KEYS } from '../keys/suite-ed25519.js';

/** The splitting needs two shares at least, and counts them in one byte. */
export const SHARES_MIN = 2;
export const SHARES_MAX = 255;
const SET_MAX_BYTES = 1024;

const countSchema = z.int().check(z.gte(SHARES_MIN), z.lte(SHARES_MAX));
/** How many shares there are, and how many of them are needed. */
export const countsShape = { shares: countSchema, threshold: countSchema };
export const enoughShares = z.refine<{ shares: number; threshold: number }>(
  ({ shares, threshold }) => threshold <= shares,
);

const setSchema = z
  .strictObject({
    v: z.literal(1),
    /** Public half of the key that signed the shares; its private half was forgotten when they were dealt. */
    dealer: ED25519_KEYS.publicJwk,
    ...countsShape,
  })
  .check(enoughShares);

/** What is known of a root key that was split, and is no secret (docs/spec/share.md). */
export interface ShareSet {
  /** Thumbprint of the dealer's key: the name of the set. */
  readonly id: string;
  readonly dealer: PublicJwk;
  readonly shares: number;
  /** So many of them make the root key; fewer say nothing about it. */
  readonly threshold: number;
}

/**
 * Reads the public file of a set of shares.
 * @throws {CryptoError} token_malformed; payload_too_large
 */
export async function parseShareSet(text: string): Promise<ShareSet> {
  const read = checkShape(strictParse(utf8(text.trim()), { maxBytes: SET_MAX_BYTES }), setSchema, 'set of shares');
  const { dealer, shares, threshold } = read;
  return { id: await keyThumbprint(dealer), dealer, shares, threshold };
}

/** The file of a set, as {@link parseShareSet} reads it. */
export function composeShareSet({ dealer, shares, threshold }: Omit<ShareSet, 'id'>): string {
  return JSON.stringify({ v: 1, dealer, shares, threshold });
}

/** The key under which the shares of a set are signed. */
export function dealerKeyOf({ id, dealer }: ShareSet): VerifyingKey {
  return { kid: id, use: 'sig', alg: 'Ed25519', jwk: dealer };
}
