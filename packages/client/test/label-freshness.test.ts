import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LabelFreshClaims } from '@bulla/crypto';
import { parseLabelFreshness, parseTag, positionHash, positionOf, signLabelFreshness } from '@bulla/crypto';
import type { Bulla } from '../src/bulla.js';
import { MemoryTrustStore } from '../src/trust/trust-store.js';
import type { World } from './world.js';
import { draftOf, makeWorld } from './world.js';

const NAME = 'claims/triage';
const LABEL = 'production';
const DAY_SECONDS = 86_400;
const NOT_FRESH = { name: 'TrustError', code: 'trust_expired', check: 'tag-fresh', origin: 'client' };
let world: World;
let author: Bulla;
beforeEach(async () => {
  world = await makeWorld({ renewers: 1 });
  author = await world.client();
  await author.prompts.push(NAME, 'text', draftOf('Sort {{claim}}'), [LABEL]);
});
afterEach(() => world.stop());

const position = () => {
  const held = world.vault.position(NAME, LABEL);
  if (held === undefined) throw new Error('the label is not there');
  return held;
};
/** What a renewer says of where the label stands, under the newest directory unless changed. */
async function word(change: Partial<LabelFreshClaims> = {}): Promise<string> {
  const [renewer] = world.organisation.renewers;
  if (renewer === undefined) throw new Error('there is no renewer');
  const pos = await positionHash(positionOf(parseTag(position().tags[0] ?? '').claims));
  const place = { name: NAME, label: LABEL, seq: position().seq, pos };
  const { claims } = parseLabelFreshness(await world.organisation.freshPosition(place, world.clock.seconds));
  return signLabelFreshness({ ...claims, ...change }, renewer.fresh);
}
/** The vault serves such a word. */
async function vouch(): Promise<void> {
  world.vault.positions.words.set(position().tags[0] ?? '', [await word()]);
}
/** So many days later; the directory is signed anew. */
async function later(days: number): Promise<void> {
  world.clock.seconds += days * DAY_SECONDS;
  await world.organisation.publish(undefined, world.clock.seconds);
}
const run = (bulla = author) => bulla.prompt(NAME).run({ claim: 'a' });

describe('a position that its signers signed long ago', () => {
  beforeEach(() => later(7));

  it('is run and read only while a renewer calls it the newest [guard: client-label-fresh]', async () => {
    await expect(author.prompts.read(NAME, { label: LABEL })).rejects.toMatchObject(NOT_FRESH);
    await expect(run()).rejects.toMatchObject(NOT_FRESH);
    await vouch();
    expect((await author.prompts.read(NAME, { label: LABEL })).version).toBe(1);
    expect((await run()).verified).toBe(true);
    await later(7);
    await expect(run()).rejects.toMatchObject(NOT_FRESH);
  });

  it('says until when it is signed, and until when a renewer calls it the newest', async () => {
    const { iat, exp } = parseTag(position().tags[0] ?? '').claims;
    const dates = async () => (await author.labels.dates(NAME)).find(({ label }) => label === LABEL);
    const signed = { label: LABEL, version: 1, signedUntil: exp };
    expect(await dates()).toEqual({ ...signed, newestUntil: iat + 7 * DAY_SECONDS });
    await vouch();
    expect(await dates()).toEqual({ ...signed, newestUntil: world.clock.seconds + 7 * DAY_SECONDS });
    // A word for another position extends nothing.
    const another = await word({ seq: 9, exp: world.clock.seconds + 3 * DAY_SECONDS });
    world.vault.positions.words.set(position().tags[0] ?? '', [another]);
    expect(await dates()).toEqual({ ...signed, newestUntil: iat + 7 * DAY_SECONDS });
  });

  it('needs nobody for a version whose content this client has seen, and is not remembered for that', async () => {
    expect((await author.prompts.read(NAME, { version: 1 })).version).toBe(1);
    expect((await author.prompt(NAME, { version: 1 }).run({ claim: 'a' })).prompt.version).toBe(1);
    const stranger = await world.client();
    await expect(stranger.prompts.read(NAME, { version: 1 })).rejects.toMatchObject(NOT_FRESH);
    await expect(stranger.prompt(NAME, { version: 1 }).run({ claim: 'a' })).rejects.toMatchObject(NOT_FRESH);
  });

  it('is not moved on before a person adopts it, whoever remembers it [guard: client-base-fresh]', async () => {
    const moves = () => world.vault.service.of('label.move').length;
    const before = moves();
    await expect(author.prompts.moveLabel(NAME, LABEL, 1)).rejects.toMatchObject({
      ...NOT_FRESH,
      message: expect.stringContaining(`bulla prompt adopt ${NAME}@${LABEL}`),
    });
    expect(moves()).toBe(before);
    await author.labels.adopt(await author.labels.adoption(NAME, LABEL));
    expect(await author.prompts.moveLabel(NAME, LABEL, 1)).toEqual({ seq: 2, version: 1 });
  });

  it('is moved on where a renewer calls it the newest', async () => {
    await vouch();
    expect(await author.prompts.moveLabel(NAME, LABEL, 1)).toEqual({ seq: 2, version: 1 });
  });

  it('was adopted for a week, and no longer [guard: client-adopted-lately]', async () => {
    await author.labels.adopt(await author.labels.adoption(NAME, LABEL));
    await later(7);
    await expect(author.prompts.moveLabel(NAME, LABEL, 1)).rejects.toMatchObject(NOT_FRESH);
  });

  it('is what an answer was given for, with the word that says so', async () => {
    await vouch();
    const answer = await run();
    const { checks } = await author.verify(answer.toFile());
    expect(checks.find(({ name }) => name === 'newest')?.detail).toContain(
      `the position was the newest when the question was asked: ${world.organisation.renewers[0]?.urn} says so`,
    );
  });
});

