import { beforeAll, describe, expect, it } from '@jest/globals';
import { directoryWord, labelWord, makeRenewed, PLACE } from '../../test/renewers.js';
import { flipped, rawJws } from '../../test/raw-token.js';
import { DAY, NOW } from '../../test/tags.js';
import type { FreshClaims, GoodFreshness, LabelFreshClaims } from './freshness.js';
import {
  parseDirectoryFreshness,
  parseLabelFreshness,
  verifyDirectoryFreshness,
  verifyLabelFreshness,
} from './freshness.js';
import type { TestOrganisation } from '../testing.js';
import type { TestRenewer } from '../testing/members.js';
import { Trust } from './trust.js';

const HASH = 'B'.repeat(42).concat('A');

let acme: TestOrganisation;
let globex: TestOrganisation;
let first: TestRenewer;
let second: TestRenewer;
/** Directory 3, after two others. */
let trust: Trust;

beforeAll(async () => {
  ({ acme, globex, first, second } = await makeRenewed());
  await acme.publish();
  trust = await acme.publish();
});

const dirAt = (version: number) => ({ ver: version, hash: acme.hashes.hashes[version - 1] ?? '' });

/** What a renewer says, with changes to what is right. */
interface Said {
  readonly claims?: Partial<LabelFreshClaims>;
  readonly by?: TestRenewer | undefined;
  readonly signer?: TestRenewer['fresh'];
  /** Whose trust judges it, and when. */
  readonly judge?: Trust;
  readonly now?: number;
}

type Verify = (said: Said) => Promise<GoodFreshness<FreshClaims>>;

const ofLabel: Verify = async ({ claims, by = first, signer, judge = trust, now = NOW }) =>
  verifyLabelFreshness(await labelWord(by, dirAt(3), claims, signer), PLACE, judge, now);
const ofDirectory: Verify = async ({ claims, by = first, signer, judge = trust, now = NOW }) =>
  verifyDirectoryFreshness(await directoryWord(by, dirAt(3), claims as object, signer), judge, now);

/** Directory 3 with a change, as somebody sees it who saw none before. */
async function changed(change: (draft: Trust['directory']) => void): Promise<Trust> {
  const draft = structuredClone(trust.directory);
  change(draft);
  const documents = { ...trust.documents, directory: await acme.sign('directory', draft) };
  return Trust.establish(documents, { org: 'acme', pin: acme.pin, now: NOW });
}

/** The first renewer's key for freshness in a draft. */
function freshKeyIn(draft: Trust['directory']) {
  const record = draft.entities[first.urn]?.keys.find(({ kid }) => kid === first.fresh.kid);
  if (record === undefined) throw new Error('the renewer is not listed');
  return record;
}

