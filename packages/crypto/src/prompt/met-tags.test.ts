import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { withPart } from '../../test/raw-token.js';
import { DAY, makeSigners, NAME, NOW, tagBy } from '../../test/tags.js';
import type { Trust } from '../organisation/trust.js';
import type { TestOrganisation } from '../testing.js';
import { MetTags } from './met-tags.js';
import { parseTag } from './tag.js';
import { verifyTags } from './tag-set.js';

let acme: TestOrganisation;
let trust: Trust;
let nowMs: number;
let met: MetTags;
beforeAll(async () => {
  ({ acme, trust } = await makeSigners());
});
beforeEach(() => {
  nowMs = 0;
  met = new MetTags(() => nowMs);
});

const tag = () => tagBy(acme.owner, { tag: 'latest', exp: NOW + DAY });
const verify = (token: string, now = NOW) => verifyTags([token], { trust, name: NAME, label: 'latest', now, met });

describe('a tag that is met again', () => {
  it('says what it said, and is not read again within a minute', async () => {
    const token = await tag();
    const first = met.read(token);
    nowMs += 59_999;
    expect(met.read(token)).toBe(first);
    expect(first).toEqual(parseTag(token));
    nowMs += 1;
    expect(met.read(token)).not.toBe(first);
    expect(met.read(token)).toEqual(first);
  });

  it('points where it pointed, until it ends', async () => {
    const token = await tag();
    expect(await verify(token)).toEqual(await verify(token));
    expect(await verify(token)).toEqual(await verifyTags([token], { trust, name: NAME, label: 'latest', now: NOW }));
    await expect(verify(token, NOW + 2 * DAY)).rejects.toMatchObject({ code: 'trust_expired' });
  });

  it('is refused each time where nobody signed it', async () => {
    const forged = withPart(await tag(), 2, new Uint8Array(256));
    for (let times = 0; times < 2; times++)
      await expect(verify(forged)).rejects.toMatchObject({ code: 'signature_invalid' });
  });

  it('is refused each time where it cannot be read', async () => {
    for (let times = 0; times < 2; times++)
      await expect(verify('x')).rejects.toMatchObject({ code: 'token_malformed' });
  });
});
