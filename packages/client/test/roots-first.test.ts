import { Trust } from '@bulla/crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { World } from './world.js';
import { makeWorld } from './world.js';

let world: World;
beforeEach(async () => {
  world = await makeWorld();
});
afterEach(() => world.stop());

it('a newer root is handed back, however many directories the vault was given under the one before [guard: client-roots-first]', async () => {
  const { organisation, vault, clock } = world;
  const given: { from: number; roots: string[]; hashes: string[] }[] = [];
  const answering = (async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (url.endsWith('/restored.json'))
      return Response.json({ v: 1, restored: new Date(clock.now() * 1000).toISOString() });
    if (!url.endsWith('/handback')) return fetch(input, init);
    given.push(JSON.parse(init?.body as string) as (typeof given)[number]);
    return Response.json({ version: organisation.trust.directory.version });
  }) as typeof fetch;
  const before = organisation.trust;
  const owner = await world.client(undefined, { fetch: answering });
  await owner.trust();
  await organisation.publishRoot();
  const { roots } = (await owner.refreshTrust()).documents;
  // The vault lost it, and took three directories since.
  let thief = before;
  for (let count = 0; count < 3; count++) {
    const { ver, hash: prev } = thief.directoryRef;
    const next = { ...thief.directory, version: ver + 1, prev, chain: await thief.nextChain() };
    const documents = { ...before.documents, directory: await organisation.sign('directory', next) };
    const { org, pin } = organisation;
    thief = await Trust.establish(documents, { org, pin, now: clock.now(), previous: thief });
  }
  vault.documents = () => thief.documents;
  await expect(owner.restored.handBack()).resolves.toMatchObject({ directories: 0 });
  expect(given).toHaveLength(1);
  expect(given[0]).toMatchObject({ from: 1, roots: [...roots], hashes: organisation.trust.memory.hashes });
});
