import { beforeAll, describe, expect, it } from '@jest/globals';
import { CHASH, DAY, NAME, NOW, PREV, SUB, makeSigners, tagBy } from '../../test/tags.js';
import * as z from '#zod';
import type { JwsFormat } from '../tokens/compact.js';
import { signJws } from '../tokens/compact.js';
import { positionHash } from './position.js';
import type { TagClaims } from './tag.js';
import { parseEarlierTag, parseTag } from './tag.js';
import { verifyTags } from './tag-set.js';
import type { TestOrganisation } from '../testing.js';
import { makeOrganisation } from '../testing.js';
import type { TestMember } from '../testing/members.js';
import type { Trust } from '../organisation/trust.js';

let acme: TestOrganisation;
let globex: TestOrganisation;
let trust: Trust;

beforeAll(async () => {
  ({ acme, globex, trust } = await makeSigners());
});

/** A tag from before positions had a predecessor. */
function earlierTag(claims: object, { signer }: TestMember): Promise<string> {
  const format: JwsFormat<object> = { typ: 'bulla-tag+jwt', claims: z.looseObject({}), maxBytes: 4096 };
  return signJws(format, claims, signer);
}

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
      prev: PREV,
      pos: await positionHash({ name: NAME, tag: 'latest', seq: 5, sub: SUB, ver: 3, chash: CHASH, prev: PREV }),
      expiresAt: NOW + 7 * DAY,
      freshUntil: NOW + 7 * DAY,
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
    ['by an invoker [guard: tag-signer]', () => tagBy(acme.invoker), { code: 'forbidden', check: 'tag-threshold' }],
    [
      'that lives over a year [guard: tag-life]',
      () => tagBy(acme.author, { exp: NOW + 365 * DAY + 1 }),
      { code: 'token_malformed', check: 'tag-life' },
    ],
    [
      'that ends before it starts',
      () => tagBy(acme.author, { exp: NOW }),
      { code: 'token_malformed', check: 'tag-life' },
    ],
    [
      'dated more than a minute ahead [guard: tag-issued]',
      () => tagBy(acme.author, { iat: NOW + 61 }),
      { code: 'forbidden', check: 'tag-threshold' },
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
    ['no position before', { prev: undefined }],
    ['a position before that is no hash', { prev: 'before' }],
    ['a position before the first', { seq: 1 }],
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

  it.each([
    ['latest', 365],
    ['stable', 90],
  ])('of %s counts for as long as the policy says, whatever it says itself [guard: tag-days]', async (tag, days) => {
    const token = await tagBy(acme.author, { tag, exp: NOW + 365 * DAY });
    expect((await verify([token], tag)).expiresAt).toBe(NOW + days * DAY);
    const shorter = await tagBy(acme.author, { tag, exp: NOW + DAY });
    expect((await verify([shorter], tag)).expiresAt).toBe(NOW + DAY);
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

  it('that came later than what it is evidence of does not count', async () => {
    const tokens = [await tagBy(acme.author, { iat: NOW + 61 })];
    const expected = { trust, name: NAME, label: 'latest', now: NOW };
    await expect(verifyTags(tokens, { ...expected, acceptExpired: true })).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('outlives the time in which its key signs', async () => {
    const [key] = acme.author.entity.keys;
    const now = (key?.use_until ?? 0) + DAY;
    const token = await tagBy(acme.author, { iat: now - DAY - 1, exp: now + DAY });
    await expect(verify([token], 'latest', now)).resolves.toMatchObject({ version: 3 });
  });

  it("is as dead as its signer's key [guard: key-revoked]", async () => {
    const organisation = await makeOrganisation({ now: NOW });
    const token = await tagBy(organisation.author);
    const revoked = await organisation.publish((draft) => {
      draft.revoked = [{ kid: organisation.author.sig.kid, reason: 'affiliationChanged', at: NOW }];
    });
    await expect(verify([token], 'latest', NOW, revoked)).rejects.toMatchObject({
      code: 'forbidden',
      check: 'tag-threshold',
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
      check: 'tag-threshold',
    });
  });

  it('is refused with any character of its signature changed [guard: tag-signature]', async () => {
    const token = await tagBy(acme.author);
    const at = token.lastIndexOf('.') + 20;
    const flipped = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
    await expect(verify([flipped])).rejects.toMatchObject({ code: 'signature_invalid', check: 'tag-signature' });
  });

  it('of before positions had a predecessor is read for whoever signed it, and is no tag', async () => {
    const { prev: _none, ...earlier } = parseTag(await tagBy(acme.author)).claims;
    const token = await earlierTag(earlier, acme.author);
    expect(parseEarlierTag(token).claims).toEqual(earlier);
    await expect(verify([token])).rejects.toMatchObject({ code: 'token_malformed' });
    expect(() => parseTag(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
    const newer = await tagBy(acme.author);
    expect(() => parseEarlierTag(newer)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it('is read without being trusted', async () => {
    const { header, claims } = parseTag(await tagBy(globex.author));
    expect(claims).toMatchObject({ name: NAME, ver: 3 });
    expect(header).toEqual({ alg: 'PS256', typ: 'bulla-tag+jwt', kid: globex.author.sig.kid });
  });
});
