import type { Bulla } from '@bulla/client';
import { firstMemory, MemoryTrustStore, Renewer, renewerIdentityOf } from '@bulla/client';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Position } from '../../packages/client/test/held-positions.js';
import type { World } from '../../packages/client/test/world.js';
import { draftOf, makeWorld } from '../../packages/client/test/world.js';

// A vault that keeps somebody from seeing what is newer. What it can still do that way, SECURITY.md says: here is where it ends.

const NAME = 'claims/triage';
const LABEL = 'production';
const KEY = `${NAME} ${LABEL}`;
const DAY_SECONDS = 86_400;
const NOT_FRESH = { name: 'TrustError', code: 'trust_expired', check: 'tag-fresh', origin: 'client' };

let world: World;
let author: Bulla;
let renewers: readonly Renewer[];
beforeEach(async () => {
  world = await makeWorld({ renewers: 2 });
  author = await world.client();
  renewers = await Promise.all(world.organisation.renewers.map(renewerOf));
  await author.prompts.push(NAME, 'text', draftOf('first {{claim}}'), [LABEL]);
});
afterEach(() => world.stop());

async function renewerOf({ keyFile }: TestOrganisation['renewers'][number]): Promise<Renewer> {
  const { pin, trust } = world.organisation;
  const store = new MemoryTrustStore();
  await store.update('acme', trust.pin, () => firstMemory(trust, world.clock.seconds));
  const identity = await renewerIdentityOf(keyFile);
  return new Renewer({ url: world.vault.service.url, identity, pin, store, now: world.clock.now });
}

/** Of somebody who was never here, so that nothing but signatures protects them. */
const stranger = async () => (await world.client(world.organisation.invoker)).prompt(NAME).run({ claim: 'a' });
async function pass(days: number): Promise<void> {
  world.clock.seconds += days * DAY_SECONDS;
  await world.organisation.publish(undefined, world.clock.seconds);
}
/** What the vault shows while it does something: only the first positions. */
async function showing<Value>(count: number, work: () => Promise<Value>): Promise<Value> {
  const all = world.vault.labels.get(KEY) ?? [];
  world.vault.labels.set(KEY, all.slice(0, count));
  try {
    return await work();
  } finally {
    const shown: Position[] = world.vault.labels.get(KEY) ?? [];
    world.vault.labels.set(KEY, [...shown, ...all.slice(count)]);
  }
}
const round = async () => {
  for (const renewer of renewers) await renewer.round();
};

describe('a vault that shows an older position', () => {
  beforeEach(async () => {
    await round();
    await author.prompts.push(NAME, 'text', draftOf('second {{claim}}'), [LABEL]);
  });

  it('finds somebody who runs it for a week after the renewers saw the newer one, and nobody then [red R1]', async () => {
    await round();
    await pass(6);
    await round();
    expect((await showing(1, stranger)).prompt.version).toBe(1);
    await pass(1);
    // The tags of the older one are good for a year, and say what they always said.
    await expect(showing(1, stranger)).rejects.toMatchObject(NOT_FRESH);
    expect((await stranger()).prompt.version).toBe(2);
  });

  it('finds somebody for as long as one renewer is kept from seeing the newer one, and no longer', async () => {
    const [honest, blind] = renewers;
    for (let week = 0; week < 3; week++) {
      await honest?.round();
      await showing(1, async () => blind?.round());
      expect((await showing(1, stranger)).prompt.version).toBe(1);
      await pass(6);
    }
    await blind?.round();
    await pass(7);
    await expect(showing(1, stranger)).rejects.toMatchObject(NOT_FRESH);
  });

  it('has no renewer say so again that saw the newer one', async () => {
    await round();
    const words = world.vault.positions.words.size;
    await pass(1);
    for (const renewer of renewers) {
      const { held } = await showing(1, () => renewer.round());
      expect(held).toContainEqual(
        expect.objectContaining({ label: LABEL, why: expect.stringContaining('come after') }),
      );
    }
    await pass(6);
    await expect(showing(1, stranger)).rejects.toMatchObject(NOT_FRESH);
    expect(world.vault.positions.words.size).toBeGreaterThanOrEqual(words);
  });

  it('makes nothing of it by the words for another position', async () => {
    await round();
    await pass(7);
    const [first, second] = world.vault.labels.get(KEY) ?? [];
    await round();
    const words = second === undefined ? [] : world.vault.positions.wordsOf(second);
    expect(words).toHaveLength(1);
    world.vault.positions.words.set(first?.tags[0] ?? '', words);
    await expect(showing(1, stranger)).rejects.toMatchObject(NOT_FRESH);
  });
});

describe('a vault that shows an older directory', () => {
  it('finds somebody who believes it for a week, and nobody then, by whatever words [red R1]', async () => {
    await round();
    const { documents } = world.organisation;
    const { hashes } = world.organisation.hashes;
    await world.organisation.publish((draft) => {
      const [kid = ''] = draft.entities[world.organisation.author.urn]?.keys.map((key) => key.kid) ?? [];
      draft.revoked.push({ kid, reason: 'keyCompromise', at: world.organisation.now });
    }, world.clock.seconds);
    await round();
    const newest = world.vault.freshWords;
    const old = async () => {
      world.vault.documents = () => documents;
      world.vault.hashes = (from) => hashes.slice(from - 1);
      const believed = await world.client(world.organisation.invoker);
      return believed.trust().finally(() => {
        world.vault.documents = () => world.organisation.documents;
      });
    };
    world.clock.seconds += 6 * DAY_SECONDS;
    expect((await old()).isRevoked(world.organisation.author.sig.kid)).toBe(false);
    world.clock.seconds += DAY_SECONDS;
    await expect(old()).rejects.toMatchObject({ code: 'trust_expired', check: 'directory-fresh' });
    world.vault.freshWords = newest;
    await expect(old()).rejects.toMatchObject({ code: 'trust_expired', check: 'directory-fresh' });
  });
});
