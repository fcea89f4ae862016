import * as z from '#zod';
import { utf8 } from '../encoding/bytes.js';
import type { SealingKey } from '../keys/key-material.js';
import { secondsSchema } from '../keys/keys.js';
import type { Signer } from '../keys/signer.js';
import { CryptoError } from '../names/errors.js';
import type { JweFormat, JwsFormat, ParsedJwe, ParsedJws } from '../tokens/compact.js';
import { parseJwe, parseJws, sealAlgOf, sealedToShape, sealTo, signJws, verifyJws } from '../tokens/compact.js';
import type { ShareSet } from './share-set.js';
import { countsShape, dealerKeyOf, enoughShares, SHARES_MAX } from './share-set.js';

const claimsSchema = z
  .strictObject({
    /** Counts from 1, in the order of dealing. */
    index: z.int().check(z.gte(1), z.lte(SHARES_MAX)),
    ...countsShape,
    /** 33 bytes: the share of each byte of the root key, and where on the polynomials it is. */
    value: z.string().check(z.regex(/^[A-Za-z0-9_-]{44}$/)),
    iat: secondsSchema,
    purpose: z.literal('root.share'),
  })
  .check(
    enoughShares,
    z.refine(({ index, shares }) => index <= shares),
  );
/** One share of a root key (docs/spec/share.md). `value` is secret. */
export type ShareClaims = z.infer<typeof claimsSchema>;

const SHARE_FORMAT: JwsFormat<ShareClaims> = { typ: 'bulla-share+jws', claims: claimsSchema, maxBytes: 512 };

const headerSchema = z.strictObject({
  ...sealedToShape,
  typ: z.literal('bulla-share+jwe'),
  cty: z.literal('bulla-share+jws'),
});
/** What of a share on its way is readable without a key: to which key it is sealed. */
export type SealedShareHeader = z.infer<typeof headerSchema>;

const SEALED_FORMAT: JweFormat<SealedShareHeader> = { typ: 'bulla-share+jwe', header: headerSchema, maxBytes: 1024 };

/** Signs a share as its dealer. @throws {CryptoError} token_malformed */
export function signShare(claims: ShareClaims, dealer: Signer): Promise<string> {
  return signJws(SHARE_FORMAT, claims, dealer);
}

/**
 * Reads a share without trusting it. `header.kid` names its set.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseShare(token: string): ParsedJws<ShareClaims> {
  return parseJws(token, SHARE_FORMAT);
}

/**
 * Checks that a share is of a set: its dealer signed it, and it was split for the same number of people.
 * @throws {CryptoError} key_unknown (check `share-set`) if it is of another set; signature_invalid (`share-dealer`);
 *   key_invalid (`share-threshold`) if another number of shares is needed
 */
export async function verifyShare(parsed: ParsedJws<ShareClaims>, set: ShareSet): Promise<ShareClaims> {
  const { header, claims } = parsed;
  // guard: share-set
  if (header.kid !== set.id)
    throw new CryptoError('key_unknown', 'the share is of another set', { check: 'share-set' });
  // guard: share-dealer
  await verifyJws(parsed, dealerKeyOf(set), 'share-dealer');
  // guard: share-threshold
  if (claims.threshold !== set.threshold || claims.shares !== set.shares)
    throw new CryptoError(
      'key_invalid',
      `the share is one of ${claims.shares} of which ${claims.threshold} are needed, the set has ${set.shares} and needs ${set.threshold}`,
      { check: 'share-threshold' },
    );
  return claims;
}

/**
 * Seals a share to the key of one process that is to be unsealed.
 * @throws {CryptoError} key_invalid if nothing can be sealed to the key; token_malformed if it is no share
 */
export async function sealShare(share: string, to: SealingKey): Promise<string> {
  parseShare(share);
  const header: SealedShareHeader = {
    alg: sealAlgOf(to),
    enc: 'A256GCM',
    typ: 'bulla-share+jwe',
    cty: 'bulla-share+jws',
    kid: to.kid,
  };
  return sealTo(SEALED_FORMAT, header, utf8(share), to);
}

/** Reads a sealed share without opening it. @throws {CryptoError} token_malformed, payload_too_large */
export function parseSealedShare(token: string): ParsedJwe<SealedShareHeader> {
  return parseJwe(token, SEALED_FORMAT);
}
