import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bulla, ConnectOptions } from '@bulla/client';
import { FileTrustStore, Home } from '@bulla/client/node';
import { Problem } from '@bulla/contract';
import { parseTag, positionHash, positionOf, signTag } from '@bulla/crypto';
import type { TagClaims } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { World } from '../../packages/client/test/world.js';
import { draftOf, makeWorld } from '../../packages/client/test/world.js';

const NAME = 'claims/triage';
const LABEL = 'production';
const DAY_SECONDS = 86_400;
const TEXTS = ['first {{claim}}', 'second {{claim}}'] as const;

let world: World;
let folder: string;
/** Two people who may move the label, each with a home, and somebody who runs the prompt. */
let author: Bulla;
let owner: Bulla;
let asker: Bulla;
beforeEach(async () => {
  world = await makeWorld();
  folder = await mkdtemp(join(tmpdir(), 'bulla-homes-'));
  author = await at('author', world.organisation.author);
  owner = await at('owner', world.organisation.owner);
  asker = await at('asker', world.organisation.invoker);
  await author.prompts.push(NAME, 'text', draftOf(TEXTS[0]), [LABEL]);
});
afterEach(async () => {
  await world.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Somebody with a home, whose memory is a file there. */
function at(home: string, member: TestOrganisation['owner'], more: Partial<ConnectOptions> = {}): Promise<Bulla> {
  return world.client(member, { store: new FileTrustStore(new Home(join(folder, home))), ...more });
}

const positions = () => world.vault.labels.get(`${NAME} ${LABEL}`) ?? [];
const run = async (bulla: Bulla) => (await bulla.prompt(NAME).run({ claim: 'a' })).prompt.version;
const posOf = (tag = '') => positionHash(positionOf(parseTag(tag).claims));
/** What the vault showed before the newest move, to everybody. */
const goBack = () => world.vault.labels.set(`${NAME} ${LABEL}`, positions().slice(0, -1));
async function passDays(days: number): Promise<void> {
  world.clock.seconds += days * DAY_SECONDS;
  await world.organisation.publish(undefined, world.clock.seconds);
}

describe('a vault that hides the newest position from somebody who signed the one before', () => {
  it('has them sign nothing anew, and nobody who saw the newer one follows it back [red R1]', async () => {
    await owner.prompts.push(NAME, 'text', draftOf(TEXTS[1]), [LABEL]);
    expect(await run(asker)).toBe(2);
    const newest = positions().at(-1);
    goBack();
    const old = positions()[0]?.tags;
    await passDays(6);
    expect(await author.prompts.renewLabels(NAME)).toEqual([]);
    await expect(author.labels.standing(NAME, LABEL)).rejects.toMatchObject({ check: 'tag-fresh' });
    expect(positions().map(({ tags }) => tags)).toEqual([old]);
    await expect(run(asker)).rejects.toMatchObject({ code: 'trust_rollback', check: 'tag-sequence', origin: 'client' });
    expect(await asker.labels.forks()).toEqual([
      expect.objectContaining({ name: NAME, label: LABEL, remembered: newest?.tags, shown: old }),
    ]);
    // What one person decided to believe again is believed again, and nothing else.
    await asker.labels.adopt(await asker.labels.adoption(NAME, LABEL));
    expect([await run(asker), await asker.labels.forks()]).toEqual([1, []]);
  });

  it('cannot have that person move it on from there', async () => {
    await owner.prompts.push(NAME, 'text', draftOf(TEXTS[1]), [LABEL]);
    expect((await author.prompts.read(NAME, { label: LABEL })).version).toBe(2);
    goBack();
    const before = positions();
    const refused = { code: 'trust_rollback', check: 'tag-sequence' };
    await expect(author.prompts.moveLabel(NAME, LABEL, 1)).rejects.toMatchObject(refused);
    await expect(author.prompts.rollback(NAME, LABEL)).rejects.toMatchObject(refused);
    await expect(author.prompts.push(NAME, 'text', draftOf('third {{claim}}'), [LABEL])).rejects.toMatchObject(refused);
    await expect(author.labels.standing(NAME, LABEL)).rejects.toMatchObject(refused);
    expect(positions()).toEqual(before);
  });

  it('cannot let a fork pass for what comes after', async () => {
    expect(await run(asker)).toBe(1);
    await owner.prompts.push(NAME, 'text', draftOf(TEXTS[1]), [LABEL]);
    await owner.prompts.moveLabel(NAME, LABEL, 2);
    // The owner's device signed both; the moves that the vault shows between them are of its own making.
    world.vault.service.lies['label.chain'] = ({ query }) => {
      const moves = positions().map(({ tags: [tag = ''] }) => parseTag(tag).claims);
      const data = moves
        .slice(Number(query.get('from')))
        .map(({ sub, ver, chash, prev }) => ({ sub, ver, chash, prev }));
      return { body: { data: data.map((move) => ({ ...move, chash: 'A'.repeat(43) })), next_cursor: null } };
    };
    await expect(run(asker)).rejects.toMatchObject({ code: 'trust_rollback', check: 'tag-chain' });
    delete world.vault.service.lies['label.chain'];
    expect(await run(asker)).toBe(2);
  });
});

describe('an honest vault, where somebody is faster', () => {
  /** Somebody whose first request to a path is preceded by what somebody else does. */
  function outrun(path: string, meanwhile: () => Promise<unknown>): Promise<Bulla> {
    let isFirst = true;
    const slow: typeof fetch = async (input, init) => {
      const request = new Request(input, init);
      if (isFirst && request.method !== 'GET' && request.url.includes(path)) {
        isFirst = false;
        await meanwhile();
      }
      return fetch(request);
    };
    return at('author', world.organisation.author, { fetch: slow });
  }

  it('takes no confirmation of the position before a promotion [red R2]', async () => {
    const confirming = await outrun(`/labels/${LABEL}/tags`, () =>
      owner.prompts.push(NAME, 'text', draftOf(TEXTS[1]), [LABEL]),
    );
    await confirming.labels.adopt(await confirming.labels.adoption(NAME, LABEL));
    const confirmed = confirming.labels.confirm(NAME, await confirming.labels.standing(NAME, LABEL));
    await expect(confirmed).rejects.toMatchObject({ code: 'label_stale', origin: 'vault' });
    expect(await run(asker)).toBe(2);
    expect(positions()).toHaveLength(2);
  });

  it('takes one of two promotions, and the other is not repeated [red R2]', async () => {
    const slow = await outrun(`/labels/${LABEL}`, () => owner.prompts.push(NAME, 'text', draftOf(TEXTS[1]), [LABEL]));
    await expect(slow.prompts.moveLabel(NAME, LABEL, 1)).rejects.toMatchObject({
      code: 'label_stale',
      origin: 'vault',
    });
    expect([await run(asker), positions().length]).toEqual([2, 2]);
  });
});

describe("a thief of the author's key and the vault", () => {
  it('get no word of somebody else for a backdated tag by a nightly renewal [red R5]', async () => {
    await passDays(1);
    const { organisation, vault, clock } = world;
    const thief = await world.client(organisation.author);
    await thief.prompts.push(NAME, 'text', draftOf('a text of the thief {{claim}}'));
    const stolen = vault.named(NAME).versions.at(-1);
    // It is dated back to before the theft.
    const [before = ''] = positions().at(-1)?.tags ?? [];
    const claims = {
      ...parseTag(before).claims,
      ver: 2,
      chash: stolen?.chash ?? '',
      seq: 2,
      prev: await posOf(before),
      iat: clock.seconds - 5 * DAY_SECONDS,
      exp: clock.seconds + 5 * DAY_SECONDS,
    } as TagClaims;
    const tag = await signTag(claims, organisation.author.signer);
    const id = vault.named(NAME).id;
    vault.labels.set(`${NAME} ${LABEL}`, [...positions(), { prompt: id, version: 2, seq: 2, tags: [tag] }]);
    // The owner has run it, so remembers it, and renews every night.
    expect((await owner.prompts.read(NAME, { label: LABEL })).version).toBe(2);
    expect(await owner.prompts.renewLabels(NAME)).toEqual([]);
    expect(positions().at(-1)?.tags).toEqual([tag]);
    const plan = await owner.people.planRevocation(organisation.author.urn);
    expect(plan.vouched).toEqual([]);
    expect(plan.unvouched).toContainEqual({ name: NAME, version: 2, chash: stolen?.chash });
    // Somebody who read it may say so themselves, once they say that it is the newest or a renewer does.
    await owner.labels.adopt(await owner.labels.adoption(NAME, LABEL));
    const standing = await owner.labels.standing(NAME, LABEL);
    expect(standing.opened.statement.content.messages[0]?.content).toContain('a text of the thief');
    await owner.labels.confirm(NAME, standing);
    expect((await owner.people.planRevocation(organisation.author.urn)).vouched).toContainEqual(
      expect.objectContaining({ version: 2 }),
    );
  });
});

describe('a label that is deleted and made again under another prompt', () => {
  it('is followed by whoever knew it before, and said aloud; without its moves it is not', async () => {
    expect(await run(asker)).toBe(1);
    await author.prompts.deleteLabel(NAME, LABEL);
    await author.prompts.delete(NAME);
    await author.prompts.push(NAME, 'text', draftOf('another {{claim}}'), [LABEL]);
    expect(positions().map(({ version }) => version)).toEqual([1, 0, 1]);
    world.vault.service.lies['label.chain'] = () => ({ body: { data: [], next_cursor: null } });
    await expect(run(asker)).rejects.toMatchObject({ code: 'trust_rollback', check: 'tag-chain' });
    delete world.vault.service.lies['label.chain'];
    world.notices.length = 0;
    expect(await run(asker)).toBe(1);
    expect(world.notices).toEqual([`${NAME} is another prompt than before: it was deleted and made again`]);
    // The earlier prompt is not brought back.
    goBack();
    goBack();
    for (const prompt of world.vault.prompts.values()) prompt.deleted = !prompt.deleted;
    await expect(run(asker)).rejects.toMatchObject({ code: 'trust_rollback', check: 'tag-sequence' });
  });

  it('stays deleted for who saw that', async () => {
    await author.prompts.deleteLabel(NAME, LABEL);
    await expect(owner.prompts.read(NAME, { label: LABEL })).rejects.toMatchObject({ code: 'label_not_found' });
    goBack();
    await expect(owner.prompts.read(NAME, { label: LABEL })).rejects.toMatchObject({ code: 'trust_rollback' });
    await expect(owner.labels.standing(NAME, LABEL)).rejects.toMatchObject({ code: 'trust_rollback' });
  });
});

describe('two processes of one home', () => {
  it('share what each has seen: neither follows what is older for the other', async () => {
    const [one, two] = [await at('asker', world.organisation.invoker), await at('asker', world.organisation.invoker)];
    expect(await run(one)).toBe(1);
    await owner.prompts.push(NAME, 'text', draftOf(TEXTS[1]), [LABEL]);
    expect(await run(two)).toBe(2);
    goBack();
    await expect(run(one)).rejects.toMatchObject({ code: 'trust_rollback' });
  });

  it('may use what was asked for before the other went on, for that one request', async () => {
    const letGo = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    const held: typeof fetch = async (input, init) => {
      const request = new Request(input, init);
      const response = await fetch(request);
      if (!request.url.includes('/envelopes')) return response;
      arrived.resolve();
      await letGo.promise;
      return response;
    };
    const slow = await at('asker', world.organisation.invoker, { fetch: held });
    const running = run(slow);
    await arrived.promise;
    await owner.prompts.push(NAME, 'text', draftOf(TEXTS[1]), [LABEL]);
    expect(await run(asker)).toBe(2);
    letGo.resolve();
    expect(await running).toBe(1);
    goBack();
    await expect(run(asker)).rejects.toMatchObject({ code: 'trust_rollback' });
  });
});

describe('a vault that says that nothing is there', () => {
  it('has nobody begin a label anew', async () => {
    world.vault.service.lies['label.get'] = () => Promise.reject(new Problem('label_not_found'));
    const refused = { code: 'trust_rollback', check: 'tag-sequence' };
    // Neither who remembers it, nor who is shown its moves.
    for (const bulla of [author, owner]) {
      await expect(bulla.prompts.moveLabel(NAME, LABEL, 1)).rejects.toMatchObject(refused);
    }
    expect(positions()).toHaveLength(1);
  });
});
