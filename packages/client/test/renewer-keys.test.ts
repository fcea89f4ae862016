import { parseDirectoryFreshness, parseLabelFreshness } from '@bulla/crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Bulla } from '../src/bulla.js';
import type { FileKey } from '../src/node/home/key-file.js';
import { makeKey, recordOf } from '../src/node/home/key-file.js';
import { firstMemory } from '../src/renewer/renewer-adoption.js';
import { renewerIdentityOf } from '../src/renewer/renewer-identity.js';
import { Renewer } from '../src/renewer/renewer.js';
import { MemoryTrustStore } from '../src/trust/trust-store.js';
import type { World } from './world.js';
import { draftOf, makeWorld } from './world.js';

// New keys of a renewer while labels and the directory count by its word alone.

const NAME = 'claims/triage';
const DAY_SECONDS = 86_400;
const LIFE = { use: 90 * DAY_SECONDS, end: 365 * DAY_SECONDS };
let world: World;
let author: Bulla;
let renewer: Renewer;
let old: readonly FileKey[];
let fresh: readonly FileKey[];
beforeEach(async () => {
  world = await makeWorld({ renewers: 1 });
  author = await world.client();
  const [member] = world.organisation.renewers;
  if (member === undefined) throw new Error('there is no renewer');
  old = member.keyFile.keys;
  fresh = [await makeKey('p256', 'sig', ['http']), await makeKey('p256', 'sig', ['fresh'])];
  const identity = await renewerIdentityOf({ ...member.keyFile, keys: [...fresh, ...old] });
  const store = new MemoryTrustStore();
  const { pin, trust } = world.organisation;
  await store.update('acme', pin, () => firstMemory(trust, world.clock.seconds));
  renewer = new Renewer({ url: world.vault.service.url, identity, pin, store, now: world.clock.now });
});
afterEach(() => world.stop());

const kidFor = (keys: readonly FileKey[], purpose: string) => keys.find(({ pur }) => pur[0] === purpose)?.kid;
/** The key by which the renewer spoke of the directory, and that of its word for the label. */
function said() {
  const position = world.vault.position(NAME, 'production');
  const [word = ''] = position === undefined ? [] : world.vault.positions.wordsOf(position);
  return [parseDirectoryFreshness(world.vault.freshWords[0] ?? ''), parseLabelFreshness(word)].map(
    ({ header }) => header.kid,
  );
}
const runs = async () => (await author.prompt(NAME).run({ claim: 'a' })).verified;
/** Ends keys, and lists others. */
const replace = (ended: readonly FileKey[], added: readonly FileKey[]) =>
  world.organisation.publish((draft) => {
    const entity = draft.entities[world.organisation.renewers[0]?.urn ?? ''];
    for (const key of entity?.keys ?? [])
      if (ended.some(({ kid }) => kid === key.kid)) key.use_until = world.clock.seconds;
    entity?.keys.unshift(...added.map((key) => recordOf(key, world.clock.seconds - 60, LIFE)));
  }, world.clock.seconds);

describe('new keys of a renewer', () => {
  it('lie ready until the directory lists them; what either key said counts, and no run fails', async () => {
    await author.prompts.push(NAME, 'text', draftOf('one'), ['production']);
    await renewer.round();
    const [before, after] = [kidFor(old, 'fresh'), kidFor(fresh, 'fresh')];
    expect(said()).toEqual([before, before]);
    world.clock.seconds += 8 * DAY_SECONDS;
    await expect(runs()).rejects.toMatchObject({ code: 'trust_expired' });
    await renewer.round();
    expect([said(), await runs()]).toEqual([[before, before], true]);

    await replace([], fresh);
    // The label counts by the word of the old key still, and by that of the new one after the next round.
    expect(await runs()).toBe(true);
    await renewer.round();
    expect([said(), await runs()]).toEqual([[after, after], true]);

    await replace(old, []);
    expect(await runs()).toBe(true);
    world.clock.seconds += 6 * DAY_SECONDS;
    expect(await runs()).toBe(true);
    await renewer.round();
    world.clock.seconds += 6 * DAY_SECONDS;
    expect([said(), await runs()]).toEqual([[after, after], true]);
  });

  it('are asked for where the directory lists none of them any more', async () => {
    await replace(old, []);
    await expect(renewer.round()).rejects.toMatchObject({ code: 'key_revoked', check: 'fresh-key' });
  });
});
