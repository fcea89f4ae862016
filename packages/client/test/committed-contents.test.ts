import { mintId, parseContent, parseGrant, tokenHash, urnOf } from '@bulla/crypto';
import { openContent, openGrant } from '@bulla/crypto/open';
import { sealEarlier, sealUnfit } from '@bulla/crypto/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Bulla } from '../src/bulla.js';
import type { World } from './world.js';
import { draftOf, makeWorld } from './world.js';

// What a client makes of contents that commit to no key, and of grants that do not give the key of theirs (protocol.md A16).

const NAME = 'claims/triage';
let world: World;
let owner: Bulla;
beforeEach(async () => {
  world = await makeWorld();
  owner = await world.client();
  await owner.prompts.push(NAME, 'text', draftOf('one'), ['production']);
});
afterEach(() => world.stop());

const stored = () => {
  const [version] = world.vault.named(NAME).versions;
  if (version === undefined) throw new Error('there is no version');
  return version;
};
const recipientOf = ({ urn, entity }: typeof world.organisation.owner) => {
  const record = entity.keys.find(({ use }) => use === 'enc');
  if (record === undefined) throw new Error('nothing is sealed to it');
  return { urn, record };
};

/** Has the vault hold the same text as an earlier version of this client sealed it. */
async function asBefore(): Promise<void> {
  const { owner: device, responders } = world.organisation;
  const version = stored();
  const sub = urnOf('acme', 'prompt', world.vault.named(NAME).id);
  const own = version.grants.find((token) => parseGrant(token).header.aud === device.urn) ?? '';
  const { kid: dekId, dkc = '' } = parseContent(version.content).header;
  const place = { urn: device.urn, sub, ver: 1, chash: version.chash, dekId, dkc };
  const dek = await openGrant(parseGrant(own), await device.unwrapper(), place);
  const statement = await openContent(parseContent(version.content), dek, { org: 'acme', sub, ver: 1 });
  const { content, chash, grantTo } = await sealEarlier(statement, { sub, ver: 1 });
  const grants = await Promise.all([device, responders[0]].map((one) => grantTo(recipientOf(one))));
  Object.assign(version, { content, chash, grants });
}

describe('a content that commits to no key', () => {
  it('is opened to be pulled, and for nothing else [guard: client-committed]', async () => {
    // What labels were signed for stays what it was.
    await owner.prompts.push(NAME, 'text', draftOf('two'));
    await asBefore();
    const another = await world.client();
    await another.prompts.read(NAME);
    const pulled = await another.prompts.read(NAME, { version: 1, earlier: true });
    expect(pulled.statement.content.messages[0]?.content).toBe('one');
    await expect(another.prompts.read(NAME, { version: 1 })).rejects.toMatchObject({ code: 'content_uncommitted' });
    expect(await another.grants.reseal(NAME, 'all')).toMatchObject([{ state: 'earlier' }, { state: 'sealed' }]);
    await expect(another.grants.reseal(NAME, 1)).rejects.toMatchObject({ code: 'content_uncommitted' });
  });
});

describe('a grant of this device that does not give the key of its content', () => {
  const unfit = async () => {
    const { sub, ver, kid: dekId, dkc = '' } = parseContent(stored().content).header;
    const place = { sub, ver, dekId, chash: stored().chash, dkc };
    return sealUnfit(place, recipientOf(world.organisation.owner));
  };
  const swap = async (grant: string) => {
    const version = stored();
    const aud = world.organisation.owner.urn;
    Object.assign(version, {
      grants: [grant, ...version.grants.filter((token) => parseGrant(token).header.aud !== aud)],
    });
  };

  it('is taken back, which is said; a push then makes a new version', async () => {
    const grant = await unfit();
    await swap(grant);
    const said: string[] = [];
    world.vault.service.lies['grant.delete'] = async ({ params, query }) => {
      said.push(`${params['whash']} ${query.get('because')}`);
      const version = stored();
      Object.assign(version, { grants: version.grants.filter((token) => token !== grant) });
      return {};
    };
    await expect(owner.prompts.read(NAME)).rejects.toMatchObject({
      code: 'grant_unfit',
      message: expect.stringContaining('it was taken back'),
    });
    expect(said).toEqual([`${await tokenHash(grant)} unfit`]);
    await expect(owner.prompts.read(NAME)).rejects.toMatchObject({ code: 'forbidden' });
    await swap(grant);
    expect(await owner.grants.reseal(NAME, 'all')).toMatchObject([{ state: 'unsealed' }]);
    await swap(grant);
    expect(await owner.prompts.push(NAME, 'text', draftOf('one'))).toMatchObject({ version: 2, changed: true });
  });

  it('is told where the vault does not let go of it, once', async () => {
    await swap(await unfit());
    await expect(owner.prompts.read(NAME)).rejects.toMatchObject({
      code: 'grant_unfit',
      message: expect.stringContaining('the vault did not let go of it'),
    });
  });
});

describe('a reseal', () => {
  it('says who lacks a grant whom this person cannot give one, and gives it to the others', async () => {
    const { organisation } = world;
    const device = await organisation.makeDevice('late', { roles: ['author'], groups: ['grp:authors'] });
    const other = await organisation.makeDevice('later', { roles: ['author'], groups: ['grp:authors'] });
    await organisation.publish((draft) => {
      for (const one of [device, other]) draft.entities[one.urn] = one.entity;
    });
    await owner.refreshTrust();
    const by = organisation.trust.userOf(organisation.owner.urn) ?? '';
    const of = { prompt: world.vault.named(NAME).id, version: 1, kid: device.enc?.kid, aud: device.urn };
    const unfit = [
      { ...of, whash: 'A'.repeat(43), poster: organisation.owner.sig.kid, by },
      // By somebody else, and of another prompt.
      {
        ...of,
        whash: 'B'.repeat(42).concat('A'),
        kid: other.enc?.kid,
        poster: device.sig.kid,
        by: organisation.trust.userOf(device.urn),
      },
      {
        ...of,
        whash: 'C'.repeat(42).concat('A'),
        prompt: mintId('prm'),
        kid: other.enc?.kid,
        poster: device.sig.kid,
        by,
      },
    ].map((one) => ({ ...one, again: false, reported_at: '2026-12-02T10:00:00.000Z' }));
    world.vault.service.lies['grant.unfit'] = () => ({ body: { data: unfit, next_cursor: null } });
    expect(await owner.grants.unfit()).toHaveLength(3);
    expect(await owner.grants.reseal(NAME, 1)).toEqual([
      { version: 1, state: 'sealed', recipients: [other.urn], barred: [device.urn] },
    ]);
  });
});
