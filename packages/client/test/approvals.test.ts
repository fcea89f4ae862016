import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Approval } from '@bulla/contract';
import type { TagClaims } from '@bulla/crypto';
import { mintId, parseTag, signTag, urnOf } from '@bulla/crypto';
import type { Bulla } from '../src/bulla.js';
import { withHead } from '../src/labels/label-memory.js';
import type { TrustState } from '../src/trust/trust-store.js';
import { MemoryTrustStore, withOpened } from '../src/trust/trust-store.js';
import { pauseless } from './pauseless.js';
import { shown as positionOf } from './shown.js';
import type { World } from './world.js';
import { draftOf, makeWorld, withAnotherEnd } from './world.js';

const NAME = 'claims/triage';
const LABEL = 'production';
const OTHER_HASH = 'A'.repeat(43);
const DAY_SECONDS = 86_400;
let world: World;
let author: Bulla;
let owner: Bulla;
beforeEach(async () => {
  world = await makeWorld({ policy: { labels: { [LABEL]: { groups: ['grp:release'], threshold: 2 } } } });
  author = await world.client(world.organisation.author);
  owner = await world.client(world.organisation.owner);
});
afterEach(() => world.stop());

/** A version that the author wants under the label. Returns the approval that it waits in. */
async function begin(text = 'Sort {{claim}}'): Promise<string> {
  const { pending } = await author.prompts.push(NAME, 'text', draftOf(text), [LABEL]);
  return pending[0]?.pending?.approval ?? '';
}

/** What the vault shows of an approval, changed. */
function lieAbout(id: string, change: (honest: Approval) => Partial<Approval>): void {
  world.vault.service.lies['approval.get'] = () => {
    const honest = world.vault.approvals.get(id);
    return { body: { ...honest, ...change(honest) } };
  };
}

/** A tag of the author's for the position that waits, but for some members. */
async function tagLike(id: string, change: Partial<TagClaims>): Promise<string> {
  const { organisation, vault } = world;
  const { claims } = parseTag(vault.approvals.get(id).tags[0] ?? '');
  const changed: unknown = { ...claims, ...change };
  return signTag(changed as TagClaims, organisation.author.signer);
}

async function idsOf(bulla: Bulla): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of bulla.approvals.list()) ids.push(id);
  return ids;
}

const given = (): number => world.vault.service.requests.filter(({ name }) => name === 'approval.give').length;

