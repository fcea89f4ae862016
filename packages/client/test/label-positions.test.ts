import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Problem } from '@bulla/contract';
import type { Bulla } from '../src/bulla.js';
import type { World } from './world.js';
import { draftOf, makeWorld } from './world.js';

const NAME = 'claims/triage';
const DAY_SECONDS = 86_400;
const LAST = 2_147_483_646;
let world: World;
let author: Bulla;
let stranger: Bulla;
beforeEach(async () => {
  world = await makeWorld({ policy: { labels: { production: { groups: ['grp:release'], days: 7 } } } });
  author = await world.client();
  await author.prompts.push(NAME, 'text', draftOf('Sort {{claim}}'), ['production']);
});
afterEach(() => world.stop());

/** The vault says another position than the label has, with these tags. */
function lieAboutPosition(seq: number, tags: readonly string[]): void {
  world.vault.service.lies['label.get'] = ({ params }) => {
    const label = params['label'] ?? '';
    const honest = world.vault.position(NAME, label);
    const position = label === 'production' ? { version: 1, seq, tags } : honest;
    return { body: { label, version: position?.version, seq: position?.seq, tags: position?.tags } };
  };
}

const moves = (): number => world.vault.service.requests.filter(({ name }) => name === 'label.move').length;
const newest = () => world.vault.position(NAME, 'production');

describe('the position that an author signs next', () => {
  it('is what follows what this client remembers, whatever number the vault says', async () => {
    lieAboutPosition(LAST, newest()?.tags ?? []);
    const moved = author.prompts.moveLabel(NAME, 'production', 1);
    await expect(moved).resolves.toEqual({ seq: 2, version: 1 });
  });

  it('does not follow tags that are none', async () => {
    lieAboutPosition(LAST, ['a.b.c']);
    const before = moves();
    await expect(author.prompts.moveLabel(NAME, 'production', 1)).rejects.toMatchObject({ code: 'token_malformed' });
    expect(moves()).toBe(before);
  });

  it('does not follow a position that too few people say now, for whoever does not remember it', async () => {
    world.clock.seconds += 8 * DAY_SECONDS;
    await world.organisation.publish(undefined, world.clock.seconds);
    stranger = await world.client();
    const before = moves();
    await expect(stranger.prompts.deleteLabel(NAME, 'production')).rejects.toMatchObject({
      code: 'trust_expired',
      message: expect.stringContaining(`bulla prompt adopt ${NAME}@production`),
    });
    expect(moves()).toBe(before);
    const adoption = await stranger.labels.adoption(NAME, 'production');
    expect(adoption).toMatchObject({ remembered: undefined, shown: { seq: 1, given: 0, signed: 1, needed: 1 } });
    await stranger.labels.adopt(adoption);
    expect(await stranger.prompts.deleteLabel(NAME, 'production')).toEqual({ seq: 2, version: 0 });
  });

  it.each<[string, (bulla: Bulla) => Bulla]>([
    ['remembers it', (bulla) => bulla],
    ['has only its moves to go by', () => stranger],
  ])(
    'is none where the vault shows no position, for a client that %s [guard: client-base-hidden]',
    async (_name, choose) => {
      stranger = await world.client();
      world.vault.service.lies['label.get'] = () => Promise.reject(new Problem('label_not_found'));
      const before = moves();
      const moving = choose(author).prompts.moveLabel(NAME, 'production', 1);
      await expect(moving).rejects.toMatchObject({ code: 'trust_rollback', check: 'tag-sequence' });
      expect(moves()).toBe(before);
    },
  );

  it('follows whatever the tags bear out, and a deleted label too', async () => {
    await author.prompts.deleteLabel(NAME, 'production');
    stranger = await world.client();
    expect(await stranger.prompts.moveLabel(NAME, 'production', 1)).toEqual({ seq: 3, version: 1 });
  });
});

describe('where a label stands, for somebody to confirm', () => {
  it('is nowhere once it is deleted [guard: client-confirm-deleted]', async () => {
    await author.prompts.deleteLabel(NAME, 'production');
    await expect(author.labels.standing(NAME, 'production')).rejects.toMatchObject({
      code: 'label_not_found',
      message: expect.stringContaining('there is nothing to confirm'),
    });
  });

  it('is what was looked at, or nothing is signed [guard: client-confirm-remembered]', async () => {
    await author.labels.adopt(await author.labels.adoption(NAME, 'production'));
    const standing = await author.labels.standing(NAME, 'production');
    await author.prompts.push(NAME, 'text', draftOf('two'), ['production']);
    const tags = () => world.vault.position(NAME, 'production')?.tags;
    const before = tags();
    const confirming = author.labels.confirm(NAME, standing);
    await expect(confirming).rejects.toMatchObject({ code: 'label_stale', origin: 'client' });
    expect(tags()).toEqual(before);
  });
});

describe('an answer on its way while the same client moves the label', () => {
  /** Keeps back the first answer to a path until it is let go. */
  function holding(path: string) {
    const [arrived, letGo] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let isFirst = true;
    const holder: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (!isFirst || !(input instanceof Request ? input.url : input.toString()).includes(path)) return response;
      isFirst = false;
      arrived.resolve();
      await letGo.promise;
      return response;
    };
    return { fetch: holder, arrived: arrived.promise, letGo: letGo.resolve };
  }

  it.each<[string, string, (bulla: Bulla) => Promise<number>]>([
    ['runs', '/envelopes', async (bulla) => (await bulla.prompt(NAME).run({ claim: 'a' })).prompt.version],
    [
      'is read',
      '/labels/production',
      async (bulla) => (await bulla.prompts.read(NAME, { label: 'production' })).statement.ver,
    ],
  ])('is no older one: the version that it names %s', async (_name, path, use) => {
    const held = holding(path);
    const busy = await world.client(undefined, { fetch: held.fetch });
    const used = use(busy);
    await held.arrived;
    await busy.prompts.push(NAME, 'text', draftOf('Sort {{claim}} anew'), ['production']);
    held.letGo();
    expect(await used).toBe(1);
    // From then on it would be one.
    const older = world.vault.labels.get(`${NAME} production`)?.at(-2)?.tags ?? [];
    world.vault.labels.set(`${NAME} production`, (world.vault.labels.get(`${NAME} production`) ?? []).slice(0, -1));
    expect(older).toHaveLength(1);
    await expect(busy.prompt(NAME).run({ claim: 'a' })).rejects.toMatchObject({ code: 'trust_rollback' });
  });

  it('is nothing that a move follows [guard: client-base-newest]', async () => {
    const held = holding('/labels/production');
    const busy = await world.client(undefined, { fetch: held.fetch });
    const moving = busy.prompts.deleteLabel(NAME, 'production');
    await held.arrived;
    await busy.prompts.push(NAME, 'text', draftOf('Sort {{claim}} anew'), ['production']);
    held.letGo();
    await expect(moving).rejects.toMatchObject({ code: 'label_stale', origin: 'client' });
    expect(newest()).toMatchObject({ seq: 2, version: 2 });
  });

  it('is not what a move is signed on: another version is there by then', async () => {
    const held = holding('/labels/production');
    const busy = await world.client(undefined, { fetch: held.fetch });
    const before = moves();
    const moved = busy.prompts.moveLabel(NAME, 'production', 1);
    await held.arrived;
    await busy.prompts.push(NAME, 'text', draftOf('Sort {{claim}} anew'), ['production']);
    held.letGo();
    await expect(moved).rejects.toMatchObject({ code: 'label_stale', origin: 'client' });
    // The push moved latest and production with its version.
    expect(moves()).toBe(before);
  });
});
