import { mintId, signTag, type TagClaims, type Trust } from '@bulla/crypto';
import { makeOrganisation, type TestOrganisation } from '@bulla/crypto/testing';

type TestMember = TestOrganisation['author'];

export const NOW = 1_800_000_000;
export const DAY = 86_400;
export const NAME = 'claims/triage';
export const SUB = `urn:bulla:acme:prompt:${mintId('prm')}`;
/** `pos` of the position before. */
export const PREV = 'P'.repeat(42).concat('A');
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
    prev: PREV,
    iat: NOW,
    exp: NOW + 7 * DAY,
    purpose: 'prompt.tag',
    ...changes,
  } as TagClaims;
  return signTag(claims, member.signer);
}

/** An organisation where two people move `production` and one moves `stable`, with more who may, and another organisation. */
export async function makeSigners(): Promise<{
  acme: TestOrganisation;
  globex: TestOrganisation;
  /** The author's second device: another key, the same user. */
  laptop: TestMember;
  /** Another person who may sign releases. */
  third: TestMember;
  trust: Trust;
}> {
  const acme = await makeOrganisation({ now: NOW });
  const globex = await makeOrganisation({ org: 'globex', now: NOW });
  const laptop = await acme.makeDevice('laptop', { roles: ['author'], groups: ['grp:authors', 'grp:release'] });
  const third = await acme.makeDevice('third', { roles: ['author'], groups: ['grp:release'] });
  await acme.publishPolicy((draft) => {
    draft.labels = {
      production: { groups: ['grp:release'], threshold: 2 },
      stable: { groups: ['grp:release'], days: 90 },
    };
  });
  const user = acme.trust.userOf(acme.author.urn) ?? '';
  const trust = await acme.publish((draft) => {
    draft.entities[laptop.urn] = { ...laptop.entity, user } as typeof laptop.entity;
    draft.entities[third.urn] = third.entity;
  });
  return { acme, globex, laptop, third, trust };
}