describe('a label that several people must move', () => {
  it('waits after a push, and latest does not', async () => {
    const pushed = await author.prompts.push(NAME, 'text', draftOf('Sort {{claim}}'), [LABEL, 'staging']);
    expect(pushed.labels).toEqual(['staging']);
    expect(pushed.pending).toEqual([
      {
        label: LABEL,
        seq: 1,
        version: 1,
        pending: { approval: expect.stringMatching(/^apr_/), given: 1, needed: 2 },
      },
    ]);
    await expect(author.prompts.read(NAME, { label: LABEL })).rejects.toMatchObject({ code: 'label_not_found' });
  });

  it('is among those that lack a signature when one of the people leaves', async () => {
    const id = await begin();
    await owner.approvals.give(id);
    const plan = await owner.people.planRevocation(world.organisation.author.urn);
    expect(plan.shortLabels).toEqual([{ name: NAME, label: LABEL }]);
    expect(plan.loneLabels).toEqual([{ name: NAME, label: 'latest' }]);
    expect((await owner.people.planRevocation(world.organisation.invoker.urn)).shortLabels).toEqual([]);
  });

  it('shows whoever is asked what the tags say, and moves by their signature', async () => {
    const id = await begin();
    const { chash } = await author.prompts.read(NAME);
    expect(await idsOf(owner)).toEqual([id]);
    const shown = await owner.approvals.get(id);
    expect(shown).toMatchObject({
      prompt: { name: NAME },
      label: LABEL,
      seq: 1,
      version: 1,
      chash,
      signers: [world.organisation.author.urn],
      needed: 2,
    });
    expect(await owner.approvals.give(await owner.approvals.prepare(id))).toMatchObject({
      seq: 1,
      version: 1,
      approval: shown,
    });
    expect((await author.prompts.read(NAME, { label: LABEL })).chash).toBe(chash);
    await expect(owner.approvals.get(id)).rejects.toMatchObject({ code: 'label_stale' });
  });

  it('moves by the same wish of another person', async () => {
    const id = await begin();
    expect(await owner.prompts.moveLabel(NAME, LABEL, 1)).toEqual({ seq: 1, version: 1 });
    expect(id).toMatch(/^apr_/);
  });

  it('is confirmed by each for themselves, and deleted by as many', async () => {
    await owner.approvals.give(await begin());
    for (const bulla of [author, owner]) {
      await bulla.labels.adopt(await bulla.labels.adoption(NAME, LABEL));
      await bulla.labels.confirm(NAME, await bulla.labels.standing(NAME, LABEL));
    }
    expect(world.vault.position(NAME, LABEL)).toMatchObject({ seq: 1 });
    expect(await author.prompts.dueLabels(NAME)).toEqual([]);
    const { pending } = await author.prompts.deleteLabel(NAME, LABEL);
    expect((await owner.approvals.give(pending?.approval ?? '')).version).toBe(0);
    await expect(author.prompts.read(NAME, { label: LABEL })).rejects.toMatchObject({ code: 'label_not_found' });
  });

  it('is given up', async () => {
    const id = await begin();
    await owner.approvals.drop(id);
    await expect(owner.approvals.give(id)).rejects.toMatchObject({ code: 'label_stale' });
    expect(await idsOf(owner)).toEqual([]);
    expect(given()).toBe(0);
  });

  it('is waited for six days from a tag on, not longer [guard: client-approval-ended]', async () => {
    const id = await begin();
    const { expiresAt } = await owner.approvals.get(id);
    expect(expiresAt).toBe(world.clock.seconds + 6 * DAY_SECONDS);
    world.clock.seconds += 6 * DAY_SECONDS;
    await world.organisation.publish(undefined, world.clock.seconds);
    await expect(owner.approvals.give(id)).rejects.toMatchObject({ code: 'trust_expired' });
    expect(given()).toBe(0);
  });
});

it('a move that the vault says is made, while it shows the position before, is not believed [guard: client-move-taken]', async () => {
  await owner.approvals.give(await begin());
  const before = world.vault.position(NAME, LABEL);
  const id = await begin('Sort {{claim}} again');
  const { version, seq, tags } = before ?? {};
  world.vault.service.lies['label.get'] = ({ params }) => {
    const label = params['label'] ?? '';
    const of = label === LABEL ? { version, seq, tags } : world.vault.position(NAME, label);
    return { body: { label, version: of?.version, seq: of?.seq, tags: of?.tags } };
  };
  await expect(owner.approvals.give(id)).rejects.toMatchObject({ code: 'envelope_tampered', check: 'tag-sequence' });
});

