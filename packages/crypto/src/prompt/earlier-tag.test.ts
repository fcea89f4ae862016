import { beforeAll, describe, expect, it } from '@jest/globals';
import { DAY, makeSigners, NAME, NOW, tagBy } from '../../test/tags.js';
import { encodeBase64url, utf8 } from '../encoding/bytes.js';
import { verifyEarlierTag } from './earlier-tag.js';
import { gatherTags } from './tag-set.js';
import { parseTag } from './tag.js';
import type { TestMember } from '../testing/members.js';
import type { TestOrganisation } from '../testing.js';
import type { Trust } from '../organisation/trust.js';

const LABEL = 'production';
let acme: TestOrganisation;
let trust: Trust;
beforeAll(async () => {
  ({ acme, trust } = await makeSigners());
});

/** A tag as it was signed before positions had a predecessor. */
async function earlier(by: TestMember, change: object = {}): Promise<string> {
  const { header, claims } = parseTag(await tagBy(by, { tag: LABEL }));
  const { prev: _, ...before } = claims;
  const part = (value: object) => encodeBase64url(utf8(JSON.stringify(value)));
  const input = `${part(header)}.${part({ ...before, ...change })}`;
  return `${input}.${encodeBase64url(await by.signer.sign(utf8(input)))}`;
}
const verify = (token: string) => verifyEarlierTag(token, { trust, name: NAME, label: LABEL });

describe('a tag of before positions had a predecessor', () => {
  it('is the word of whoever signed it', async () => {
    const { claims, signer } = await verify(await earlier(acme.author));
    expect([claims.name, claims.tag, signer]).toEqual([NAME, LABEL, acme.author.urn]);
  });

  it('is refused with the signature of another one [guard: earlier-tag-signature]', async () => {
    const [own, other] = [await earlier(acme.author), await earlier(acme.author, { seq: 7 })];
    const forged = [...own.split('.').slice(0, 2), other.split('.')[2]].join('.');
    await expect(verify(forged)).rejects.toMatchObject({ code: 'signature_invalid' });
  });

  it.each<[string, (of: TestOrganisation) => object]>([
    ['another name', () => ({ name: 'claims/other' })],
    ['another label', () => ({ tag: 'staging' })],
    ['another organisation', () => ({ aud: 'urn:bulla:globex' })],
    ['another signer', ({ owner }) => ({ iss: owner.urn })],
  ])('that names %s is refused [guard: earlier-tag-place]', async (_what, change) => {
    const token = await earlier(acme.author, change(acme));
    await expect(verify(token)).rejects.toMatchObject({ code: 'envelope_tampered', check: 'tag-name' });
  });
});

it('of tags that are gathered, each counts or says why not [guard: tag-every]', async () => {
  const tags = [await tagBy(acme.author, { tag: LABEL }), await tagBy(acme.owner, { tag: LABEL, exp: NOW + DAY })];
  const at = (now: number) => gatherTags(tags, { trust, name: NAME, label: LABEL, now });
  expect(await at(NOW)).toMatchObject({ given: 2, needed: 2 });
  await expect(at(NOW + 2 * DAY)).rejects.toMatchObject({ code: 'trust_expired' });
});
