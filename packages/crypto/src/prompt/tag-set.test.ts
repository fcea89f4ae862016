import { beforeAll, describe, expect, it } from '@jest/globals';
import { CHASH, DAY, makeSigners, NAME, NOW, PREV, tagBy } from '../../test/tags.js';
import { mintId } from '../names/ids.js';
import type { TagClaims } from './tag.js';
import { readTags, verifyTags } from './tag-set.js';
import type { TestOrganisation } from '../testing.js';
import type { TestMember } from '../testing/members.js';
import type { Trust } from '../organisation/trust.js';

const OTHER_CHASH = 'B'.repeat(42).concat('A');

let acme: TestOrganisation;
let globex: TestOrganisation;
let laptop: TestMember;
let third: TestMember;
let trust: Trust;

beforeAll(async () => {
  ({ acme, globex, laptop, third, trust } = await makeSigners());
});

function verify(tokens: readonly string[], label: string, now = NOW): ReturnType<typeof verifyTags> {
  return verifyTags(tokens, { trust, name: NAME, label, now });
}

describe('a label that two users must move', () => {
  const production = { tag: 'production' };

  it('points where both say', async () => {
    const tokens = [await tagBy(acme.author, production), await tagBy(acme.owner, { ...production, exp: NOW + DAY })];
    expect(await verify(tokens, 'production')).toMatchObject({
      expiresAt: NOW + DAY,
      prev: PREV,
      signers: [acme.author.urn, acme.owner.urn],
    });
  });

  it.each<[string, () => Promise<string[]>, { code: string; check: string }]>([
    ['no tag', async () => [], { code: 'token_malformed', check: 'tag-count' }],
    [
      'one user [guard: tag-threshold]',
      async () => [await tagBy(acme.author, production)],
      { code: 'forbidden', check: 'tag-threshold' },
    ],
    [
      'one tag twice',
      async () => Array(2).fill(await tagBy(acme.author, production)) as string[],
      { code: 'forbidden', check: 'tag-threshold' },
    ],
    [
      'two devices of one user [guard: tag-distinct-users]',
      async () => [await tagBy(acme.author, production), await tagBy(laptop, production)],
      { code: 'forbidden', check: 'tag-threshold' },
    ],
    [
      'a user outside its groups [guard: label-group]',
      async () => [await tagBy(acme.author, production), await tagBy(acme.invoker, production)],
      { code: 'forbidden', check: 'tag-threshold' },
    ],
    [
      'one user in as many tags as it may have',
      async () => Array(16).fill(await tagBy(acme.author, production)) as string[],
      { code: 'forbidden', check: 'tag-threshold' },
    ],
    [
      'a tag more than it may have [guard: tag-count]',
      async () => Array(17).fill(await tagBy(acme.author, production)) as string[],
      { code: 'token_malformed', check: 'tag-count' },
    ],
    [
      'another label for the second',
      async () => [await tagBy(acme.author, production), await tagBy(acme.owner)],
      { code: 'envelope_tampered', check: 'tag-name' },
    ],
    [
      'one tag that has expired',
      async () => [
        await tagBy(acme.author, production),
        await tagBy(acme.owner, { ...production, iat: NOW - DAY, exp: NOW }),
      ],
      { code: 'trust_expired', check: 'tag-expiry' },
    ],
    [
      'one tag by a key that is not listed, which may come to be',
      async () => [await tagBy(acme.author, production), await tagBy(globex.owner, production)],
      { code: 'key_unknown', check: 'tag-key' },
    ],
    [
      'a tag that is dated ahead',
      async () => [await tagBy(acme.author, production), await tagBy(acme.owner, { ...production, iat: NOW + 61 })],
      { code: 'forbidden', check: 'tag-threshold' },
    ],
  ])('refuses %s', async (_name, make, error) => {
    await expect(verify(await make(), 'production')).rejects.toMatchObject(error);
  });

  it.each<[string, Partial<TagClaims>]>([
    ['prompt [guard: tag-equal]', { sub: `urn:bulla:acme:prompt:${mintId('prm')}` }],
    ['version', { ver: 4 }],
    ['content', { chash: OTHER_CHASH }],
    ['sequence number', { seq: 6 }],
    ['position before', { prev: CHASH }],
    ['existence', { ver: 0, chash: '' }],
  ])('refuses two tags that differ in %s', async (_name, changes) => {
    const tokens = [await tagBy(acme.author, production), await tagBy(acme.owner, { ...production, ...changes })];
    await expect(verify(tokens, 'production')).rejects.toMatchObject({ code: 'envelope_tampered', check: 'tag-equal' });
  });

  it.each<[string, () => Promise<string>]>([
    ['has expired', () => tagBy(third, { ...production, iat: NOW - DAY, exp: NOW })],
    ['is by a key that is not listed', () => tagBy(globex.author, production)],
    ['is by somebody who may not sign it', () => tagBy(acme.invoker, production)],
    ['is dated ahead', () => tagBy(third, { ...production, iat: NOW + 61 })],
  ])('passes over a tag that %s beside enough others', async (_name, make) => {
    const enough = [await tagBy(acme.author, production), await tagBy(acme.owner, production)];
    const resolved = await verify([await make(), ...enough], 'production');
    expect(resolved.signers).toEqual([acme.author.urn, acme.owner.urn]);
    expect(resolved.expiresAt).toBe(NOW + 7 * DAY);
  });

  it('points there until too few are left: who signs beside them makes it last', async () => {
    const ends = [1, 3, 2];
    const signers = [acme.author, acme.owner, third];
    const tokens = await Promise.all(
      signers.map((signer, index) => tagBy(signer, { ...production, exp: NOW + (ends[index] ?? 0) * DAY })),
    );
    expect((await verify(tokens, 'production')).expiresAt).toBe(NOW + 2 * DAY);
    await expect(verify(tokens, 'production', NOW + DAY)).resolves.toMatchObject({ version: 3 });
    const later = { trust, name: NAME, label: 'production', now: NOW + 2 * DAY };
    await expect(verifyTags(tokens, later)).rejects.toMatchObject({ code: 'trust_expired' });
    expect(await readTags(tokens, later)).toMatchObject({ given: 1, signed: 3, needed: 2, signers: [acme.owner.urn] });
  });

  it('counts the newer of two tags of one person', async () => {
    const older = await tagBy(acme.author, { ...production, iat: NOW - DAY, exp: NOW });
    const tokens = [older, await tagBy(laptop, production), await tagBy(acme.owner, production)];
    expect((await verify(tokens, 'production')).signers).toEqual([laptop.urn, acme.owner.urn]);
  });

  it('is deleted by both', async () => {
    const deletion = { ...production, ver: 0, chash: '' } as Partial<TagClaims>;
    const alone = [await tagBy(acme.author, deletion)];
    await expect(verify(alone, 'production')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(verify([...alone, await tagBy(acme.owner, deletion)], 'production')).rejects.toMatchObject({
      code: 'label_not_found',
    });
  });
});
