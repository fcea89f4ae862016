import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { NewVersion } from '@bulla/contract';
import type { SuiteId } from '@bulla/crypto';
import { parseContent, parseDeposit } from '@bulla/crypto';
import { makeKey, recordOf } from '../src/node/home/key-file.js';
import { MemoryTrustStore } from '../src/trust/trust-store.js';
import type { World } from './world.js';
import { draftOf, makeWorld } from './world.js';

// In whose custody a name is, the signed policy says; the vault has no word in it.

const CUSTODY = { '*': 'sealed', 'open/': 'managed' } as const;
let world: World;
afterEach(() => world.stop());

const sent = () =>
  world.vault.service.requests
    .filter(({ name }) => name === 'version.create')
    .map(({ body }) => JSON.parse(body) as NewVersion);

describe('an author', () => {
  beforeEach(async () => {
    world = await makeWorld({ manages: true, policy: { custody: CUSTODY } });
  });

  it('tells the vault the key of a managed name, and of no other [guard: client-custody-vault]', async () => {
    const author = await world.client();
    const managed = await author.prompts.push('open/faq', 'text', draftOf('Answer {{claim}}'));
    const sealed = await author.prompts.push('claims/triage', 'text', draftOf('Sort {{claim}}'));
    expect([managed.custody, sealed.custody]).toEqual(['managed', 'sealed']);
    const [first, second] = sent();
    const { header } = parseDeposit(first?.deposit ?? '');
    expect(header).toMatchObject({
      aud: world.organisation.vault.urn,
      dek: parseContent(first?.content ?? '').header.kid,
    });
    expect(second).not.toHaveProperty('deposit');
    expect((await author.prompts.read('open/faq')).statement.custody).toBe('managed');
  });

  it('signs no policy that has a name managed which has sealed versions [guard: client-custody-sealed]', async () => {
    const author = await world.client();
    await author.prompts.push('claims/triage', 'text', draftOf('Sort {{claim}}'));
    await author.prompts.push('open/faq', 'text', draftOf('Answer {{claim}}'));
    const changing = author.grants.custodyChange({ custody: { '*': 'managed' } });
    await expect(changing).rejects.toMatchObject({
      code: 'custody_not_allowed',
      message: expect.stringContaining('claims/triage has versions that were sealed'),
    });
    expect(await author.grants.custodyChange({ custody: { '*': 'sealed' } })).toEqual({
      remembered: [],
      ended: ['open/faq'],
    });
  });

  it('ends a key of a responder though the newest lacks grants of managed versions, which the vault makes itself', async () => {
    const author = await world.client(world.organisation.owner);
    await author.prompts.push('open/faq', 'text', draftOf('Answer {{claim}}'));
    await author.prompts.push('claims/triage', 'text', draftOf('Sort {{claim}}'));
    const [{ urn, enc }] = world.organisation.responders;
    const lackingWith = async (suite: SuiteId) => {
      const key = await makeKey(suite, 'enc', ['unwrap']);
      await world.organisation.publish((draft) => {
        const keys = draft.entities[urn]?.keys.filter(({ kid, use }) => use === 'sig' || kid === enc?.kid) ?? [];
        const life = { use: 86_400, end: 86_400 };
        Object.assign(draft.entities[urn] ?? {}, { keys: [recordOf(key, world.clock.seconds - 1, life), ...keys] });
      });
      return (await author.people.planRetirement(urn)).lacking.map(({ name }) => name);
    };
    expect(await lackingWith('p256')).toEqual(['claims/triage']);
    // To a key whose suite promises less the vault may not seal all that the older one opens.
    expect((await lackingWith('rsa2048')).toSorted()).toEqual(['claims/triage', 'open/faq']);
  });

  it('is told of names that it remembers and the vault hides', async () => {
    const store = new MemoryTrustStore();
    const author = await world.client(world.organisation.owner, { store });
    await author.prompts.push('claims/triage', 'text', draftOf('Sort {{claim}}'));
    await author.prompts.read('claims/triage');
    for (const prompt of world.vault.prompts.values()) prompt.deleted = true;
    expect(await author.grants.custodyChange({ custody: { '*': 'managed' } })).toMatchObject({
      remembered: ['claims/triage'],
    });
  });
});

describe('an author whose vault has no key for that', () => {
  it('pushes nothing under a managed name', async () => {
    world = await makeWorld({ policy: { custody: CUSTODY } });
    const author = await world.client();
    const pushing = author.prompts.push('open/faq', 'text', draftOf('Answer {{claim}}'));
    await expect(pushing).rejects.toMatchObject({ code: 'key_unknown', check: 'deposit-key' });
    expect(sent()).toEqual([]);
  });
});
