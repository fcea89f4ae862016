import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { LabelChain, LabelPosition, LabelTuple, PendingMove } from '@bulla/contract';
import type { TagClaims } from '@bulla/crypto';
import { VaultDatabase } from '../src/database/vault-database.js';
import { LabelTagsRepository } from '../src/prompts/label-tags.repository.js';
import type { PromptRef, SealedVersion, TagWish } from './authoring.js';
import {
  basedOn,
  bodyOf,
  createPrompt,
  mintId,
  must,
  posOf,
  publishPrompt,
  pushVersion,
  tagOf,
  urnOf,
} from './authoring.js';
import { countStatuses, expectRefusal, untilSettled } from './refusals.js';
import type { Store, TestMember, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

const PROTECTED = 'reviewed';
const DAY_SECONDS = 86_400;

describe.each<Store>(['PostgreSQL', 'PGlite'])('the positions of labels on %s', (store) => {
  let vault: TestVault;
  /** A third person of the group of `reviewed`. */
  let third: TestMember;
  beforeAll(async () => {
    vault = await startVault(store);
    const { acme } = vault;
    third = await acme.makeDevice('third', { roles: ['author'], groups: ['grp:authors', 'grp:release'] });
    await publishDirectory((draft) => {
      draft.entities[third.urn] = third.entity;
    });
  });
  afterAll(() => vault.stop());

  type Versioned = PromptRef & { readonly version: SealedVersion };
  /** Where `latest` stands after it was published. */
  const first = ({ version }: Versioned): TagWish => ({
    tag: 'latest',
    ver: 1,
    chash: version.chash,
    seq: 1,
    prev: '',
  });
  const author = () => vault.clientOf(vault.acme.author);
  const at = ({ id }: PromptRef, label = 'latest') => `/api/v1/prompts/${id}/labels/${label}`;
  const move = (prompt: PromptRef, tags: string[], newest: number, label = 'latest') =>
    author().put(at(prompt, label), { tags }, basedOn(newest));
  const chainOf = async (prompt: PromptRef, query = '', label = 'latest') =>
    bodyOf<LabelChain>(must(200, await author().get(`${at(prompt, label)}/chain${query}`)));
  const confirm = (prompt: PromptRef, tag: string, label = 'latest') =>
    author().post(`${at(prompt, label)}/tags`, { tag });
  const positionOf = async (prompt: PromptRef, label = 'latest') =>
    bodyOf<LabelPosition>(must(200, await author().get(at(prompt, label))));
  const sign = (prompt: PromptRef, wish: TagWish, member: TestMember = vault.acme.author) =>
    tagOf(vault.acme, member, prompt, wish);
  async function publishDirectory(change: Parameters<TestVault['acme']['publish']>[0]): Promise<void> {
    await vault.acme.publish(change);
    await bringDirectory();
  }
  /** Brings the directory that the organisation has by now. */
  async function bringDirectory(): Promise<void> {
    const { acme } = vault;
    const body = { directory: acme.documents.directory };
    const on = basedOn(acme.trust.directory.version - 1);
    must(200, await vault.clientOf(acme.owner).put('/api/v1/organisations/acme/directory', body, on));
  }

  it.each<[string, (prompt: Versioned) => Promise<Partial<TagClaims>>]>([
    ['names another position before it', async ({ version }) => ({ prev: version.chash })],
    ['begins anew [guard: vault-label-chain]', async () => ({ prev: '' })],
    [
      'names the position of another label',
      async (prompt) => ({ prev: await posOf(vault.acme, prompt, { ...first(prompt), tag: 'production' }) }),
    ],
  ])('takes no move that %s', async (_name, make) => {
    const prompt = await publishPrompt(vault, vault.acme);
    const tag = await sign(prompt, { ...first(prompt), seq: 2, ...(await make(prompt)) });
    await expectRefusal(vault, () => move(prompt, [tag], 1), 412, 'label_stale');
    const prev = await posOf(vault.acme, prompt, first(prompt));
    must(200, await move(prompt, [await sign(prompt, { ...first(prompt), seq: 2, prev })], 1));
  });

  it('are one chain, whatever id the name had, page by page', async () => {
    const { acme } = vault;
    const prompt = await publishPrompt(vault, acme);
    const wishes: TagWish[] = [first(prompt)];
    for (const change of [
      { ver: 0, chash: '' },
      { ver: 1, chash: prompt.version.chash },
    ]) {
      const seq = wishes.length + 1;
      const prev = await posOf(acme, prompt, wishes.at(-1) ?? first(prompt));
      const wish = { ...first(prompt), ...change, seq, prev };
      must(200, await move(prompt, [await sign(prompt, wish)], seq - 1));
      wishes.push(wish);
    }
    must(204, await author().delete(`/api/v1/prompts/${prompt.id}`));
    const again = await publishAnew(prompt.name, await posOf(acme, prompt, wishes.at(-1) ?? first(prompt)));
    const tuples: LabelTuple[] = [...wishes, again.wish].map(({ ver, chash, prev = '' }, index) => ({
      sub: urnOf('acme', 'prompt', index < 3 ? prompt.id : again.id),
      ver,
      chash,
      prev,
    }));
    for (const id of [prompt.id, again.id]) {
      expect(await chainOf({ ...prompt, id })).toEqual({ data: tuples, next_cursor: null });
    }
    expect((await chainOf(prompt, '?from=2')).data).toEqual(tuples.slice(2));
    expect((await chainOf(prompt, '?from=9')).data).toEqual([]);
    const page = await chainOf(prompt, '?from=1&limit=2');
    expect(page.data).toEqual(tuples.slice(1, 3));
    expect((await chainOf(prompt, `?from=1&limit=2&cursor=${page.next_cursor}`)).data).toEqual(tuples.slice(3));
    expect((await chainOf(prompt, '', 'never')).data).toEqual([]);
  });

  it('of one organisation are nothing to another [guard: org-chain]', async () => {
    const prompt = await publishPrompt(vault, vault.acme);
    const other = vault.clientOf(vault.other.author);
    await expectRefusal(vault, () => other.get(`${at(prompt)}/chain`), 404, 'not_found');
    const theirs = await publishPrompt(vault, vault.other, prompt.name);
    const { data } = bodyOf<LabelChain>(must(200, await other.get(`${at(theirs)}/chain`)));
    expect(data.map(({ sub }) => sub)).toEqual([urnOf('other', 'prompt', theirs.id)]);
  });

  it('are moved by one of many who come at the same moment', async () => {
    const prompt = await publishPrompt(vault, vault.acme);
    const second = await pushVersion(vault, vault.acme, prompt, 2);
    const prev = await posOf(vault.acme, prompt, first(prompt));
    const next = { ...first(prompt), seq: 2, prev };
    const tags = [await sign(prompt, next), await sign(prompt, { ...next, ver: 2, chash: second.chash })];
    const requests = Array.from({ length: 8 }, (_, index) => () => move(prompt, [tags[index % 2] ?? ''], 1));
    const statuses = countStatuses(await Promise.all(requests.map((send) => untilSettled(send))));
    expect(statuses).toEqual({ 200: 1, 412: 7 });
    expect((await chainOf(prompt)).data).toHaveLength(2);
  });

  describe('that are confirmed', () => {
    it('point where they did, with the newest good tag of each person', async () => {
      const { acme } = vault;
      const prompt = await publishPrompt(vault, acme);
      const [old] = (await positionOf(prompt)).tags;
      const newer = await sign(prompt, { ...first(prompt), iat: acme.now + 10 });
      expect(bodyOf(must(200, await confirm(prompt, newer)))).toEqual({
        label: 'latest',
        seq: 1,
        version: 1,
        tags: [newer],
        fresh: [],
      });
      const third_ = await sign(prompt, first(prompt), third);
      must(200, await confirm(prompt, third_));
      expect((await positionOf(prompt)).tags.toSorted()).toEqual([newer, third_].toSorted());
      // A tag that ends before the older one does not take its place once it has ended.
      const short = await sign(prompt, { ...first(prompt), iat: acme.now + 20, exp: vault.clock.now() + 60 });
      must(200, await confirm(prompt, short));
      expect((await positionOf(prompt)).tags).toContain(short);
      vault.clock.advance(61);
      expect((await positionOf(prompt)).tags.toSorted()).toEqual([newer, third_].toSorted());
      expect(old).not.toBe(newer);
      expect((await chainOf(prompt)).data).toHaveLength(1);
    });

    it('are read as one tag of each key, however often they were renewed [red]', async () => {
      const { acme, database } = vault;
      const prompt = await publishPrompt(vault, acme);
      for (const later of [1, 2, 3]) {
        must(200, await confirm(prompt, await sign(prompt, { ...first(prompt), iat: acme.now + later })));
      }
      const place = { org: 'acme', name: prompt.name, label: 'latest', seq: 1 };
      const read = await new LabelTagsRepository(new VaultDatabase(database.db)).tagsOf([place], vault.clock.now());
      expect(read.map(({ token }) => token)).toEqual((await positionOf(prompt)).tags);
      expect(read.map(({ issued_at: issued }) => issued.getTime() / 1000)).toEqual([acme.now + 3]);
    });

    it.each<[string, number, string, (prompt: Versioned) => Promise<string>]>([
      [
        'another position [guard: vault-confirm-position]',
        412,
        'label_stale',
        async (prompt) => sign(prompt, { ...first(prompt), seq: 2 }),
      ],
      ['another content', 412, 'label_stale', async (prompt) => sign(prompt, { ...first(prompt), ver: 2 })],
      [
        'another label',
        400,
        'envelope_tampered',
        async (prompt) => sign(prompt, { ...first(prompt), tag: 'production' }),
      ],
      [
        'another prompt',
        400,
        'envelope_tampered',
        async (prompt) => sign(prompt, { ...first(prompt), sub: urnOf('acme', 'prompt', mintId('prm')) }),
      ],
      [
        'somebody who may not sign it',
        403,
        'forbidden',
        async (prompt) => sign(prompt, first(prompt), vault.acme.invoker),
      ],
      [
        'what has ended',
        403,
        'trust_expired',
        async (prompt) => {
          const now = vault.clock.now();
          return sign(prompt, { ...first(prompt), iat: now - DAY_SECONDS, exp: now - 1 });
        },
      ],
      [
        'what is dated ahead',
        401,
        'clock_skew',
        async (prompt) => sign(prompt, { ...first(prompt), iat: vault.clock.now() + 61 }),
      ],
    ])('take no tag of %s', async (_name, status, code, make) => {
      const prompt = await publishPrompt(vault, vault.acme);
      const before = await positionOf(prompt);
      const tag = await make(prompt);
      const refused = await confirm(prompt, tag);
      expect([refused.status, bodyOf(refused)]).toEqual([status, expect.objectContaining({ code })]);
      expect(await positionOf(prompt)).toEqual(before);
    });

    it('are none that is deleted [guard: vault-confirm-deleted]', async () => {
      const prompt = await publishPrompt(vault, vault.acme);
      const prev = await posOf(vault.acme, prompt, first(prompt));
      const gone = { ...first(prompt), ver: 0, chash: '', seq: 2, prev };
      must(200, await move(prompt, [await sign(prompt, gone)], 1));
      const again = await sign(prompt, { ...gone, iat: vault.clock.now() });
      await expectRefusal(vault, () => confirm(prompt, again), 404, 'label_not_found');
    });
  });

  it('that wait for people wait no longer when the rule of their label changes [guard: vault-approval-rule]', async () => {
    const { acme } = vault;
    const prompt = await publishPrompt(vault, acme);
    const wish = { ...first(prompt), tag: PROTECTED };
    const begin = async (tag: TagWish) =>
      bodyOf<PendingMove>(must(202, await move(prompt, [await sign(prompt, tag)], 0, tag.tag))).approval;
    const [changed, kept] = [await begin(wish), await begin({ ...wish, tag: 'audited' })];
    const { policy } = acme.trust;
    await acme.publishPolicy((draft) => {
      draft.labels[PROTECTED] = { groups: ['grp:release'], threshold: 3 };
    });
    const body = { policy: acme.documents.policy };
    must(200, await vault.clientOf(acme.owner).put('/api/v1/organisations/acme/policy', body, basedOn(policy.version)));
    await bringDirectory();
    const stateOf = async (id: string) =>
      bodyOf<{ state: string }>(must(200, await author().get(`/api/v1/approvals/${id}`))).state;
    expect([await stateOf(changed), await stateOf(kept)]).toEqual(['dropped', 'open']);
  });

  /** A prompt under a name that was freed, whose `latest` follows a position. */
  async function publishAnew(name: string, prev: string): Promise<PromptRef & { wish: TagWish }> {
    const prompt = await createPrompt(vault, vault.acme, name);
    const version = await pushVersion(vault, vault.acme, prompt, 1);
    const wish = { tag: 'latest', ver: 1, chash: version.chash, seq: 4, prev };
    must(200, await move(prompt, [await sign(prompt, wish)], 3));
    return { ...prompt, wish };
  }
});