describe.each([
  ['a position', ofLabel],
  ['a directory', ofDirectory],
])('the word of a renewer for %s', (_kind, verify) => {
  it.each<[string, Said, number]>([
    ['for a week', {}, NOW + 7 * DAY],
    ['for as long as it says', { claims: { exp: NOW + DAY } }, NOW + DAY],
    ['until its last second', { now: NOW + 7 * DAY - 1 }, NOW + 7 * DAY],
    ['where its clock is a minute ahead', { claims: { iat: NOW + 60 } }, NOW + 7 * DAY],
  ])('counts %s', async (_name, said, until) => {
    expect(await verify(said)).toMatchObject({ until, claims: { iss: first.urn, dir: dirAt(3) } });
  });

  it('counts where another renewer gives it', async () => {
    expect(await verify({ by: second })).toMatchObject({ claims: { iss: second.urn } });
  });

  it.each<[string, () => Said, string, string]>([
    ['from a renewer that nobody lists', () => ({ by: globex.renewers[0] }), 'key_unknown', 'fresh-key'],
    ['by the key for requests', () => ({ signer: first.signer }), 'key_unknown', 'fresh-key'],
    ['by the key of a person', () => ({ signer: acme.owner.signer }), 'key_unknown', 'fresh-key'],
    ['by the key of the vault', () => ({ signer: acme.vault.signer }), 'key_unknown', 'fresh-key'],
    ['by another renewer [guard: fresh-issuer]', () => ({ signer: second.fresh }), 'envelope_tampered', 'fresh-issuer'],
    [
      'for another organisation [guard: fresh-audience]',
      () => ({ claims: { aud: 'urn:bulla:globex' } }),
      'envelope_tampered',
      'fresh-audience',
    ],
    [
      'where it lives longer than a week [guard: fresh-life]',
      () => ({ claims: { exp: NOW + 7 * DAY + 1 } }),
      'token_malformed',
      'fresh-life',
    ],
    ['where it ends as it begins', () => ({ claims: { exp: NOW } }), 'token_malformed', 'fresh-life'],
    [
      'where it is dated ahead [guard: fresh-issued]',
      () => ({ claims: { iat: NOW + 61 } }),
      'clock_skew',
      'fresh-issued',
    ],
    [
      'where it has ended [guard: fresh-expiry]',
      () => ({ claims: { iat: NOW - DAY, exp: NOW } }),
      'trust_expired',
      'fresh-expiry',
    ],
    ['where it is a week old', () => ({ now: NOW + 7 * DAY }), 'trust_expired', 'fresh-expiry'],
    [
      'under a newer directory [guard: fresh-newer]',
      () => ({ claims: { dir: { ver: 4, hash: HASH } } }),
      'key_unknown',
      'fresh-newer',
    ],
    [
      'under a newer directory that lists other keys',
      () => ({ by: globex.renewers[0], claims: { dir: { ver: 4, hash: HASH } } }),
      'key_unknown',
      'fresh-newer',
    ],
    [
      'under another directory of the same version [guard: fresh-fork]',
      () => ({ claims: { dir: { ver: 3, hash: HASH } } }),
      'trust_rollback',
      'fresh-fork',
    ],
    [
      'under another directory than the one before',
      () => ({ claims: { dir: { ver: 2, hash: HASH } } }),
      'trust_rollback',
      'fresh-fork',
    ],
    [
      'under another directory than the first',
      () => ({ claims: { dir: { ver: 1, hash: HASH } } }),
      'trust_rollback',
      'fresh-fork',
    ],
  ])('is refused %s', async (_name, said, code, check) => {
    await expect(verify(said())).rejects.toMatchObject({ code, check });
  });

  it('is judged by the fresh_days of whoever judges [guard: fresh-days]', async () => {
    const short = await makeShort();
    const said = { judge: short.trust, claims: { dir: short.trust.directoryRef }, by: short.renewers[0] };
    expect(await verify(said)).toMatchObject({ until: NOW + 2 * DAY });
    await expect(verify({ ...said, now: NOW + 2 * DAY })).rejects.toMatchObject({
      code: 'trust_expired',
      check: 'fresh-expiry',
    });
  });

  it('counts if its key signed it in time, and no later [guard: fresh-key-time]', async () => {
    const end = NOW - 60;
    const judge = await changed((draft) => {
      Object.assign(freshKeyIn(draft), { use_until: end });
    });
    const said = (iat: number) => ({ judge, claims: { iat, exp: NOW + DAY, dir: judge.directoryRef } });
    expect(await verify(said(end - 1))).toMatchObject({ until: NOW + DAY });
    await expect(verify(said(end))).rejects.toMatchObject({ code: 'key_revoked', check: 'fresh-key-time' });
  });

  it.each<[string, (draft: Trust['directory']) => void]>([
    ['is revoked', (draft) => draft.revoked.push({ kid: first.fresh.kid, reason: 'keyCompromise', at: NOW })],
    ['has ended', (draft) => Object.assign(freshKeyIn(draft), { use_until: NOW - 60, end: NOW })],
    ['is not valid yet', (draft) => Object.assign(freshKeyIn(draft), { nbf: NOW + 60 })],
  ])('is refused once its key %s', async (_name, change) => {
    const judge = await changed(change);
    const refused = verify({ judge, claims: { iat: NOW - 120, exp: NOW + DAY, dir: judge.directoryRef } });
    await expect(refused).rejects.toMatchObject({ code: 'key_revoked', check: 'fresh-key' });
  });

  it('is refused under a suite that the policy does not allow', async () => {
    const judge = await acmeWithout('ed25519');
    await expect(verify({ judge, claims: { dir: judge.directoryRef } })).rejects.toMatchObject({
      code: 'suite_unknown',
      check: 'fresh-key',
    });
  });
});

/** Its renewers' words count for two days. */
async function makeShort(): Promise<TestOrganisation> {
  const { acme: short } = await makeRenewed({ policy: { fresh_days: 2 } });
  return short;
}

/** Directory 3 beside a policy that lacks a suite, with the renewers of acme. */
async function acmeWithout(suite: string): Promise<Trust> {
  const { acme: other } = await makeRenewed({ policy: { suites: trust.policy.suites.filter((one) => one !== suite) } });
  return other.publish((draft) => {
    for (const { urn } of other.renewers) delete draft.entities[urn];
    draft.entities[first.urn] = first.entity;
  });
}

