import { beforeAll, describe, expect, it } from '@jest/globals';
import { CHASH, DAY, NAME, NOW, SUB, tagBy } from '../test/tags.js';
import { mintId } from './ids.js';
import type { TagClaims } from './tag.js';
import { parseTag, verifyTags } from './tag.js';
import type { TestOrganisation } from './testing.js';
import { makeOrganisation } from './testing.js';
import type { TestMember } from './testing-members.js';
import type { Trust } from './trust.js';

const OTHER_CHASH = 'B'.repeat(42).concat('A');

let acme: TestOrganisation;
let globex: TestOrganisation;
/** The author's second device: another key, the same user. */
let laptop: TestMember;
let trust: Trust;

beforeAll(async () => {
  acme = await makeOrganisation({ now: NOW });
  globex = await makeOrganisation({ org: 'globex', now: NOW });
  laptop = await acme.makeDevice('laptop', { roles: ['author'], groups: ['grp:authors', 'grp:release'] });
  await acme.publishPolicy((draft) => {
    draft.labels = {
      production: { groups: ['grp:release'], threshold: 2 },
      stable: { groups: ['grp:release'], days: 90 },
    };
  });
  trust = await acme.publish((draft) => {
    draft.entities[laptop.urn] = {
      ...laptop.entity,
      user: acme.trust.userOf(acme.author.urn) ?? '',
    } as typeof laptop.entity;
  });
});

function verify(
  tokens: readonly string[],
  label = 'latest',
  now = NOW,
  of: Trust = trust,
): ReturnType<typeof verifyTags> {
  return verifyTags(tokens, { trust: of, name: NAME, label, now });
}

