import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Example } from '../../test/examples.js';
import { example, exampleTag, NAME, REQUEST } from '../../test/examples.js';
import type { TestOrganisation } from '../../test/organisation.js';
import { loadOrganisation, NOW } from '../../test/organisation.js';
import { labelWord } from '../../test/renewers.js';
import type { CheckedBundle, WantedPrompt } from './bundle.js';
import { checkBundleForAsker, parseBundle } from './bundle.js';
import type { LabelFreshClaims } from '../organisation/freshness.js';
import { positionHash } from '../prompt/position.js';
import type { TagClaims } from '../prompt/tag.js';
import { positionOf, signTag } from '../prompt/tag.js';

const DAY = 86_400;
const HASH = 'B'.repeat(42).concat('A');
/** Too long ago for a tag to say by itself that nothing newer exists. */
const LONG_AGO = { iat: NOW - 7 * DAY, exp: NOW + 300 * DAY };

let acme: TestOrganisation;
let good: Example;
let claims: TagClaims;
let old: string;

beforeAll(async () => {
  acme = await loadOrganisation('acme');
  good = await example(acme);
  claims = exampleTag(acme, good.sealed.chash, LONG_AGO);
  old = await signTag(claims, await acme.signer('owner'));
});

/** A renewer's word for the position of the old tag, with changes. */
async function word(changes: Partial<LabelFreshClaims> = {}): Promise<string> {
  const renewer = { urn: acme.urn('renewer'), fresh: await acme.signer('renewer', 'fresh') };
  const { name, tag, seq } = claims;
  const place = { name, tag, seq, pos: await positionHash(positionOf(claims)) };
  return labelWord(renewer, acme.trust.directoryRef, { ...place, iat: NOW - 60, exp: NOW + DAY, ...changes });
}

function check(tags: string[], fresh?: string[], wanted: Partial<WantedPrompt> = {}): Promise<CheckedBundle> {
  return checkBundleForAsker(parseBundle({ ...good.bundle, tags, ...(fresh && { fresh }) }), {
    trust: acme.trust,
    now: NOW,
    asker: { urn: acme.urn('asker'), kid: acme.kid('asker') },
    audience: acme.urn('eu1'),
    request: REQUEST,
    wanted: { name: NAME, ...wanted },
  });
}

describe('an asker takes a label', () => {
  it('that was signed lately, whatever renewers say', async () => {
    const fresh = { until: NOW + 6 * DAY, passedOver: [] };
    expect((await check(good.bundle.tags)).fresh).toEqual(fresh);
    expect((await check(good.bundle.tags, ['no token'])).fresh).toEqual(fresh);
  });

  it('of long ago that a renewer calls the newest, and keeps its word', async () => {
    const [other, token] = [await word({ seq: 8 }), await word()];
    const checked = await check([old], [other, token]);
    expect(checked.fresh).toMatchObject({ token, until: NOW + DAY, signedAt: NOW - 60 });
    expect(checked.fresh?.passedOver.map(({ check: name }) => name)).toEqual(['fresh-position']);
  });

  it('of long ago for a version whose content it knows, without anybody’s word', async () => {
    const checked = await check([old], undefined, { version: 3, chash: good.sealed.chash });
    expect(checked).toMatchObject({ fresh: undefined, resolved: { version: 3, freshUntil: NOW } });
  });
});

describe('an asker refuses a label of long ago', () => {
  const stale = { code: 'trust_expired', check: 'tag-fresh' };

  it.each<[string, Partial<WantedPrompt>]>([
    ['that no renewer calls the newest [guard: asker-position-fresh]', {}],
    ['for a version that it does not know', { version: 3 }],
    ['though it knows a content of it', { chash: 'same' }],
  ])('%s', async (_name, wanted) => {
    const known = wanted.chash !== undefined && { chash: good.sealed.chash };
    await expect(check([old], undefined, { ...wanted, ...known })).rejects.toMatchObject(stale);
  });

  it.each<[string, Partial<LabelFreshClaims>, object]>([
    ['another position', { pos: HASH }, stale],
    ['the position before', { seq: 6 }, stale],
    ['another label', { tag: 'production' }, stale],
    ['another name', { name: 'claims/other' }, stale],
    ['too long ago', { iat: NOW - 2 * DAY, exp: NOW }, stale],
    ['under a newer directory', { dir: { ver: 2, hash: HASH } }, { code: 'key_unknown', check: 'fresh-newer' }],
    ['under another directory', { dir: { ver: 1, hash: HASH } }, { code: 'trust_rollback', check: 'fresh-fork' }],
    ['ahead of its time', { iat: NOW + 61 }, { code: 'clock_skew', check: 'fresh-issued' }],
  ])('that a renewer spoke of only for %s', async (_name, changes, error) => {
    await expect(check([old], [await word(changes)])).rejects.toMatchObject(error);
  });

  it.each([[[]], [Array<string>(17).fill('no token')]])('with a list of words of another length', async (fresh) => {
    await expect(async () => check([old], fresh)).rejects.toMatchObject({ code: 'token_malformed' });
  });
});
