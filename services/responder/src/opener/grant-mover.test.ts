import type { GrantPlace, KeyRecord } from '@bulla/crypto';
import { encodeHex, parseContent, parseGrant, Secret } from '@bulla/crypto';
import { openGrant, UnfitGrant } from '@bulla/crypto/open';
import { sealUnfit } from '@bulla/crypto/testing';
import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { StoredPrompt } from '../../test/asking.js';
import { storePrompt } from '../../test/asking.js';
import type { RenewedResponder } from '../../test/renewed-responder.js';
import { renewedResponder } from '../../test/renewed-responder.js';
import type { FoundGrant } from './grant-mover.js';
import { GrantMover } from './grant-mover.js';
import { Unwrappers } from './unwrappers.js';

let renewed: RenewedResponder;
let prompt: StoredPrompt;
let mover: GrantMover;
beforeAll(async () => {
  renewed = await renewedResponder();
  prompt = await storePrompt(renewed.organisation);
  mover = new GrantMover(new Unwrappers(renewed.unwrappers));
});
afterEach(() => void jest.restoreAllMocks());

const found = (changes: Partial<FoundGrant> = {}): FoundGrant => {
  const [header = ''] = prompt.content.split('.');
  return { grant: prompt.grant, header, kid: renewed.old.kid, sub: prompt.sub, version: prompt.ver, ...changes };
};
const newest = (record: KeyRecord = renewed.younger) => ({ urn: renewed.member.urn, record });
const move = (one = found(), to = newest()) => mover.move(one, renewed.trust, renewed.member.urn, to);
/** A grant of a key that nobody used, for whatever place and holder. */
const grantFor = (place: Partial<GrantPlace> = {}, urn = renewed.member.urn, record = renewed.old) => {
  const { sub, ver, dek: dekId, chash, dkc = '' } = parseGrant(prompt.grant).header;
  return sealUnfit({ sub, ver, dekId, chash, dkc, ...place }, { urn, record });
};
/** The header of a content of another place. */
const headerOf = async (changes: { id?: string; ver?: number }) =>
  (await storePrompt(renewed.organisation, changes)).content.split('.')[0] ?? '';