describe('a tag', () => {
  it('says what a label points to', async () => {
    expect(await verify([await tagBy(acme.author)])).toEqual({
      sub: SUB,
      name: NAME,
      label: 'latest',
      version: 3,
      chash: CHASH,
      seq: 5,
      expiresAt: NOW + 7 * DAY,
      signers: [acme.author.urn],
    });
  });

  it.each<[string, () => Promise<string>, { code: string; check?: string }]>([
    ['by an unknown key [refuses: kid-abroad]', () => tagBy(globex.author), { code: 'key_unknown', check: 'tag-key' }],
    ['by the vault', () => tagBy(acme.vault), { code: 'key_unknown', check: 'tag-key' }],
    [
      'in the name of somebody else [guard: tag-issuer]',
      () => tagBy(acme.author, { iss: acme.owner.urn }),
      { code: 'envelope_tampered', check: 'tag-issuer' },
    ],
    [
      'of another organisation [guard: tag-audience]',
      () => tagBy(acme.author, { aud: 'urn:bulla:globex' }),
      { code: 'envelope_tampered', check: 'tag-audience' },
    ],
    [
      "of another organisation's prompt [guard: tag-prompt]",
      () => tagBy(acme.author, { sub: SUB.replace('acme', 'globex') }),
      { code: 'envelope_tampered', check: 'tag-prompt' },
    ],
    [
      'of something that is no prompt',
      () => tagBy(acme.author, { sub: acme.author.urn }),
      { code: 'envelope_tampered', check: 'tag-prompt' },
    ],
    [
      'of another name [guard: tag-name]',
      () => tagBy(acme.author, { name: 'claims/other' }),
      { code: 'envelope_tampered', check: 'tag-name' },
    ],
    ['of another label', () => tagBy(acme.author, { tag: 'stable' }), { code: 'envelope_tampered', check: 'tag-name' }],
    ['by an invoker [guard: tag-signer]', () => tagBy(acme.invoker), { code: 'forbidden', check: 'tag-signer' }],
    [
      'that lives over seven days [guard: tag-life]',
      () => tagBy(acme.author, { exp: NOW + 7 * DAY + 1 }),
      { code: 'forbidden', check: 'tag-life' },
    ],
    ['that ends before it starts', () => tagBy(acme.author, { exp: NOW }), { code: 'forbidden', check: 'tag-life' }],
    [
      'dated more than a minute ahead [guard: tag-issued]',
      () => tagBy(acme.author, { iat: NOW + 61 }),
      { code: 'clock_skew', check: 'tag-issued' },
    ],
    [
      'of a deleted label [guard: tag-deleted]',
      () => tagBy(acme.author, { ver: 0, chash: '' }),
      { code: 'label_not_found', check: 'tag-deleted' },
    ],
  ])('%s is refused', async (_name, make, error) => {
    await expect(verify([await make()])).rejects.toMatchObject(error);
  });

  it.each<[string, Partial<Record<keyof TagClaims | 'extra', unknown>>]>([
    ['version 0 with a content', { ver: 0 }],
    ['a version without content', { chash: '' }],
    ['a negative version', { ver: -1 }],
    ['a fractional version', { ver: 1.5 }],
    ['sequence number 0', { seq: 0 }],
    ['another purpose', { purpose: 'prompt.content' }],
    ['a name in capitals', { name: 'Claims' }],
    ['a path for a name', { name: '../triage' }],
    ['a label with a slash', { tag: 'production/eu' }],
    ['an issuer that is no URN', { iss: 'author' }],
    ['times as text', { exp: '2026-11-24T00:00:00Z' }],
    ['a further member', { extra: 1 }],
    ['a missing member', { seq: undefined }],
  ])('with %s cannot be made', async (_name, changes) => {
    await expect(tagBy(acme.author, changes as Partial<TagClaims>)).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it('may be dated a minute ahead', async () => {
    expect((await verify([await tagBy(acme.author, { iat: NOW + 60 })])).version).toBe(3);
  });

  it('may be called like a member of every object', async () => {
    const token = await tagBy(acme.author, { tag: 'constructor' });
    expect((await verify([token], 'constructor')).label).toBe('constructor');
  });

  it('lives as long as its label says', async () => {
    const changes = { tag: 'stable', exp: NOW + 90 * DAY };
    const token = await tagBy(acme.author, changes);
    expect((await verify([token], 'stable')).expiresAt).toBe(NOW + 90 * DAY);
    const longer = await tagBy(acme.author, { ...changes, exp: changes.exp + 1 });
    await expect(verify([longer], 'stable')).rejects.toMatchObject({ check: 'tag-life' });
  });

  it('expires, at its second, unless it is evidence [guard: tag-expiry]', async () => {
    const token = await tagBy(acme.author);
    const now = NOW + 7 * DAY;
    await expect(verify([token], 'latest', now - 1)).resolves.toMatchObject({ version: 3 });
    await expect(verify([token], 'latest', now)).rejects.toMatchObject({ code: 'trust_expired', check: 'tag-expiry' });
    await expect(
      verifyTags([token], { trust, name: NAME, label: 'latest', now, acceptExpired: true }),
    ).resolves.toMatchObject({ version: 3 });
  });

  it('is not judged by its date either, where it is evidence', async () => {
    const tokens = [await tagBy(acme.author, { iat: NOW + 61 })];
    const expected = { trust, name: NAME, label: 'latest', now: NOW };
    await expect(verifyTags(tokens, { ...expected, acceptExpired: true })).resolves.toMatchObject({ version: 3 });
    const refused = verifyTags(tokens, { ...expected, acceptExpired: false });
    await expect(refused).rejects.toMatchObject({ code: 'clock_skew', check: 'tag-issued' });
  });

  it('outlives the time in which its key signs', async () => {
    const [key] = acme.author.entity.keys;
    const now = (key?.use_until ?? 0) + DAY;
    const token = await tagBy(acme.author, { iat: now, exp: now + DAY });
    await expect(verify([token], 'latest', now)).resolves.toMatchObject({ version: 3 });
  });

  it("is as dead as its signer's key [guard: key-revoked]", async () => {
    const organisation = await makeOrganisation({ now: NOW });
    const token = await tagBy(organisation.author);
    const revoked = await organisation.publish((draft) => {
      draft.revoked = [{ kid: organisation.author.sig.kid, reason: 'affiliationChanged', at: NOW }];
    });
    await expect(verify([token], 'latest', NOW, revoked)).rejects.toMatchObject({
      code: 'key_revoked',
      check: 'tag-key',
    });
  });

  it('is judged by the groups its signer is in now', async () => {
    const organisation = await makeOrganisation({ now: NOW });
    const token = await tagBy(organisation.author);
    const moved = await organisation.publish((draft) => {
      Object.assign(draft.entities[organisation.author.urn] ?? {}, { groups: [] });
    });
    await expect(verify([token], 'latest', NOW, moved)).rejects.toMatchObject({
      code: 'forbidden',
      check: 'tag-signer',
    });
  });

  it('is refused with any character of its signature changed [guard: tag-signature]', async () => {
    const token = await tagBy(acme.author);
    const at = token.lastIndexOf('.') + 20;
    const flipped = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
    await expect(verify([flipped])).rejects.toMatchObject({ code: 'signature_invalid', check: 'tag-signature' });
  });

  it('is read without being trusted', async () => {
    const { header, claims } = parseTag(await tagBy(globex.author));
    expect(claims).toMatchObject({ name: NAME, ver: 3 });
    expect(header).toEqual({ alg: 'PS256', typ: 'bulla-tag+jwt', kid: globex.author.sig.kid });
  });
});

describe('a label that two users must move', () => {
  const production = { tag: 'production' };

  it('points where both say', async () => {
    const tokens = [await tagBy(acme.author, production), await tagBy(acme.owner, { ...production, exp: NOW + DAY })];
    expect(await verify(tokens, 'production')).toMatchObject({
      expiresAt: NOW + DAY,
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
      { code: 'forbidden', check: 'tag-signer' },
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
  ])('refuses %s', async (_name, make, error) => {
    await expect(verify(await make(), 'production')).rejects.toMatchObject(error);
  });

  it.each<[string, Partial<TagClaims>]>([
    ['prompt [guard: tag-equal]', { sub: `urn:bulla:acme:prompt:${mintId('prm')}` }],
    ['version', { ver: 4 }],
    ['content', { chash: OTHER_CHASH }],
    ['sequence number', { seq: 6 }],
    ['existence', { ver: 0, chash: '' }],
  ])('refuses two tags that differ in %s', async (_name, changes) => {
    const tokens = [await tagBy(acme.author, production), await tagBy(acme.owner, { ...production, ...changes })];
    await expect(verify(tokens, 'production')).rejects.toMatchObject({ code: 'envelope_tampered', check: 'tag-equal' });
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