describe('nothing is signed', () => {
  it('by the same person again, nor by somebody outside the groups [guard: client-approval-once]', async () => {
    const id = await begin();
    await expect(author.approvals.give(id)).rejects.toMatchObject({ code: 'forbidden' });
    const invoker = await world.client(world.organisation.invoker);
    await expect(invoker.approvals.give(id)).rejects.toMatchObject({ code: 'forbidden' });
    expect(given()).toBe(0);
  });

  it.each<[string, (state: TrustState, sub: string) => TrustState]>([
    [
      'opened as another text [red] [guard: client-content-seen]',
      (state, sub) => withOpened(state, { sub, version: 1, chash: OTHER_HASH }),
    ],
    [
      'been shown another text of by a label [red]',
      (state, sub) => withHead(state, positionOf({ name: NAME, sub, label: 'earlier', chash: OTHER_HASH }), []),
    ],
  ])('for a version that this machine has %s', async (_name, remember) => {
    const id = await begin();
    const store = new MemoryTrustStore();
    const reader = await world.client(world.organisation.owner, { store });
    const { prompt } = await reader.approvals.get(id);
    const sub = urnOf(world.organisation.org, 'prompt', prompt.id);
    await store.update(world.organisation.org, world.organisation.pin, (state) => {
      if (state === undefined) throw new Error('nothing is remembered');
      return remember(state, sub);
    });
    await expect(reader.approvals.give(id)).rejects.toMatchObject({
      code: 'envelope_tampered',
      check: 'content-seen',
    });
    expect(given()).toBe(0);
  });

  it('after somebody looked but what they saw: nothing is fetched again', async () => {
    const id = await begin();
    const move = await owner.approvals.prepare(id);
    const asked = world.vault.service.requests.length;
    lieAbout(id, () => ({ version: 2, chash: OTHER_HASH }));
    await owner.approvals.give(move);
    const names = world.vault.service.requests.slice(asked).map(({ name }) => name);
    expect(names.filter((name) => name === 'version.get' || name === 'approval.get')).toEqual([]);
    expect((await author.prompts.read(NAME, { label: LABEL })).chash).toBe(move.target?.chash);
  });

  it('for a position that this machine saw pass while somebody looked [guard: client-move-passed]', async () => {
    const move = await owner.approvals.prepare(await begin());
    await owner.prompts.moveLabel(NAME, LABEL, 1);
    await expect(owner.approvals.give(move)).rejects.toMatchObject({ code: 'label_stale', origin: 'client' });
    const next = await owner.prompts.proposeMove(NAME, LABEL, 1);
    await owner.approvals.give((await author.prompts.moveLabel(NAME, LABEL, 1)).pending?.approval ?? '');
    await expect(owner.prompts.sign(next)).rejects.toMatchObject({ code: 'label_stale', origin: 'client' });
  });

  it.each<[string, string, (honest: Approval) => Partial<Approval>]>([
    ['another version [guard: client-approval-says]', 'envelope_tampered', () => ({ version: 2 })],
    ['another content', 'envelope_tampered', () => ({ chash: OTHER_HASH })],
    ['another position', 'envelope_tampered', () => ({ seq: 2 })],
    ['another prompt', 'envelope_tampered', () => ({ prompt: mintId('prm') })],
    ['another label', 'envelope_tampered', () => ({ label: 'latest' })],
    ['another name', 'envelope_tampered', () => ({ name: 'other/name' })],
    ['another approval', 'envelope_tampered', () => ({ id: mintId('apr') })],
    ['no tag', 'transport_failed', () => ({ tags: [] })],
    ['a tag that is none', 'token_malformed', () => ({ tags: ['a.b.c'] })],
    ['a changed tag', 'signature_invalid', ({ tags: [tag = ''] }) => ({ tags: [withAnotherEnd(tag)] })],
  ])('where the vault shows %s', async (_name, code, change) => {
    const id = await begin();
    lieAbout(id, change);
    await expect(pauseless(() => owner.approvals.give(id))).rejects.toMatchObject({ code });
    expect(given()).toBe(0);
  });

  it('where a tag is that of somebody who may not sign', async () => {
    const id = await begin();
    const { organisation, vault } = world;
    const { claims } = parseTag(vault.approvals.get(id).tags[0] ?? '');
    const tag = await signTag({ ...claims, iss: organisation.invoker.urn }, organisation.invoker.signer);
    lieAbout(id, () => ({ tags: [tag] }));
    await expect(owner.approvals.give(id)).rejects.toMatchObject({ code: 'trust_expired' });
    expect(given()).toBe(0);
  });

  it('for tags that differ among themselves [guard: client-approval-equal]', async () => {
    const id = await begin();
    const other = await tagLike(id, { chash: OTHER_HASH });
    lieAbout(id, ({ tags }) => ({ tags: [...tags, other] }));
    await expect(owner.approvals.give(id)).rejects.toMatchObject({ code: 'envelope_tampered' });
    expect(given()).toBe(0);
  });

  it('for a position that is not the next [guard: client-approval-next]', async () => {
    const id = await begin();
    const tag = await tagLike(id, { seq: 7 });
    lieAbout(id, () => ({ seq: 7, tags: [tag] }));
    await expect(owner.approvals.give(id)).rejects.toMatchObject({ code: 'label_stale' });
    expect(given()).toBe(0);
  });

  it.each<[string, Partial<TagClaims>]>([
    ['that was passed', { seq: 1, prev: '' }],
    ['after another than the label is at', { seq: 2, prev: OTHER_HASH }],
  ])('for a position %s', async (_name, change) => {
    await owner.approvals.give(await begin());
    const id = await begin('Sort {{claim}} again');
    const tag = await tagLike(id, change);
    lieAbout(id, () => ({ seq: change.seq ?? 0, tags: [tag] }));
    const before = given();
    await expect(owner.approvals.give(id)).rejects.toMatchObject({ code: 'label_stale' });
    expect(given()).toBe(before);
  });

  it('for another prompt than the name stood for [guard: client-approval-remade]', async () => {
    await owner.prompts.push(NAME, 'text', draftOf('Sort {{claim}}'));
    const id = await begin('Another {{claim}}');
    const prompt = mintId('prm');
    const sub = urnOf('acme', 'prompt', prompt);
    const tag = await tagLike(id, { sub });
    lieAbout(id, () => ({ prompt, tags: [tag] }));
    await expect(owner.approvals.give(id)).rejects.toMatchObject({ code: 'label_stale' });
    expect(given()).toBe(0);
  });

  it('for a content that the vault does not hold, whatever an author signed', async () => {
    const id = await begin();
    const tag = await tagLike(id, { chash: OTHER_HASH });
    lieAbout(id, () => ({ chash: OTHER_HASH, tags: [tag] }));
    await expect(owner.approvals.give(id)).rejects.toMatchObject({ code: 'envelope_tampered', check: 'content-hash' });
    expect(given()).toBe(0);
  });

  it('for a version that is not sealed to this device [guard: client-approval-opened]', async () => {
    const draft = draftOf('Sort {{claim}}', { acl: { read: [] } });
    const { pending } = await author.prompts.push(NAME, 'text', draft, [LABEL]);
    const id = pending[0]?.pending?.approval ?? '';
    await expect(owner.approvals.give(id)).rejects.toMatchObject({ code: 'forbidden' });
    expect(given()).toBe(0);
  });
});

