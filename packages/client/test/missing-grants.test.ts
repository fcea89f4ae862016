import { fingerprint, parseGrant } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Bulla } from '../src/bulla.js';
import type { World } from './world.js';
import { draftOf, makeWorld } from './world.js';

const NAME = 'claims/triage';
let world: World;
let owner: Bulla;
beforeEach(async () => {
  world = await makeWorld();
  owner = await world.client();
});
afterEach(() => world.stop());

const push = () => owner.prompts.push(NAME, 'text', draftOf('one'));

/** Somebody who joined the authors after the prompt was sealed. */
async function join(): Promise<TestOrganisation['owner']> {
  const device = await world.organisation.makeDevice('late', { roles: ['author'], groups: ['grp:authors'] });
  await world.organisation.publish((draft) => {
    draft.entities[device.urn] = device.entity;
  });
  await owner.refreshTrust();
  return device;
}

describe('a reseal', () => {
  const versionsOf = (urn: string) =>
    world.vault
      .named(NAME)
      .versions.filter(({ grants }) => grants.some((token) => parseGrant(token).header.aud === urn))
      .map(({ version }) => version);
  const pushThree = async () => {
    await owner.prompts.push(NAME, 'text', draftOf('one'), ['production']);
    await owner.prompts.push(NAME, 'text', draftOf('two'));
    await owner.prompts.push(NAME, 'text', draftOf('three'));
  };

  it('seals the versions that are meant to who joined since, and moves no label', async () => {
    await pushThree();
    const device = await join();
    expect(await owner.grants.reseal(NAME, 1)).toEqual([{ version: 1, state: 'sealed', recipients: [device.urn] }]);
    expect(versionsOf(device.urn)).toEqual([1]);
    const late = await world.client(device);
    expect((await late.prompts.proposeMove(NAME, 'production', 1)).target?.version).toBe(1);
    expect(await owner.grants.reseal(NAME, 'labelled')).toEqual([
      { version: 1, state: 'sealed', recipients: [] },
      { version: 3, state: 'sealed', recipients: [device.urn] },
    ]);
    expect(await owner.grants.reseal(NAME, 'newest')).toEqual([{ version: 3, state: 'sealed', recipients: [] }]);
    expect((await owner.grants.reseal(NAME, 'all')).map(({ recipients }) => recipients.length)).toEqual([0, 1, 0]);
    expect(versionsOf(device.urn)).toEqual([1, 2, 3]);
    expect((await owner.prompts.get(NAME)).labels).toEqual([
      { label: 'latest', version: 3, seq: 3 },
      { label: 'production', version: 1, seq: 1 },
    ]);
  });

  it('gives nothing to a responder that the directory lists no more, and passes over what this device cannot open', async () => {
    await pushThree();
    const device = await join();
    const late = await world.client(device);
    await owner.grants.reseal(NAME, 'newest');
    expect(await late.grants.reseal(NAME, 'all')).toEqual([
      { version: 1, state: 'unsealed', recipients: [] },
      { version: 2, state: 'unsealed', recipients: [] },
      { version: 3, state: 'sealed', recipients: [] },
    ]);
    const [responder] = world.organisation.responders;
    await world.organisation.publish((draft) => {
      delete draft.entities[responder.urn];
    });
    await owner.refreshTrust();
    expect(await owner.grants.reseal(NAME, 1)).toEqual([{ version: 1, state: 'sealed', recipients: [device.urn] }]);
  });

  it('goes by the signed newest version, however many the vault says there are', async () => {
    await pushThree();
    world.vault.named(NAME).versions.length = 500;
    expect((await owner.prompts.get(NAME)).latest_version).toBe(500);
    const numbers = async (which: 'all' | 'newest') =>
      (await owner.grants.reseal(NAME, which)).map(({ version }) => version);
    expect(await numbers('all')).toEqual([1, 2, 3]);
    expect(await numbers('newest')).toEqual([3]);
  });

  it('passes over a version whose author may write this name no more, unless it was named', async () => {
    const author = await world.client(world.organisation.author);
    await author.prompts.push(NAME, 'text', draftOf('one'));
    await owner.prompts.push(NAME, 'text', draftOf('two'));
    await world.organisation.publish((draft) => {
      for (const { kid } of world.organisation.author.entity.keys)
        draft.revoked.push({ kid, reason: 'affiliationChanged', at: world.clock.seconds });
    }, world.clock.seconds);
    await owner.refreshTrust();
    expect((await owner.grants.reseal(NAME, 'all')).map(({ state }) => state)).toEqual(['void', 'sealed']);
    await expect(owner.grants.reseal(NAME, 1)).rejects.toMatchObject({ code: 'key_revoked' });
  });

  it('says which labelled versions lack a grant, and for which key', async () => {
    await pushThree();
    expect(await owner.grants.lacking(NAME)).toEqual([]);
    const device = await join();
    const key = device.entity.keys.find(({ use }) => use === 'enc');
    const keys = [{ urn: device.urn, fingerprint: fingerprint(key?.kid ?? '') }];
    expect(await owner.grants.lacking(NAME)).toEqual([
      { version: 1, keys },
      { version: 3, keys },
    ]);
    await owner.grants.reseal(NAME, 'labelled');
    expect(await owner.grants.lacking(NAME)).toEqual([]);
    expect(await (await world.client(device)).grants.lacking(NAME)).toEqual([]);
  });
});

describe('a push of what was pushed before', () => {
  it('seals it to who joined since and may read it, once, and to nobody else', async () => {
    await push();
    const device = await join();
    await expect((await world.client(device)).prompts.read(NAME)).rejects.toMatchObject({ code: 'forbidden' });
    expect(await push()).toMatchObject({ version: 1, changed: false, recipients: [device.urn] });
    expect((await (await world.client(device)).prompts.read(NAME)).statement.content.messages[0]?.content).toBe('one');
    expect(await push()).toMatchObject({ recipients: [] });
    const sealed = world.vault.named(NAME).versions[0]?.grants.map((token) => parseGrant(token).header.aud);
    expect(sealed).toEqual([...new Set(sealed)]);
    expect(sealed).not.toContain(world.organisation.auditor.urn);
  });

  it('gives no key of it to anybody where the vault shows another content [guard: client-grant-content]', async () => {
    await push();
    await join();
    const stored = world.vault.named(NAME).versions[0];
    if (stored === undefined) throw new Error('there is a version');
    await owner.prompts.push('claims/other', 'text', draftOf('other'));
    const other = world.vault.named('claims/other').versions[0];
    let isFirst = true;
    world.vault.service.lies['version.get'] = () => {
      const shown = isFirst ? stored : { ...stored, content: other?.content };
      isFirst = false;
      const grant = stored.grants.find((token) => parseGrant(token).header.aud === world.organisation.owner.urn);
      const { version, chash, content, author } = { ...stored, ...shown };
      return {
        body: { version, chash, content, author, created_at: '2026-11-25T00:00:00.000Z', grant: grant ?? null },
      };
    };
    await expect(push()).rejects.toMatchObject({ code: 'envelope_tampered', check: 'content-hash' });
    expect(world.vault.service.of('grant.add')).toEqual([]);
  });
});
