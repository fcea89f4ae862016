import { verifyJws } from '../tokens/compact.js';
import { CryptoError } from '../names/errors.js';
import { organisationUrn } from '../names/ids.js';
import type { EarlierTagClaims } from './tag.js';
import { parseEarlierTag } from './tag.js';
import type { TagExpectation } from './tag-set.js';

/**
 * The word of somebody who signed a position before positions had a predecessor: for that person to say it anew.
 * @returns what it says, and the URN of its signer
 * @throws {CryptoError} token_malformed; key_unknown, signature_invalid; envelope_tampered for another name, label, organisation
 *   or signer
 */
export async function verifyEarlierTag(
  token: string,
  { trust, name, label }: Pick<TagExpectation, 'trust' | 'name' | 'label'>,
): Promise<{ readonly claims: EarlierTagClaims; readonly signer: string }> {
  const parsed = parseEarlierTag(token);
  const { claims } = parsed;
  const holder = trust.holder(parsed.header.kid);
  if (!holder?.record.pur.includes('tag'))
    throw new CryptoError('key_unknown', 'a tag is signed by a key that is not listed', { check: 'tag-key' });
  // guard: earlier-tag-signature
  await verifyJws(parsed, holder.record, 'tag-signature');
  // guard: earlier-tag-place
  if (
    claims.iss !== holder.urn ||
    claims.aud !== organisationUrn(trust.org) ||
    claims.name !== name ||
    claims.tag !== label
  )
    throw new CryptoError('envelope_tampered', 'the tag is for something else', { check: 'tag-name' });
  return { claims, signer: holder.urn };
}