describe('a vault that says', () => {
  it('that the label moved is not believed where one person signed [guard: client-move-alone]', async () => {
    await author.prompts.push(NAME, 'text', draftOf('Sort {{claim}}'));
    world.vault.service.lies['label.move'] = ({ body }) => {
      const { tag, seq, ver } = parseTag((body as { tags: [string] }).tags[0]).claims;
      return { body: { label: tag, seq, version: ver } };
    };
    await expect(author.prompts.moveLabel(NAME, LABEL, 1)).rejects.toMatchObject({
      code: 'label_not_found',
    });
  });

  it('what came of another move is not believed [guard: client-move-answer]', async () => {
    await author.prompts.push(NAME, 'text', draftOf('Sort {{claim}}'));
    world.vault.service.lies['label.move'] = () => ({ body: { label: 'latest', seq: 9, version: 1 } });
    await expect(author.prompts.moveLabel(NAME, 'staging', 1)).rejects.toMatchObject({
      code: 'envelope_tampered',
    });
  });
});

describe('going back', () => {
  const versions = ['first {{claim}}', 'second {{claim}}', 'third {{claim}}'];
  beforeEach(async () => {
    for (const text of versions) await author.prompts.push(NAME, 'text', draftOf(text), ['staging']);
  });

  it('leads to the version before, and a second time there again', async () => {
    expect(await author.prompts.rollback(NAME, 'staging')).toEqual({ seq: 4, version: 2 });
    expect(await owner.prompts.rollback(NAME, 'staging')).toEqual({ seq: 5, version: 3 });
  });

  it('passes by positions that said the same, and pages', async () => {
    for (let count = 0; count < 4; count += 1) await author.prompts.moveLabel(NAME, 'staging', 3);
    expect(await author.prompts.rollback(NAME, 'staging')).toEqual({ seq: 8, version: 2 });
  });

  it('is for a label that was elsewhere before', async () => {
    await author.prompts.moveLabel(NAME, 'canary', 2);
    await expect(author.prompts.rollback(NAME, 'canary')).rejects.toMatchObject({ code: 'label_not_found' });
    await expect(author.prompts.rollback(NAME, 'nowhere')).rejects.toMatchObject({ code: 'label_not_found' });
  });

  it('waits for others where several people must move the label', async () => {
    for (const version of [1, 2]) {
      const { pending } = await author.prompts.moveLabel(NAME, LABEL, version);
      await owner.approvals.give(pending?.approval ?? '');
    }
    const { pending, version } = await author.prompts.rollback(NAME, LABEL);
    expect([version, pending?.given, pending?.needed]).toEqual([1, 1, 2]);
    expect(await owner.approvals.give(pending?.approval ?? '')).toMatchObject({ seq: 3, version: 1 });
  });

  it.each<[string, (seq: number) => boolean, string]>([
    ['left out [guard: client-history-gap]', (seq) => seq !== 2, 'label_stale'],
  ])('is refused where the vault has positions %s', async (_name, keeps, code) => {
    world.vault.service.lies['label.history'] = () => {
      const data = (world.vault.labels.get(`${NAME} staging`) ?? [])
        .map(({ version, seq, tags }) => ({ label: 'staging', version, seq, tags }))
        .toReversed();
      return { body: { data: data.filter(({ seq }) => keeps(seq)), next_cursor: null } };
    };
    await expect(author.prompts.rollback(NAME, 'staging')).rejects.toMatchObject({ code });
  });

  it('is refused where one person alone signed a position of a label that needs two [guard: client-history-threshold]', async () => {
    for (const version of [1, 2]) {
      const { pending } = await author.prompts.moveLabel(NAME, LABEL, version);
      await owner.approvals.give(pending?.approval ?? '');
    }
    world.vault.service.lies['label.history'] = () => {
      const [first, second] = world.vault.labels.get(`${NAME} ${LABEL}`) ?? [];
      const under = { ...first, tags: first?.tags.slice(0, 1) };
      const data = [second, under].map((one) => ({
        label: LABEL,
        version: one?.version,
        seq: one?.seq,
        tags: one?.tags,
      }));
      return { body: { data, next_cursor: null } };
    };
    await expect(author.prompts.rollback(NAME, LABEL)).rejects.toMatchObject({
      code: 'label_stale',
      message: expect.stringContaining('1 of 2 people signed a position'),
    });
    delete world.vault.service.lies['label.history'];
    expect(await author.prompts.rollback(NAME, LABEL)).toMatchObject({ version: 1 });
  });

  it('goes by what people signed, not by what the vault says beside it', async () => {
    world.vault.service.lies['label.history'] = () => {
      const data = (world.vault.labels.get(`${NAME} staging`) ?? [])
        .map(({ seq, tags }) => ({ label: 'staging', version: 1, seq, tags }))
        .toReversed();
      return { body: { data, next_cursor: null } };
    };
    expect(await author.prompts.rollback(NAME, 'staging')).toEqual({ seq: 4, version: 2 });
  });

  it('stops where a position is by a key that is no longer believed', async () => {
    await author.prompts.moveLabel(NAME, 'staging', 1);
    const { organisation, clock } = world;
    await owner.prompts.moveLabel(NAME, 'staging', 2);
    await owner.prompts.moveLabel(NAME, 'staging', 2);
    await organisation.publish((draft) => {
      const entity = draft.entities[organisation.author.urn];
      if (entity?.kind === 'device') entity.groups = [];
    }, clock.seconds);
    const late = await world.client(organisation.owner);
    await expect(late.prompts.rollback(NAME, 'staging')).rejects.toMatchObject({
      code: 'label_stale',
      check: 'label-history',
    });
  });
});
