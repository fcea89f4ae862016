import { beforeAll, describe, expect, it } from '@jest/globals';
import { labelWord, makeRenewed } from '../../test/renewers.js';
import { DAY, NAME, NOW, tagBy } from '../../test/tags.js';
import type { LabelFreshClaims } from '../organisation/freshness.js';
import { requireFreshPosition } from './fresh-position.js';
import type { ResolvedTag } from './tag-set.js';
import { readTags, verifyPosition } from './tag-set.js';
import type { TestOrganisation } from '../testing.js';
import type { TestRenewer } from '../testing/members.js';
import type { Trust } from '../organisation/trust.js';

const HASH = 'B'.repeat(42).concat('A');
const WEEK = 7 * DAY;
/** When the tags are too old to say anything by themselves, and the directory is not. */
const LATER = NOW + WEEK;
const YEAR = { exp: NOW + 365 * DAY };

let acme: TestOrganisation;
let first: TestRenewer;
let second: TestRenewer;
/** The directory as a renewer called it the newest at LATER. */
let trust: Trust;

beforeAll(async () => {
  ({ acme, first, second } = await makeRenewed({
    policy: {
      labels: {
        production: { groups: ['grp:release'], threshold: 2 },
        beta: { groups: ['grp:release'], days: 3 },
      },
    },
  }));
  trust = await acme.trust.withFreshness([await acme.freshDirectory(LATER)], LATER);
});

/** What tags of the author, and of the owner where they sign too, say of a label. */
async function position(label: string, iats: readonly number[]): Promise<ResolvedTag> {
  const signers = [acme.author, acme.owner];
  const tags = iats.map((iat, at) => tagBy(signers[at] ?? acme.author, { tag: label, iat, ...YEAR }));
  return verifyPosition(await Promise.all(tags), { trust, name: NAME, label, now: LATER });
}

/** A renewer's word for a position, with changes. */
function wordFor(
  { label, seq, pos }: ResolvedTag,
  changes: Partial<LabelFreshClaims> = {},
  by = first,
): Promise<string> {
  const times = { iat: LATER, exp: LATER + WEEK };
  return labelWord(by, trust.directoryRef, { tag: label, seq, pos, ...times, ...changes });
}

describe('tags say themselves that a position is the newest', () => {
  it('for a week after they were signed', async () => {
    const latest = await position('latest', [NOW]);
    expect(latest).toMatchObject({ freshUntil: NOW + WEEK, expiresAt: NOW + 365 * DAY });
    const fresh = await requireFreshPosition(latest, [], { trust: acme.trust, now: LATER - 1 });
    expect(fresh).toEqual({ until: NOW + WEEK, passedOver: [] });
  });

  it('while as many people as must sign it signed it lately', async () => {
    expect(await position('production', [NOW, NOW + DAY])).toMatchObject({ freshUntil: NOW + WEEK });
    expect(await position('production', [NOW + 2 * DAY, NOW + DAY])).toMatchObject({ freshUntil: NOW + DAY + WEEK });
  });

  it('by the newest word of each person', async () => {
    const tags = await Promise.all([NOW + DAY, NOW + 2 * DAY, NOW].map((iat) => tagBy(acme.author, { iat, ...YEAR })));
    const latest = await readTags(tags, { trust, name: NAME, label: 'latest', now: LATER });
    expect(latest).toMatchObject({ freshUntil: NOW + 2 * DAY + WEEK, given: 1 });
  });

  it('no longer than they live', async () => {
    const expected = { trust: acme.trust, name: NAME, now: LATER, acceptExpired: true };
    const beta = [await tagBy(acme.author, { tag: 'beta', ...YEAR })];
    expect(await verifyPosition(beta, { ...expected, label: 'beta' })).toMatchObject({ freshUntil: NOW + 3 * DAY });
    const latest = [await tagBy(acme.author, { exp: NOW + DAY })];
    expect(await verifyPosition(latest, { ...expected, label: 'latest' })).toMatchObject({ freshUntil: NOW + DAY });
  });

  it('not where too few people signed', async () => {
    const tags = [await tagBy(acme.author, { tag: 'production' })];
    const expected = { trust: acme.trust, name: NAME, label: 'production', now: NOW };
    expect(await readTags(tags, expected)).toMatchObject({ freshUntil: 0, given: 1, needed: 2 });
  });

  it('always where they delete the label', async () => {
    const tags = [await tagBy(acme.author, { ver: 0, chash: '', ...YEAR })];
    const deleted = await verifyPosition(tags, { trust, name: NAME, label: 'latest', now: LATER });
    expect(await requireFreshPosition(deleted, [], { trust, now: LATER })).toEqual({
      until: NOW + 365 * DAY,
      passedOver: [],
    });
  });
});

