import { mintId, signTag, type TagClaims } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';

type TestMember = TestOrganisation['author'];

export const NOW = 1_800_000_000;
export const DAY = 86_400;
export const NAME = 'claims/triage';
export const SUB = `urn:bulla:acme:prompt:${mintId('prm')}`;
export const CHASH = 'A'.repeat(43);

/** A tag of `latest` at version 3 by a member of acme, with changes. */
export function tagBy(member: TestMember, changes: Partial<TagClaims> = {}): Promise<string> {
  const claims = {
    iss: member.urn,
    aud: 'urn:bulla:acme',
    sub: SUB,
    name: NAME,
    tag: 'latest',
    ver: 3,
    chash: CHASH,
    seq: 5,
    iat: NOW,
    exp: NOW + 7 * DAY,
    purpose: 'prompt.tag',
    ...changes,
  } as TagClaims;
  return signTag(claims, member.signer);
}
