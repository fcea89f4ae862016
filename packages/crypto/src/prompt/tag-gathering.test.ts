import { beforeAll, describe, expect, it } from '@jest/globals';
import { CHASH, DAY, NAME, NOW, tagBy } from '../../test/tags.js';
import { gatherTags } from './tag-set.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import type { TestMember } from '../testing/members.js';
import type { Trust } from '../organisation/trust.js';

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

describe('tags that are gathered', () => {
  const production = { tag: 'production' };
  const gather = (tokens: string[], now = NOW) => gatherTags(tokens, { trust, name: NAME, label: 'production', now });

  it('count the people who signed, not the devices', async () => {
    const [author, onLaptop] = [await tagBy(acme.author, production), await tagBy(laptop, production)];
    const owner = await tagBy(acme.owner, production);
    expect(await gather([author])).toMatchObject({ given: 1, needed: 2, version: 3, chash: CHASH, seq: 5 });
    expect(await gather([author, onLaptop])).toMatchObject({ given: 1, needed: 2 });
    expect(await gather([author, onLaptop, owner])).toMatchObject({ given: 2, needed: 2 });
  });

  it('may delete the label', async () => {
    const deletion = await tagBy(acme.author, { ...production, ver: 0, chash: '' });
    expect(await gather([deletion])).toMatchObject({ version: 0, chash: '', given: 1 });
  });

  it.each<[string, () => Promise<string[]>, object]>([
    ['nothing', async () => [], { check: 'tag-count' }],
    [
      'what has expired',
      async () => [await tagBy(acme.author, { ...production, iat: NOW - DAY, exp: NOW })],
      { check: 'tag-expiry' },
    ],
    [
      'what somebody outside the groups signed',
      async () => [await tagBy(acme.invoker, production)],
      { check: 'tag-signer' },
    ],
    [
      'what differs',
      async () => [await tagBy(acme.author, production), await tagBy(acme.owner, { ...production, seq: 6 })],
      { check: 'tag-equal' },
    ],
    ['another label', async () => [await tagBy(acme.author)], { check: 'tag-name' }],
  ])('are not %s', async (_name, make, error) => {
    await expect(gather(await make())).rejects.toMatchObject(error);
  });
});