describe('the word of a renewer', () => {
  it('does not count where it is of another branch of directories, and who is there to hear it is told', async () => {
    await later(7);
    const { ver } = world.organisation.trust.directoryRef;
    const forked = await word({ dir: { ver, hash: world.organisation.trust.directory.policy.hash } });
    world.vault.positions.words.set(position().tags[0] ?? '', [forked]);
    await expect(run()).rejects.toMatchObject({ code: 'trust_rollback', check: 'fresh-fork' });
    world.vault.positions.words.set(position().tags[0] ?? '', [forked, await word()]);
    expect((await run()).verified).toBe(true);
    expect(world.notices).toContainEqual(expect.stringContaining('the organisation has two branches'));
  });

  it('given under a newer directory has that fetched, once', async () => {
    await later(7);
    await author.trust();
    await world.organisation.publish(undefined, world.clock.seconds);
    await vouch();
    expect((await run()).verified).toBe(true);
  });

  it('under a directory that the vault does not show does not count, and is said [guard: client-fresh-newer-said]', async () => {
    await later(7);
    const shown = world.organisation.documents;
    const { hashes } = world.organisation.hashes;
    await world.organisation.publish(undefined, world.clock.seconds);
    await vouch();
    world.vault.documents = () => shown;
    world.vault.hashes = (from) => hashes.slice(from - 1);
    const blind = await world.client();
    const read = () => blind.prompts.read(NAME, { label: LABEL });
    await expect(read()).rejects.toMatchObject(NOT_FRESH);
    expect(world.notices).toContainEqual(expect.stringContaining('a renewer has a newer directory'));
    // Somebody else's word under the directory that is shown counts beside it.
    const dir = (await blind.trust()).directoryRef;
    const words = world.vault.positions.wordsOf(position());
    world.vault.positions.words.set(position().tags[0] ?? '', [...words, await word({ dir })]);
    expect((await read()).version).toBe(1);
  });
});