describe('the word of a renewer for a position', () => {
  it.each<[string, Partial<LabelFreshClaims>]>([
    ['another name', { name: 'claims/other' }],
    ['another label', { tag: 'production' }],
    ['an older position', { seq: 6 }],
    ['another position of the same number [guard: fresh-position]', { pos: HASH }],
  ])('is refused for %s', async (_name, claims) => {
    await expect(ofLabel({ claims })).rejects.toMatchObject({
      code: 'envelope_tampered',
      check: 'fresh-position',
    });
  });

  it.each([1, 2])('counts under directory %i, which led here', async (version) => {
    expect(await ofLabel({ claims: { dir: dirAt(version) } })).toMatchObject({ until: NOW + 7 * DAY });
  });

  it('is refused under a directory that nothing shows to have led here [guard: fresh-chain]', async () => {
    const judge = await Trust.establish(trust.documents, { org: 'acme', pin: acme.pin, now: NOW });
    const refused = ofLabel({ judge, claims: { dir: dirAt(1) } });
    await expect(refused).rejects.toMatchObject({ code: 'trust_rollback', check: 'fresh-chain' });
    expect(await ofLabel({ judge, claims: { dir: dirAt(2) } })).toMatchObject({ until: NOW + 7 * DAY });
  });
});

describe('the word of a renewer for a directory', () => {
  it.each([1, 2])('is refused for directory %i, which is not the newest [guard: fresh-directory]', async (version) => {
    await expect(ofDirectory({ claims: { dir: dirAt(version) } })).rejects.toMatchObject({
      code: 'envelope_tampered',
      check: 'fresh-directory',
    });
  });
});

describe('the token of a renewer', () => {
  it('is refused after any change of a character [guard: fresh-signature]', async () => {
    const token = await labelWord(first, dirAt(3));
    const [, , signature = ''] = token.split('.');
    const refused = [...flipped(token)].filter((_one, at) => at % 16 === 0 || at >= token.length - signature.length);
    for (const one of refused)
      await expect(verifyLabelFreshness(one, PLACE, trust, NOW)).rejects.toMatchObject({
        code: expect.stringMatching(/^(signature_invalid|token_malformed|key_unknown)$/),
      });
  });

  const claims = { ...wordOf(), name: PLACE.name, tag: PLACE.label, seq: PLACE.seq, pos: PLACE.pos };
  it.each<[string, object, object?]>([
    ['a member more', { ...claims, purpose: 'tag.fresh', jti: 'x' }],
    ['no position', { ...claims, pos: undefined, purpose: 'tag.fresh' }],
    ['an empty position', { ...claims, pos: '', purpose: 'tag.fresh' }],
    ['number 0', { ...claims, seq: 0, purpose: 'tag.fresh' }],
    ['a name that is none', { ...claims, name: '/', purpose: 'tag.fresh' }],
    ['no directory', { ...claims, dir: undefined, purpose: 'tag.fresh' }],
    ['version 0 of the directory', { ...claims, dir: { ver: 0, hash: HASH }, purpose: 'tag.fresh' }],
    ['an issuer that is no name', { ...claims, iss: 'renewer', purpose: 'tag.fresh' }],
    ['a time with a fraction', { ...claims, iat: NOW + 0.5, purpose: 'tag.fresh' }],
    ['the purpose of a tag', { ...claims, purpose: 'prompt.tag' }],
    ['the purpose of the other', { ...claims, purpose: 'directory.fresh' }],
    ['the type of the other', { ...claims, purpose: 'tag.fresh' }, { typ: 'bulla-directory-fresh+jwt' }],
    ['the type of a tag', { ...claims, purpose: 'tag.fresh' }, { typ: 'bulla-tag+jwt' }],
  ])('is refused with %s', async (_name, payload, header = {}) => {
    const { alg, kid } = first.fresh;
    const token = await rawJws({ alg, typ: 'bulla-fresh+jwt', kid, ...header }, payload, first.fresh);
    expect(() => parseLabelFreshness(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it('is refused in the place of the other', async () => {
    const [forLabel, forDirectory] = [await labelWord(first, dirAt(3)), await directoryWord(first, dirAt(3))];
    const malformed = expect.objectContaining({ code: 'token_malformed' });
    expect(() => parseDirectoryFreshness(forLabel)).toThrow(malformed);
    expect(() => parseLabelFreshness(forDirectory)).toThrow(malformed);
  });

  it('is refused over 4 KiB', async () => {
    const { alg, kid } = first.fresh;
    const payload = { ...claims, purpose: 'tag.fresh', more: 'x'.repeat(4096) };
    const token = await rawJws({ alg, typ: 'bulla-fresh+jwt', kid }, payload, first.fresh);
    expect(() => parseLabelFreshness(token)).toThrow(expect.objectContaining({ code: 'payload_too_large' }));
  });
});

function wordOf() {
  const iss = 'urn:bulla:acme:dev:dev_01m8846qn4f4rbrg78kdyan1yj';
  return { iss, aud: 'urn:bulla:acme', dir: { ver: 3, hash: HASH }, iat: NOW, exp: NOW + DAY };
}
