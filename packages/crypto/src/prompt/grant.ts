import * as z from '#zod';
import { hashSchema, urnOfSchema, versionSchema } from '../tokens/claims.js';
import type { JweFormat, ParsedJwe } from '../tokens/compact.js';
import { parseJwe, sealAlgOf, sealedToShape, sealTo } from '../tokens/compact.js';
import { CryptoError } from '../names/errors.js';
import { parseUrn } from '../names/ids.js';
import { isDataKey } from './data-key.js';
import type { Secret } from '../encoding/secret.js';
import { suite } from '../keys/suites.js';
import type { Recipient } from '../organisation/directory-keys.js';

/** A content key is a 256-bit AES key. */
export const DEK_BYTES = 32;

/** `dek_` and 16 random bytes in hexadecimal: names a content key, says nothing about it. */
export const dekIdSchema = z.string().check(z.regex(/^dek_[0-9a-f]{32}$/));

/** Of which content a wrapped key is. */
export const wrappedKeyShape = {
  ...sealedToShape,
  sub: urnOfSchema('prompt'),
  ver: versionSchema,
  dek: dekIdSchema,
  chash: hashSchema,
};

const headerSchema = z.strictObject({
  ...wrappedKeyShape,
  /** The commitment to the key, as its content has it; those of contents that have none lack it (protocol.md A16). */
  dkc: z.optional(hashSchema),
  typ: z.literal('bulla-grant+jwe'),
  // Never the vault: for a managed name it is told the key in a deposit, which is no grant (protocol.md §2.3).
  // guard: grant-vault without: aud: urnOfSchema('dev', 'svc:responder', 'recovery', 'svc:vault')
  aud: urnOfSchema('dev', 'svc:responder', 'recovery'),
});
/** What of a grant is readable without the recipient's key (protocol.md §2.2, W). */
export type GrantHeader = z.infer<typeof headerSchema>;

const format: JweFormat<GrantHeader> = { typ: 'bulla-grant+jwe', header: headerSchema, maxBytes: DEK_BYTES };

/** Which content a grant is for. */
export interface GrantPlace {
  /** URN of the prompt. */
  readonly sub: string;
  readonly ver: number;
  readonly dekId: string;
  /** `H(C)`. */
  readonly chash: string;
  /** What the content says of its key. */
  readonly dkc: string;
  /** `protect_until` of the statement inside: a suite that does not hold that long is refused (protocol.md §1). */
  readonly protectUntil: string;
}

/**
 * Wraps a content key to one recipient. Nothing is signed: the statement says who may read, and only a holder of
 * the key can make a grant that gives the key to which the content commits (protocol.md §2.2, A16).
 * @throws {CryptoError} key_invalid if the key is not 32 bytes or not that of the content, or the recipient's key is of another organisation,
 *   not for encryption, or of a suite that ends before `protectUntil`; token_malformed
 */
export async function sealGrant(dek: Secret, place: GrantPlace, recipient: Recipient): Promise<string> {
  const header: GrantHeader = { ...(await wrapHeader(dek, place, recipient)), typ: 'bulla-grant+jwe' };
  return sealTo(format, header, dek.reveal(), recipient.record);
}

/**
 * What stands around a wrapped content key, whatever it is called.
 * @throws {CryptoError} key_invalid as {@link sealGrant}
 */
export async function wrapHeader(
  dek: Secret,
  place: GrantPlace,
  { urn, record }: Recipient,
): Promise<Omit<GrantHeader, 'typ' | 'dkc'> & { dkc: string }> {
  if (dek.reveal().length !== DEK_BYTES) throw invalid('the content key is not 32 bytes long', 'grant-dek');
  // guard: grant-seal-commitment
  if (!(await isDataKey(dek.reveal(), place.dkc)))
    throw invalid('the content commits to another key', 'grant-commitment');
  const org = parseUrn(place.sub)?.org;
  // guard: grant-abroad
  if (org === undefined || parseUrn(urn)?.org !== org)
    throw invalid('the recipient belongs to another organisation', 'grant-organisation');
  const limit = suite(record.suite).protectUntil;
  // Both are YYYY-MM-DD, which sorts as text.
  // guard: grant-protect-until
  if (limit !== undefined && place.protectUntil > limit)
    throw invalid('the suite does not protect the content long enough', 'protect-until');
  return {
    alg: sealAlgOf(record),
    enc: 'A256GCM',
    kid: record.kid,
    aud: urn,
    sub: place.sub,
    ver: place.ver,
    dek: place.dekId,
    chash: place.chash,
    dkc: place.dkc,
  };
}

/**
 * Reads a grant without opening it.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseGrant(token: string): ParsedJwe<GrantHeader> {
  return parseJwe(token, format);
}

function invalid(why: string, check: string): CryptoError {
  return new CryptoError('key_invalid', `cannot grant: ${why}`, { check });
}
