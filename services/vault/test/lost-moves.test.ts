import { beforeEach, describe, expect, it } from '@jest/globals';
import type { LabelChain, LabelPosition, LabelTuple, PendingMove, Prompt, RouteBody } from '@bulla/contract';
import type { PromptRef, SealedVersion, TagWish } from './authoring.js';
import { basedOn, bodyOf, createPrompt, mintId, must, publishPrompt, pushVersion, tagOf, urnOf } from './authoring.js';
import { countStatuses, expectRefusal } from './refusals.js';
import type { Backup } from './restoring.js';
import { backUp, restore } from './restoring.js';
import type { Store, TestMember, TestVault } from './running-vault.js';
import { shareVault } from './shared-vault.js';

const DAY_SECONDS = 86_400;
const PATH = '/api/v1/labels/handback';

describe.each<Store>(['PostgreSQL', 'PGlite'])('moves that a vault on %s has lost', (store) => {
  let vault: TestVault;
  let prompt: PromptRef & { readonly version: SealedVersion };
  const startOwn = shareVault(store, (started) => void (vault = started));
  const start = async () => {
    await startOwn();
    prompt = await publishPrompt(vault, vault.acme);
  };
  beforeEach(async () => {
    must(200, await resume());
    prompt = await publishPrompt(vault, vault.acme);
  });

  const author = () => vault.clientOf(vault.acme.author);
  const resume = () =>
    vault.clientOf(vault.acme.owner).post('/api/v1/organisations/acme/resume', {
      directory: vault.acme.trust.directory.version,
    });
  const handBack = (body: object, member: Pick<TestMember, 'keyid' | 'signer'> = vault.acme.invoker) =>
    vault.clientOf(member).post(PATH, body);
  const back = async (saved: Backup): Promise<void> => {
    await restore(vault.database, saved);
    vault.clock.advance(1);
  };
  const positionOf = async ({ id }: PromptRef, label = 'latest') =>
    bodyOf<LabelPosition>(must(200, await author().get(`/api/v1/prompts/${id}/labels/${label}`)));
  const moved = (of: PromptRef, label: string, tags: readonly string[], newest: number) =>
    author().put(`/api/v1/prompts/${of.id}/labels/${label}`, { tags }, basedOn(newest));

  /** A move as chains have it, and its tags; `prev` is that of the last that was made here. */
  async function signed(
    of: PromptRef,
    wish: TagWish,
    signers: readonly TestMember[] = [vault.acme.author],
  ): Promise<{ move: LabelTuple; tags: string[] }> {
    const { ver, chash } = wish;
    const tags: string[] = [];
    for (const signer of signers) tags.push(await tagOf(vault.acme, signer, of, wish));
    const prev = JSON.parse(Buffer.from(tags[0]?.split('.')[1] ?? '', 'base64url').toString()) as { prev: string };
    return { move: { sub: urnOf('acme', 'prompt', of.id), ver, chash, prev: prev.prev }, tags };
  }
  /** Moves `latest` to a second version, deletes it and sets it again: three moves, which then are lost. */
  async function lose(): Promise<RouteBody<'label.handback'>> {
    const saved = await backUp(vault.database);
    const second = await pushVersion(vault, vault.acme, prompt, 2);
    const wishes = [
      { tag: 'latest', seq: 2, ver: 2, chash: second.chash },
      { tag: 'latest', seq: 3, ver: 0, chash: '' },
      { tag: 'latest', seq: 4, ver: 2, chash: second.chash },
    ];
    const made = [];
    for (const wish of wishes) {
      const one = await signed(prompt, wish);
      must(200, await moved(prompt, 'latest', one.tags, wish.seq - 1));
      made.push(one);
    }
    await back(saved);
    const moves = made.map(({ move }) => move);
    return { name: prompt.name, label: 'latest', moves, tags: made.at(-1)?.tags ?? [] };
  }

  it('are taken from any member, each as a position, with the tags of the last', async () => {
    const lost = await lose();
    expect(bodyOf(must(200, await handBack(lost)))).toEqual({ seq: 4, taken: 3 });
    expect(await positionOf(prompt)).toMatchObject({ seq: 4, version: 2, tags: lost.tags });
    const chain = must(200, await author().get(`/api/v1/prompts/${prompt.id}/labels/latest/chain?from=1`));
    expect(bodyOf<LabelChain>(chain).data).toEqual(lost.moves);
    // The vault ignores moves before those that it already has.
    const first = { sub: urnOf('acme', 'prompt', prompt.id), ver: 1, chash: prompt.version.chash, prev: '' };
    expect(bodyOf(must(200, await handBack({ ...lost, moves: [first, ...lost.moves] })))).toEqual({ seq: 4, taken: 0 });
    // The label goes on.
    must(200, await resume());
    const next = await signed(prompt, { tag: 'latest', seq: 5, ver: 1, chash: prompt.version.chash });
    must(200, await moved(prompt, 'latest', next.tags, 4));
  });

  it('have versions continue above those that are gone, which are not found [guard: handback-version]', async () => {
    const lost = await lose();
    must(200, await handBack(lost));
    // A person who went back to an older version did not free its number.
    const older = await signed(prompt, { tag: 'latest', seq: 5, ver: 1, chash: prompt.version.chash });
    must(200, await handBack({ ...lost, moves: [...lost.moves, older.move], tags: older.tags }));
    must(200, await resume());
    const path = `/api/v1/prompts/${prompt.id}`;
    expect(bodyOf<Prompt>(must(200, await author().get(path)))).toMatchObject({ latest_version: 2 });
    await expectRefusal(vault, () => author().get(`${path}/versions/2`), 404, 'not_found');
    const run = (which: object) =>
      vault.clientOf(vault.acme.invoker).post('/api/v1/envelopes', { prompt: prompt.id, ...which, ...to });
    const to = { aud: vault.acme.responders[0].urn, uses: 1 };
    await expectRefusal(vault, () => run({ version: 2 }), 404, 'not_found');
    const third = await pushVersion(vault, vault.acme, prompt, 3);
    const next = await signed(prompt, { tag: 'latest', seq: 6, ver: 3, chash: third.chash });
    must(200, await moved(prompt, 'latest', next.tags, 5));
    must(201, await run({ label: 'latest' }));
  });

  it('make prompts again that were lost too, by their ids and names', async () => {
    const saved = await backUp(vault.database);
    const { acme } = vault;
    const lost = await publishPrompt(vault, acme);
    const one = await signed(lost, { tag: 'latest', seq: 1, ver: 1, chash: lost.version.chash, prev: '' });
    await back(saved);
    must(200, await handBack({ name: lost.name, label: 'latest', moves: [one.move], tags: one.tags }));
    must(200, await resume());
    const found = bodyOf<Prompt>(must(200, await author().get(`/api/v1/prompts/by-name?name=${lost.name}`)));
    expect(found).toMatchObject({ id: lost.id, latest_version: 1, labels: [{ label: 'latest', seq: 1 }] });
    await pushVersion(vault, acme, lost, 2);
  });

  it('say that a name went from one prompt to the next, in whatever order they come back', async () => {
    const saved = await backUp(vault.database);
    const { acme } = vault;
    const ids = [prompt.id];
    const moves: { move: LabelTuple; tags: string[]; label: string; seq: number }[] = [];
    for (const seq of [2, 3]) {
      must(204, await author().delete(`/api/v1/prompts/${ids.at(-1)}`));
      const next = await createPrompt(vault, acme, prompt.name);
      const version = await pushVersion(vault, acme, next, 1);
      const one = await signed(next, { tag: 'latest', seq, ver: 1, chash: version.chash });
      must(200, await moved(next, 'latest', one.tags, seq - 1));
      ids.push(next.id);
      moves.push({ ...one, label: 'latest', seq });
    }
    await back(saved);
    const [second, third] = moves;
    // A label that was left at the prompt in between, before those that lead past it.
    const left = await signed(
      { id: ids[1] ?? '', name: prompt.name },
      { tag: 'left', seq: 1, ver: 1, chash: second?.move.chash ?? '' },
    );
    must(
      200,
      await handBack({ name: prompt.name, label: 'latest', moves: [second?.move, third?.move], tags: third?.tags }),
    );
    must(200, await handBack({ name: prompt.name, label: 'left', moves: [left.move], tags: left.tags }));
    const rows = await vault.database.db
      .selectFrom('prompt')
      .select(['id', 'deleted_at'])
      .where('name', '=', prompt.name)
      .orderBy('id')
      .execute();
    expect(rows.map(({ id, deleted_at: gone }) => [id, gone === null])).toEqual([
      [ids[0], false],
      [ids[1], false],
      [ids[2], true],
    ]);
    // One that was made before the one that bears the name was deleted before it.
    const early = { id: `prm_00${ids[0]?.slice(6)}`, name: prompt.name };
    const first = await signed(early, { tag: 'early', seq: 1, ver: 1, chash: second?.move.chash ?? '' });
    must(200, await handBack({ name: prompt.name, label: 'early', moves: [first.move], tags: first.tags }));
    expect(bodyOf<Prompt>(must(200, await author().get(`/api/v1/prompts/${early.id}`))).deleted_at).not.toBeNull();
  });

  it('may have tags that have expired', async () => {
    const lost = await lose();
    const [move] = lost.moves;
    const now = vault.clock.now();
    const wish = { tag: 'latest', seq: 2, ver: 2, chash: move?.chash ?? '', prev: move?.prev ?? '' };
    const old = await signed(prompt, { ...wish, iat: now - 2 * DAY_SECONDS, exp: now - DAY_SECONDS });
    expect(bodyOf(must(200, await handBack({ ...lost, moves: [old.move], tags: old.tags })))).toEqual({
      seq: 2,
      taken: 1,
    });
    must(200, await handBack(lost));
  });

  it('are taken once, of many that come together', async () => {
    const lost = await lose();
    const answers = await Promise.all([1, 2, 3, 4].map(() => handBack(lost)));
    expect(countStatuses(answers)).toEqual({ 200: 4 });
    const taken = answers.map((answer) => bodyOf<{ taken: number }>(answer).taken);
    expect(taken.toSorted((left, right) => left - right)).toEqual([0, 0, 0, 3]);
  });

  it('are taken only after a restore, and until an admin has said so', async () => {
    const lost = await lose();
    must(200, await resume());
    await expectRefusal(vault, () => handBack(lost), 403, 'forbidden');
  });

  it('are signed by as many as the policy asks for, whose keys are known [guard: handback-signed] [guard: handback-tags]', async () => {
    const { acme } = vault;
    const stranger = await acme.makeDevice('stranger', { roles: ['author'], groups: ['grp:release'] });
    await back(await backUp(vault.database));
    const { chash } = prompt.version;
    const of = { name: prompt.name, label: 'reviewed' };
    const wish = { tag: 'reviewed', seq: 1, ver: 1, chash, prev: '' };
    const { move, tags } = await signed(prompt, wish, [acme.author, stranger]);
    await expectRefusal(vault, () => handBack({ ...of, moves: [move], tags }), 403, 'forbidden');
    const good = await signed(prompt, wish, [acme.author, acme.owner]);
    must(200, await handBack({ ...of, moves: [move], tags: [...good.tags, tags[1]] }));
    expect((await positionOf(prompt, 'reviewed')).tags.toSorted()).toEqual(good.tags.toSorted());
  });

  it('come after where the label stands [guard: handback-descends]', async () => {
    const lost = await lose();
    const fork = await signed(prompt, {
      tag: 'latest',
      seq: 2,
      ver: 1,
      chash: prompt.version.chash,
      prev: lost.moves[2]?.prev ?? '',
    });
    await expectRefusal(vault, () => handBack({ ...lost, moves: [fork.move], tags: fork.tags }), 412, 'label_stale');
    await expectRefusal(vault, () => handBack({ ...lost, moves: lost.moves.slice(1) }), 412, 'label_stale');
    const another = { ...lost.moves[0], ver: 1 };
    await expectRefusal(
      vault,
      () => handBack({ ...lost, moves: [another, ...lost.moves.slice(1)] }),
      412,
      'label_stale',
    );
    const older = await signed(prompt, { tag: 'latest', seq: 1, ver: 1, chash: lost.moves[0]?.chash ?? '', prev: '' });
    await expectRefusal(vault, () => handBack({ ...lost, moves: [older.move], tags: older.tags }), 412, 'label_stale');
    must(200, await handBack(lost));
  });

  it('are of prompts of this organisation, under their name [guard: handback-prompt] [guard: handback-name] [guard: handback-foreign]', async () => {
    const lost = await lose();
    const abroad = { ...lost.moves[0], sub: urnOf('other', 'prompt', prompt.id) };
    await expectRefusal(
      vault,
      () => handBack({ ...lost, moves: [abroad, ...lost.moves.slice(1)] }),
      400,
      'envelope_tampered',
    );
    const another = { id: prompt.id, name: 'claims/another' };
    const wish = { tag: 'latest', seq: 1, ver: 1, chash: prompt.version.chash, prev: '' };
    const renamed = await signed(another, wish);
    const of = { name: another.name, label: 'latest' };
    await expectRefusal(
      vault,
      () => handBack({ ...of, moves: [renamed.move], tags: renamed.tags }),
      400,
      'envelope_tampered',
    );
    const id = mintId('prm');
    const theirs = { id, org: 'other', name: 'theirs', type: 'text' as const };
    await vault.database.db.insertInto('prompt').values(theirs).execute();
    const taken = await signed({ id, name: another.name }, wish);
    await expectRefusal(vault, () => handBack({ ...of, moves: [taken.move], tags: taken.tags }), 409, 'name_taken');
  });

  it('are none that waited too long for people, or was dropped [guard: handback-in-time]', async () => {
    // Its clock runs ahead by days.
    await start();
    const { acme } = vault;
    const chash = prompt.version.chash;
    const begin = async (tag: string) => {
      const one = await signed(prompt, { tag, seq: 1, ver: 1, chash, prev: '', iat: vault.clock.now() - 60 });
      return { ...one, id: bodyOf<PendingMove>(must(202, await moved(prompt, tag, one.tags, 0))).approval };
    };
    const [waits, dropped] = [await begin('reviewed'), await begin('audited')];
    must(204, await author().delete(`/api/v1/approvals/${dropped.id}`));
    await back(await backUp(vault.database));
    const second = async (tag: string, iat: number, signer: TestMember = acme.owner) =>
      (await signed(prompt, { tag, seq: 1, ver: 1, chash, prev: '', iat }, [signer])).tags;
    const of = (label: string, moves: LabelTuple[], tags: readonly string[]) => ({
      name: prompt.name,
      label,
      moves,
      tags,
    });
    const inTime = await second('audited', vault.clock.now());
    await expectRefusal(
      vault,
      () => handBack(of('audited', [dropped.move], [...dropped.tags, ...inTime])),
      403,
      'forbidden',
    );
    const anew = await second('audited', vault.clock.now(), acme.author);
    must(200, await handBack(of('audited', [dropped.move], [...anew, ...inTime])));
    const early = await second('reviewed', vault.clock.now());
    vault.clock.advance(6 * DAY_SECONDS);
    const late = await second('reviewed', vault.clock.now());
    await expectRefusal(
      vault,
      () => handBack(of('reviewed', [waits.move], [...waits.tags, ...late])),
      403,
      'forbidden',
    );
    must(200, await handBack(of('reviewed', [waits.move], [...waits.tags, ...early])));
  });
});
