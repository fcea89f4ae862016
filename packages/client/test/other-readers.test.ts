import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Bulla } from '../src/bulla.js';
import type { World } from './world.js';
import { draftOf, makeWorld } from './world.js';

const NAME = 'claims/triage';
const sorted = (urns: readonly string[]) => urns.toSorted();
let world: World;
let owner: Bulla;
beforeEach(async () => {
  world = await makeWorld();
  owner = await world.client();
});
afterEach(() => world.stop());

it('lists versions that devices can read which neither write the name nor sign its labels', async () => {
  const { organisation } = world;
  const { invoker, author, auditor } = organisation;
  await owner.prompts.push(NAME, 'text', draftOf('Sort {{claim}}'));
  expect(await owner.prompts.otherReaders(NAME)).toEqual([]);
  // As every version was sealed while running was reading.
  await owner.prompts.push(
    NAME,
    'text',
    draftOf('Sort {{claim}} well', { acl: { read: ['grp:support', 'grp:authors'] } }),
  );
  expect(await owner.prompts.otherReaders(NAME)).toEqual([{ version: 2, readers: [invoker.urn] }]);
  // Somebody who leaves the groups that read goes on holding what was sealed to them.
  await organisation.publish((draft) => {
    const entity = draft.entities[author.urn];
    if (entity?.kind === 'device') entity.groups = [];
  }, world.clock.seconds);
  const later = await world.client(auditor);
  const listed = await later.prompts.otherReaders(NAME);
  expect(listed.map((one) => ({ ...one, readers: sorted(one.readers) }))).toEqual([
    { version: 1, readers: [author.urn] },
    { version: 2, readers: sorted([invoker.urn, author.urn]) },
  ]);
  // Who was revoked gets nothing from the vault any more.
  await organisation.publish((draft) => {
    for (const { kid } of invoker.entity.keys)
      draft.revoked.push({ kid, reason: 'keyCompromise', at: world.clock.seconds });
  }, world.clock.seconds);
  const last = await world.client();
  expect((await last.prompts.otherReaders(NAME)).map(({ readers }) => readers)).toEqual([[author.urn], [author.urn]]);
});
