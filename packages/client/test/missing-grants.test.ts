import { parseGrant } from '@bulla/crypto';
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