describe('whoever signs a position again', () => {
  it('needs a renewer who calls it the newest, also where it was signed lately [guard: client-confirm-vouched]', async () => {
    await expect(author.labels.standing(NAME, LABEL)).rejects.toMatchObject({
      ...NOT_FRESH,
      message: expect.stringContaining('no renewer vouches for the position'),
    });
    await vouch();
    const standing = await author.labels.standing(NAME, LABEL);
    expect(await author.labels.confirm(NAME, standing)).toEqual({ seq: 1, version: 1 });
  });

  it('may adopt it instead', async () => {
    await author.labels.adopt(await author.labels.adoption(NAME, LABEL));
    expect((await author.labels.standing(NAME, LABEL)).seq).toBe(1);
  });

  it('is told how many more it takes, where too few tags count', async () => {
    await world.organisation.publishPolicy((draft) => {
      draft.labels[LABEL] = { groups: ['grp:release'], threshold: 2 };
    });
    world.clock.seconds += 3_600;
    const confirm = async (bulla: Bulla) => {
      await bulla.labels.adopt(await bulla.labels.adoption(NAME, LABEL));
      return bulla.labels.confirm(NAME, await bulla.labels.standing(NAME, LABEL));
    };
    expect(await confirm(author)).toEqual({ seq: 1, version: 1 });
    const waits = `${NAME}@${LABEL} counts again once 2 people have confirmed it, 1 did so far`;
    expect(world.notices).toContainEqual(waits);
    await expect(run()).rejects.toMatchObject({ code: 'forbidden', check: 'tag-threshold' });
    expect(await confirm(await world.client(world.organisation.author))).toEqual({ seq: 1, version: 1 });
    expect((await run()).verified).toBe(true);
  });
});

it('a later position that nobody calls the newest is not remembered for a version that was known [guard: client-ask-known]', async () => {
  const store = new MemoryTrustStore();
  const bulla = await world.client(undefined, { store });
  await bulla.prompts.read(NAME, { label: 'latest' });
  await author.prompts.push(NAME, 'text', draftOf('two'));
  await later(7);
  expect((await bulla.prompt(NAME, { version: 1 }).run({ claim: 'a' })).prompt.version).toBe(1);
  const seen = (await store.load('acme', world.organisation.pin))?.names.find(([name]) => name === NAME)?.[1];
  expect(seen?.labels.map(({ label, seq }) => [label, seq])).toEqual([['latest', 1]]);
});

it('a renewer who has not spoken for a day of where a label went is named', async () => {
  await later(1);
  expect(await author.labels.missingWords(NAME)).toEqual([]);
  await later(1);
  const urn = world.organisation.renewers[0]?.urn ?? '';
  expect(await author.labels.missingWords(NAME)).toEqual([
    { label: 'latest', renewers: [urn] },
    { label: LABEL, renewers: [urn] },
  ]);
  await vouch();
  expect(await author.labels.missingWords(NAME)).toEqual([{ label: 'latest', renewers: [urn] }]);
  // Its word for another position does not count for this one.
  const elsewhere = await word({ seq: 9 });
  world.vault.positions.words.set(position().tags[0] ?? '', [elsewhere]);
  expect(await author.labels.missingWords(NAME)).toHaveLength(2);
});

it('labels that would have too few signatures under another rule are known before it counts', async () => {
  const below = (rule: { groups: string[]; threshold?: number }) =>
    author.labels.belowRules(NAME, {
      labels: { [LABEL]: rule, latest: { groups: ['grp:authors'] } },
      authors: world.organisation.trust.policy.authors,
    });
  expect(await below({ groups: ['grp:release'] })).toEqual([]);
  expect(await below({ groups: ['grp:release'], threshold: 2 })).toEqual([{ label: LABEL, given: 1, needed: 2 }]);
  expect(await below({ groups: ['grp:nobody'] })).toEqual([{ label: LABEL, given: 0, needed: 1 }]);
  // Without a rule, an author of the name is enough, and other groups may write it then.
  const unruled = (...authors: string[]) => author.labels.belowRules(NAME, { labels: {}, authors: { '*': authors } });
  const both = ['latest', LABEL].map((label) => ({ label, given: 0, needed: 1 }));
  expect(await unruled('grp:nobody')).toEqual(both);
  expect(await unruled('grp:nobody', 'grp:authors')).toEqual([]);
});
