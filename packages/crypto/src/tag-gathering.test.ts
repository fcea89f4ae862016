import { beforeAll, describe, expect, it } from '@jest/globals';
import { mintId } from './ids.js';
import type { TagClaims } from './tag.js';
import { gatherTags, signTag } from './tag.js';
import type { TestOrganisation } from './testing.js';
import { makeOrganisation } from './testing.js';
import type { TestMember } from './testing-members.js';
import type { Trust } from './trust.js';

const NOW = 1_800_000_000;
const DAY = 86_400;
const NAME = 'claims/triage';
const SUB = `urn:bulla:acme:prompt:${mintId('prm')}`;
const CHASH = 'A'.repeat(43);

let acme: TestOrganisation;
/** The author's second device: another key, the same user. */
let laptop: TestMember;
let trust: Trust;

beforeAll(async () => {
  acme = await makeOrganisation({ now: NOW });
  laptop = await acme.makeDevice('laptop', { roles: ['author'], groups: ['grp:authors', 'grp:release'] });
  await acme.publishPolicy((draft) => {
    draft.labels = { production: { groups: ['grp:release'], threshold: 2 } };
  });
  const user = acme.trust.userOf(acme.author.urn) ?? '';
  trust = await acme.publish((draft) => {
    draft.entities[laptop.urn] = { ...laptop.entity, user } as typeof laptop.entity;
  });
});

/** A tag of `production` at version 3 by a member of acme, with changes. */
function tagBy(member: TestMember, changes: Partial<TagClaims> = {}): Promise<string> {
  const claims = {
    iss: member.urn,
    aud: 'urn:bulla:acme',
    sub: SUB,
    name: NAME,
    tag: 'production',
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

describe('tags that are gathered', () => {
  const gather = (tokens: string[], now = NOW) => gatherTags(tokens, { trust, name: NAME, label: 'production', now });

  it('count the people who signed, not the devices', async () => {
    const [author, onLaptop] = [await tagBy(acme.author), await tagBy(laptop)];
    const owner = await tagBy(acme.owner);
    expect(await gather([author])).toMatchObject({ given: 1, needed: 2, version: 3, chash: CHASH, seq: 5 });
    expect(await gather([author, onLaptop])).toMatchObject({ given: 1, needed: 2 });
    expect(await gather([author, onLaptop, owner])).toMatchObject({ given: 2, needed: 2 });
  });

  it('may delete the label', async () => {
    const deletion = await tagBy(acme.author, { ver: 0, chash: '' });
    expect(await gather([deletion])).toMatchObject({ version: 0, chash: '', given: 1 });
  });

  it.each<[string, () => Promise<string[]>, object]>([
    ['nothing', async () => [], { check: 'tag-count' }],
    ['what has expired', async () => [await tagBy(acme.author, { iat: NOW - DAY, exp: NOW })], { check: 'tag-expiry' }],
    ['what somebody outside the groups signed', async () => [await tagBy(acme.invoker)], { check: 'tag-signer' }],
    [
      'what differs',
      async () => [await tagBy(acme.author), await tagBy(acme.owner, { seq: 6 })],
      { check: 'tag-equal' },
    ],
    ['another label', async () => [await tagBy(acme.author, { tag: 'latest' })], { check: 'tag-name' }],
  ])('are not %s', async (_name, make, error) => {
    await expect(gather(await make())).rejects.toMatchObject(error);
  });
});