describe('a grant of an older key', () => {
  it('is sealed to the newest: the same content key, for the same content', async () => {
    const moved = parseGrant(await move());
    const { kid, ...rest } = moved.header;
    const { kid: before, ...old } = parseGrant(prompt.grant).header;
    expect([before, kid]).toEqual([renewed.old.kid, renewed.younger.kid]);
    const { epk: _, ...said } = rest;
    const { epk: __, ...saidBefore } = old;
    expect(said).toEqual(saidBefore);
    const [younger, older] = renewed.unwrappers;
    const place = {
      sub: prompt.sub,
      ver: prompt.ver,
      chash: prompt.chash,
      dekId: moved.header.dek,
      dkc: moved.header.dkc ?? '',
    };
    const expected = { urn: renewed.member.urn, ...place };
    const [one, other] = [
      await openGrant(moved, younger, expected),
      await openGrant(parseGrant(prompt.grant), older, expected),
    ];
    expect(one.reveal()).toEqual(other.reveal());
  });

  it('leaves no content key behind, whether it can be sealed or not', async () => {
    const [, older] = renewed.unwrappers;
    const { sub, ver, dek: dekId, chash, dkc = '' } = parseGrant(prompt.grant).header;
    const expected = { urn: renewed.member.urn, sub, ver, dekId, chash, dkc };
    const dek = encodeHex((await openGrant(parseGrant(prompt.grant), older, expected)).reveal());
    const wiped: string[] = [];
    jest.spyOn(Secret.prototype, 'wipe').mockImplementation(function noteWiped(this: Secret) {
      wiped.push(encodeHex(this.reveal()));
    });
    await move();
    const abroad = { urn: 'urn:bulla:other:svc:responder:eu1', record: renewed.younger };
    await expect(move(found(), abroad)).rejects.toMatchObject({ code: 'key_invalid' });
    expect(await mover.isFit(found(), renewed.trust, renewed.member.urn)).toBe(true);
    expect(wiped.filter((one) => one === dek)).toHaveLength(3);
  });

  it('is not sealed to a key whose suite ends sooner', async () => {
    const weaker = await renewedResponder('rsa2048');
    const of = await storePrompt(weaker.organisation);
    const [header = ''] = of.content.split('.');
    const one = { grant: of.grant, header, kid: weaker.old.kid, sub: of.sub, version: 1 };
    const moving = new GrantMover(new Unwrappers(weaker.unwrappers));
    const to = { urn: weaker.member.urn, record: weaker.younger };
    await expect(moving.move(one, weaker.trust, weaker.member.urn, to)).rejects.toMatchObject({
      code: 'key_invalid',
      check: 'protect-until',
    });
  });

  it.each<[string, () => Promise<FoundGrant>]>([
    ['is of another key than was asked for [guard: mover-key]', async () => found({ kid: renewed.younger.kid })],
    [
      'is for another responder [guard: mover-audience]',
      async () => found({ grant: await grantFor({}, renewed.organisation.responders[1].urn) }),
    ],
    [
      'is of a key of somebody else [guard: mover-holder]',
      async () => {
        const [, second] = renewed.organisation.responders;
        const record = second.entity.keys.find(({ use }) => use === 'enc') as KeyRecord;
        return found({ grant: await grantFor({}, renewed.member.urn, record), kid: record.kid });
      },
    ],
    [
      'is listed for another prompt [guard: mover-listed-prompt]',
      async () => found({ sub: `${prompt.sub.slice(0, -1)}0` }),
    ],
    ['is listed for another version [guard: mover-listed-version]', async () => found({ version: 2 })],
    [
      'comes with the content of another prompt [guard: mover-content-prompt]',
      async () => {
        const other = await storePrompt(renewed.organisation);
        const { kid: dekId, dkc = '' } = parseContent(other.content).header;
        return found({ header: other.content.split('.')[0] ?? '', grant: await grantFor({ dekId, dkc }) });
      },
    ],
    [
      'comes with the content of another version [guard: mover-content-version]',
      async () => {
        const other = await storePrompt(renewed.organisation, { id: prompt.id, ver: 2 });
        const { kid: dekId, dkc = '' } = parseContent(other.content).header;
        return found({ header: other.content.split('.')[0] ?? '', grant: await grantFor({ dekId, dkc }) });
      },
    ],
    [
      'comes with another content of the same version [guard: mover-content-key]',
      async () => found({ header: await headerOf({ id: prompt.id }) }),
    ],
    [
      'comes with a content that commits to another key [guard: mover-content-commitment]',
      async () => found({ header: changedHeader({ dkc: 'A'.repeat(43) }) }),
    ],
    [
      'comes with the content of another organisation [guard: mover-organisation]',
      async () => found({ header: changedHeader({ org: 'other' }) }),
    ],
  ])('stays where it is if it %s', async (_name, make) => {
    await expect(make().then((one) => move(one))).rejects.toMatchObject({
      code: 'envelope_tampered',
      check: 'moved-grant',
    });
  });

  it('of a content that commits to no key goes nowhere [guard: mover-committed]', async () => {
    const header = changedHeader({ dkc: undefined });
    const { dkc: _, ...place } = parseGrant(prompt.grant).header;
    const grant = await sealUnfit({ ...place, dekId: place.dek }, { urn: renewed.member.urn, record: renewed.old });
    await expect(move(found({ header, grant }))).rejects.toMatchObject({ code: 'content_uncommitted' });
  });

  it('with a random key inside is unfit, and is not sealed to anybody', async () => {
    await expect(move(found({ grant: await grantFor() }))).rejects.toBeInstanceOf(UnfitGrant);
  });

  it('does not open where a character of it was changed, and that is all that is said', async () => {
    const [head = '', ...rest] = prompt.grant.split('.');
    const last = rest.at(-2) ?? '';
    const changed = `${last.slice(0, 1) === 'A' ? 'B' : 'A'}${last.slice(1)}`;
    const grant = [head, ...rest.slice(0, -2), changed, rest.at(-1)].join('.');
    await expect(move(found({ grant }))).rejects.toMatchObject({ code: 'open_failed', check: undefined });
  });
});

describe('the keys that grants move between', () => {
  const keysBy = (which: readonly number[]) => {
    const unwrappers = new Unwrappers(which.map((index) => renewed.unwrappers[index as 0 | 1]));
    const moving = new GrantMover(unwrappers);
    const { trust, member, organisation } = renewed;
    return [moving.keys(trust, member.urn, organisation.now), moving.lacksNewest(trust, member.urn, organisation.now)];
  };

  it('are those of the directory whose private halves are here [guard: mover-newest-here]', () => {
    const { younger, old } = renewed;
    expect(keysBy([0, 1])).toMatchObject([{ newest: { record: { kid: younger.kid } }, older: [old.kid] }, false]);
    expect(keysBy([1])).toEqual([undefined, true]);
    expect(keysBy([0])).toEqual([undefined, false]);
  });
});

/** The header of the content with something else in it: only opening would show that. */
function changedHeader(changes: object): string {
  const [header = ''] = prompt.content.split('.');
  const said = JSON.parse(Buffer.from(header, 'base64url').toString()) as object;
  return Buffer.from(JSON.stringify({ ...said, ...changes })).toString('base64url');
}