describe('a position whose tags are old', () => {
  it('needs the word of a renewer [guard: tag-fresh]', async () => {
    const latest = await position('latest', [NOW]);
    await expect(requireFreshPosition(latest, [], { trust, now: LATER })).rejects.toMatchObject({
      code: 'trust_expired',
      check: 'tag-fresh',
      message: expect.stringMatching(/claims\/triage@latest: .*service renew.*bulla trust renew/),
    });
    const token = await wordFor(latest);
    const fresh = { until: LATER + WEEK, signedAt: LATER, token, passedOver: [] };
    expect(await requireFreshPosition(latest, [token], { trust, now: LATER })).toEqual(fresh);
  });

  it('is the newest by the word that counts longest, whatever else is said', async () => {
    const latest = await position('latest', [NOW]);
    const words = await Promise.all([
      wordFor(latest, { pos: HASH }),
      wordFor(latest, { iat: LATER - DAY, exp: LATER + DAY }),
      wordFor(latest, { iat: LATER - DAY, exp: LATER + 6 * DAY }, second),
      wordFor(latest, { exp: LATER + DAY }),
      wordFor(latest, { dir: { ver: 1, hash: HASH } }),
    ]);
    const fresh = await requireFreshPosition(latest, words, { trust, now: LATER });
    expect(fresh).toMatchObject({ until: LATER + 6 * DAY, token: words[2], signedAt: LATER - DAY });
    expect(fresh.passedOver.map(({ check }) => check)).toEqual(['fresh-position', 'fresh-fork']);
  });

  it.each<[string, Partial<LabelFreshClaims>[], { code: string; check: string }]>([
    ['another position', [{ pos: HASH }], { code: 'trust_expired', check: 'tag-fresh' }],
    ['the position before', [{ seq: 4 }], { code: 'trust_expired', check: 'tag-fresh' }],
    ['another label', [{ tag: 'beta' }], { code: 'trust_expired', check: 'tag-fresh' }],
    ['another name', [{ name: 'claims/other' }], { code: 'trust_expired', check: 'tag-fresh' }],
    ['too long ago', [{ iat: NOW, exp: LATER }], { code: 'trust_expired', check: 'tag-fresh' }],
    ['ahead of this clock', [{ pos: HASH }, { iat: LATER + 61 }], { code: 'clock_skew', check: 'fresh-issued' }],
    [
      'under another directory',
      [{ iat: LATER + 61 }, { dir: { ver: 1, hash: HASH } }],
      { code: 'trust_rollback', check: 'fresh-fork' },
    ],
    [
      'under a newer directory',
      [{ dir: { ver: 1, hash: HASH } }, { dir: { ver: 2, hash: HASH } }],
      { code: 'key_unknown', check: 'fresh-newer' },
    ],
  ])('is refused where renewers spoke of it only %s', async (_name, changes, error) => {
    const latest = await position('latest', [NOW]);
    const words = await Promise.all(changes.map((change) => wordFor(latest, change)));
    await expect(requireFreshPosition(latest, words, { trust, now: LATER })).rejects.toMatchObject(error);
  });

  it('is judged by a clock that does not fall', async () => {
    const latest = await position('latest', [NOW]);
    await expect(requireFreshPosition(latest, [], { trust, now: LATER - 1 })).rejects.toMatchObject({
      check: 'tag-fresh',
    });
    const tags = [await tagBy(acme.author, { exp: LATER })];
    const expected = { name: NAME, label: 'latest', now: LATER - 1 };
    await expect(verifyPosition(tags, { ...expected, trust })).rejects.toMatchObject({ check: 'tag-expiry' });
    await expect(verifyPosition(tags, { ...expected, trust: acme.trust })).resolves.toBeDefined();
  });

  it('is not the newest by the word of a renewer that was taken away since, but by that of another under the directory before', async () => {
    const { acme: other, first: gone, second: stays } = await makeRenewed();
    const before = other.trust.directoryRef;
    const next = await other.publish((draft) => {
      delete draft.entities[gone.urn];
    }, LATER);
    const tags = [await tagBy(other.author, YEAR)];
    const latest = await verifyPosition(tags, { trust: next, name: NAME, label: 'latest', now: LATER });
    const said = { seq: latest.seq, pos: latest.pos, iat: LATER - DAY, exp: LATER + DAY };
    const by = (renewer: TestRenewer) => labelWord(renewer, before, said);
    const refused = requireFreshPosition(latest, [await by(gone)], { trust: next, now: LATER });
    await expect(refused).rejects.toMatchObject({ code: 'trust_expired', check: 'tag-fresh' });
    const fresh = await requireFreshPosition(latest, [await by(gone), await by(stays)], { trust: next, now: LATER });
    expect(fresh.passedOver.map(({ check }) => check)).toEqual(['fresh-key']);
  });
});
