import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Approval, LabelPosition, PendingMove } from '@bulla/contract';
import type { TagClaims } from '@bulla/crypto';
import { sql } from 'kysely';
import type { PromptRef, SealedVersion } from './authoring.js';
import { basedOn, bodyOf, mintId, must, publishPrompt, pushVersion, tagOf } from './authoring.js';
import { countStatuses, expectRefusal, untilSettled } from './refusals.js';
import type { Store, TestMember, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

const PROTECTED = 'reviewed';
const DAY_SECONDS = 86_400;

describe.each<Store>(['PostgreSQL', 'PGlite'])('a label that two people must move, on %s', (store) => {
  let vault: TestVault;
  /** Of the author, who has the device `author` as well. */
  let laptop: TestMember;
  /** A third person of the label's group. */
  let third: TestMember;
  /** Who may do much, and neither writes nor signs. */
  let admin: TestMember;
  beforeAll(async () => {
    vault = await startVault(store);
    const { acme } = vault;
    const rights = { roles: ['author' as const], groups: ['grp:authors', 'grp:release'] };
    laptop = await acme.makeDevice('laptop', rights);
    third = await acme.makeDevice('third', rights);
    admin = await acme.makeDevice('admin', { roles: ['admin'], groups: [] });
    await publishDirectory((draft) => {
      draft.entities[admin.urn] = admin.entity;
      const user = acme.trust.userOf(acme.author.urn) ?? '';
      draft.entities[laptop.urn] = { ...laptop.entity, user } as typeof laptop.entity;
      draft.entities[third.urn] = third.entity;
    });
    await publishPolicy((draft) => {
      draft.labels['three'] = { groups: ['grp:release'], threshold: 3 };
    });
  });
  afterAll(() => vault.stop());

  type Versioned = PromptRef & { readonly version: SealedVersion };
  const sign = (member: TestMember, { version, ...prompt }: Versioned, wish: Partial<TagClaims> = {}) =>
    tagOf(vault.acme, member, prompt, { tag: PROTECTED, ver: 1, chash: version.chash, seq: 1, ...wish });
  const move = (member: TestMember, { id }: PromptRef, tags: string[], at = 0, label = PROTECTED) =>
    vault.clientOf(member).put(`/api/v1/prompts/${id}/labels/${label}`, { tags }, basedOn(at));
  const give = (member: TestMember, approval: string, tag: string) =>
    vault.clientOf(member).post(`/api/v1/approvals/${approval}/tags`, { tag });
  const read = async (approval: string) =>
    bodyOf<Approval>(must(200, await vault.clientOf(vault.acme.auditor).get(`/api/v1/approvals/${approval}`)));
  const positionOf = ({ id }: PromptRef, label = PROTECTED) =>
    vault.clientOf(vault.acme.author).get(`/api/v1/prompts/${id}/labels/${label}`);
  /** A prompt whose label one person wants to move. */
  async function begin(): Promise<{ prompt: Versioned; approval: string; tag: string }> {
    const prompt = await publishPrompt(vault, vault.acme);
    const tag = await sign(vault.acme.author, prompt);
    const { approval } = bodyOf<PendingMove>(must(202, await move(vault.acme.author, prompt, [tag])));
    return { prompt, approval, tag };
  }

  it('waits for the second, whose tag moves it', async () => {
    const { acme } = vault;
    const { prompt, approval, tag } = await begin();
    must(404, await positionOf(prompt));
    expect(await read(approval)).toMatchObject({
      prompt: prompt.id,
      name: prompt.name,
      label: PROTECTED,
      seq: 1,
      version: 1,
      chash: prompt.version.chash,
      tags: [tag],
      signers: [acme.author.urn],
      needed: 2,
      state: 'open',
    });
    const second = await sign(acme.owner, prompt);
    const moved = must(200, await give(acme.owner, approval, second));
    expect([moved.body, moved.headers['etag']]).toEqual([{ label: PROTECTED, seq: 1, version: 1 }, '"1"']);
    const { tags } = bodyOf<LabelPosition>(must(200, await positionOf(prompt)));
    expect(tags.toSorted()).toEqual([tag, second].toSorted());
    expect((await read(approval)).state).toBe('done');
    const aud = acme.responders[0].urn;
    const wanted = { prompt: prompt.id, label: PROTECTED, aud };
    const bundle = must(201, await vault.clientOf(acme.invoker).post('/api/v1/envelopes', wanted));
    expect(bodyOf<{ tags: string[] }>(bundle).tags).toEqual(tags);
    const rows = await sql<{ event: { act: string; obj: object; who: { kid: string } } }>`
      select event from vault.audit_event where event::text like ${`%${approval}%`} order by at`.execute(
      vault.database.db,
    );
    const said = rows.rows.map(({ event }) => [event.act, event.who.kid, event.obj]);
    const facts = { approval, prompt: prompt.id, label: PROTECTED, seq: 1, version: 1 };
    expect(said).toEqual([
      ['label.move', acme.author.signer.kid, { ...facts, given: 1 }],
      ['approval.give', acme.owner.signer.kid, { ...facts, given: 2, moved: true }],
    ]);
  });

  it('waits for the next position and no later one [guard: vault-label-newest]', async () => {
    const prompt = await publishPrompt(vault, vault.acme);
    const later = await sign(vault.acme.author, prompt, { seq: 2, prev: prompt.version.chash });
    await expectRefusal(vault, () => move(vault.acme.author, prompt, [later], 1), 412, 'label_stale');
  });

  it('counts one person once, whatever the device and the way [refuses: threshold-people]', async () => {
    const { acme } = vault;
    const { prompt, approval } = await begin();
    const again = await sign(laptop, prompt);
    const pending = { approval, label: PROTECTED, seq: 1, version: 1, given: 1, needed: 2 };
    expect(must(202, await give(laptop, approval, again)).body).toEqual(pending);
    expect(must(202, await move(laptop, prompt, [again])).body).toEqual(pending);
    expect(must(202, await move(laptop, prompt, [await sign(acme.author, prompt), again])).body).toEqual(pending);
    expect((await read(approval)).signers).toEqual([laptop.urn]);
    must(404, await positionOf(prompt));
    must(200, await give(acme.owner, approval, await sign(acme.owner, prompt)));
  });

  it('takes an equal move by another person for their approval', async () => {
    const { acme } = vault;
    const { prompt, approval } = await begin();
    must(200, await move(acme.owner, prompt, [await sign(acme.owner, prompt)]));
    expect((await read(approval)).state).toBe('done');
  });

  it('moves at once by the tags of enough people, and what waited for the same is done', async () => {
    const { acme } = vault;
    const { prompt, approval, tag } = await begin();
    must(200, await move(acme.author, prompt, [tag, await sign(acme.owner, prompt)]));
    expect((await read(approval)).state).toBe('done');
  });

  it('waits for as many as the policy asks for', async () => {
    const { acme } = vault;
    const prompt = await publishPrompt(vault, acme);
    const wish = { tag: 'three' };
    const at = (member: TestMember) => sign(member, prompt, wish);
    const first = must(202, await move(acme.author, prompt, [await at(acme.author)], 0, 'three'));
    const { approval, needed } = bodyOf<PendingMove>(first);
    expect(needed).toBe(3);
    expect(must(202, await give(acme.owner, approval, await at(acme.owner))).body).toMatchObject({ given: 2 });
    must(200, await give(third, approval, await at(third)));
  });

  it('is deleted by two people as well', async () => {
    const { acme } = vault;
    const { prompt, approval } = await begin();
    must(200, await give(acme.owner, approval, await sign(acme.owner, prompt)));
    const gone = { ver: 0, chash: '', seq: 2 } as const;
    const waiting = must(202, await move(acme.author, prompt, [await sign(acme.author, prompt, gone)], 1));
    const { approval: second } = bodyOf<PendingMove>(waiting);
    expect(await read(second)).toMatchObject({ version: 0, chash: '' });
    must(200, await give(acme.owner, second, await sign(acme.owner, prompt, gone)));
    expect(bodyOf(must(200, await positionOf(prompt)))).toMatchObject({ version: 0, seq: 2 });
  });

  it.each<[string, number, string, (prompt: Versioned) => Promise<string>]>([
    [
      'of another position [guard: vault-approval-same]',
      400,
      'envelope_tampered',
      (prompt) => sign(vault.acme.owner, prompt, { seq: 2 }),
    ],
    [
      'of another content',
      400,
      'envelope_tampered',
      (prompt) => sign(vault.acme.owner, prompt, { chash: 'A'.repeat(43) }),
    ],
    ['of another version', 400, 'envelope_tampered', (prompt) => sign(vault.acme.owner, prompt, { ver: 2 })],
    ['of another label', 400, 'envelope_tampered', (prompt) => sign(vault.acme.owner, prompt, { tag: 'latest' })],
    ['of another name', 400, 'envelope_tampered', (prompt) => sign(vault.acme.owner, prompt, { name: 'other/name' })],
    [
      'of another prompt',
      400,
      'envelope_tampered',
      (prompt) => sign(vault.acme.owner, { ...prompt, id: mintId('prm') }),
    ],
    ['that deletes', 400, 'envelope_tampered', (prompt) => sign(vault.acme.owner, prompt, { ver: 0, chash: '' })],
    ['that has expired', 403, 'trust_expired', (prompt) => sign(vault.acme.owner, prompt, { iat: 1, exp: 2 })],
    ['by somebody outside its groups', 403, 'forbidden', (prompt) => sign(vault.acme.invoker, prompt)],
    ['by somebody of another organisation', 401, 'key_unknown', (prompt) => sign(vault.other.owner, prompt)],
  ])('takes no tag %s', async (_name, status, code, make) => {
    const { prompt, approval } = await begin();
    const tag = await make(prompt);
    await expectRefusal(vault, () => give(vault.acme.owner, approval, tag), status, code as never);
    must(404, await positionOf(prompt));
  });

  it('of one organisation is nothing to another', async () => {
    const { acme, other } = vault;
    const { prompt, approval } = await begin();
    const stranger = vault.clientOf(other.owner);
    const path = `/api/v1/approvals/${approval}`;
    await expectRefusal(vault, () => stranger.get(path), 404, 'not_found');
    await expectRefusal(vault, () => stranger.delete(path), 404, 'not_found');
    const tag = await sign(acme.owner, prompt);
    await expectRefusal(vault, () => stranger.post(`${path}/tags`, { tag }), 404, 'not_found');
    expect(bodyOf(must(200, await stranger.get('/api/v1/approvals')))).toEqual({ data: [], next_cursor: null });
    must(200, await give(acme.owner, approval, tag));
  });

  it('that moved meanwhile drops what waited, and the tag comes too late', async () => {
    const { acme } = vault;
    const { prompt, approval } = await begin();
    const version = await pushVersion(vault, acme, prompt, 2);
    const other = { ...prompt, version };
    const wish = { ver: 2 };
    const waiting = must(202, await move(acme.owner, prompt, [await sign(acme.owner, other, wish)]));
    const { approval: second } = bodyOf<PendingMove>(waiting);
    expect(second).not.toBe(approval);
    must(200, await give(third, second, await sign(third, other, wish)));
    expect((await read(approval)).state).toBe('dropped');
    const late = await sign(acme.owner, prompt);
    await expectRefusal(vault, () => give(acme.owner, approval, late), 412, 'label_stale');
    await expectRefusal(vault, () => give(third, second, late), 400, 'envelope_tampered');
    const done = await sign(acme.author, other, wish);
    await expectRefusal(vault, () => give(acme.author, second, done), 412, 'label_stale');
  });

  const WAITS = 6 * 86_400;

  it('waits for six days from its first tag on, and begins anew when it is signed again [guard: approval-expired] [guard: vault-approval-restart]', async () => {
    const { acme } = vault;
    const prompt = await publishPrompt(vault, acme);
    const early = await sign(acme.author, prompt, { iat: vault.clock.now() - WAITS + 60 });
    const waiting = must(202, await move(acme.author, prompt, [early]));
    const { approval } = bodyOf<PendingMove>(waiting);
    vault.clock.advance(120);
    expect((await read(approval)).state).toBe('expired');
    const second = await sign(acme.owner, prompt, { iat: vault.clock.now() });
    await expectRefusal(vault, () => give(acme.owner, approval, second), 403, 'trust_expired');
    const again = await move(acme.owner, prompt, [second]);
    const anew = bodyOf<PendingMove>(again);
    expect([again.status, anew]).toEqual([202, expect.objectContaining({ given: 1, needed: 2 })]);
    expect((await read(approval)).state).toBe('dropped');
    expect((await read(anew.approval)).tags).toEqual([second]);
    must(200, await give(acme.author, anew.approval, await sign(acme.author, prompt, { iat: vault.clock.now() })));
  });

  it('does not begin with a tag that is as old as that [guard: vault-approval-late]', async () => {
    const { acme } = vault;
    const prompt = await publishPrompt(vault, acme);
    const late = await sign(acme.author, prompt, { iat: vault.clock.now() - WAITS });
    await expectRefusal(vault, () => move(acme.author, prompt, [late]), 403, 'trust_expired');
    must(404, await positionOf(prompt));
  });

  it('does not move by a tag that has expired since', async () => {
    const { acme } = vault;
    const prompt = await publishPrompt(vault, acme);
    const short = await sign(acme.author, prompt, { exp: vault.clock.now() + 60 });
    const { approval } = bodyOf<PendingMove>(must(202, await move(acme.author, prompt, [short])));
    vault.clock.advance(120);
    const second = await sign(acme.owner, prompt);
    expect(must(202, await give(acme.owner, approval, second)).body).toMatchObject({ given: 1, needed: 2 });
    must(200, await give(acme.author, approval, await sign(acme.author, prompt)));
  });

  it('does not move by the tag of somebody who has left its group since [guard: vault-approval-good]', async () => {
    const { acme } = vault;
    const prompt = await publishPrompt(vault, acme);
    const waiting = must(202, await move(third, prompt, [await sign(third, prompt)]));
    const { approval } = bodyOf<PendingMove>(waiting);
    await setGroups(third, ['grp:authors']);
    const second = await sign(acme.owner, prompt);
    const given = await give(acme.owner, approval, second);
    expect([given.status, given.body]).toEqual([202, expect.objectContaining({ given: 1, needed: 2 })]);
    await setGroups(third, ['grp:authors', 'grp:release']);
    must(200, await give(acme.owner, approval, second));
  });

  it('is given up by whoever may sign it, and by nobody else [guard: vault-approval-drop] [guard: approval-open]', async () => {
    const { acme } = vault;
    const { prompt, approval } = await begin();
    const path = `/api/v1/approvals/${approval}`;
    await expectRefusal(vault, () => vault.clientOf(acme.invoker).delete(path), 403, 'forbidden');
    await expectRefusal(vault, () => vault.clientOf(admin).delete(path), 403, 'forbidden');
    must(204, await vault.clientOf(acme.owner).delete(path));
    must(204, await vault.clientOf(acme.owner).delete(path));
    expect((await read(approval)).state).toBe('dropped');
    const late = await sign(acme.owner, prompt);
    await expectRefusal(vault, () => give(acme.owner, approval, late), 412, 'label_stale');
    const again = must(202, await move(acme.author, prompt, [await sign(acme.author, prompt)]));
    expect(bodyOf<PendingMove>(again)).toMatchObject({ given: 1 });
    expect(bodyOf<PendingMove>(again).approval).not.toBe(approval);
  });

  it('is not given up once it has moved', async () => {
    const { acme } = vault;
    const { prompt, approval } = await begin();
    must(200, await give(acme.owner, approval, await sign(acme.owner, prompt)));
    const path = `/api/v1/approvals/${approval}`;
    await expectRefusal(vault, () => vault.clientOf(acme.owner).delete(path), 412, 'label_stale');
  });

  it('waits no longer when its prompt is deleted', async () => {
    const { acme } = vault;
    const { prompt, approval } = await begin();
    must(204, await vault.clientOf(acme.author).delete(`/api/v1/prompts/${prompt.id}`));
    expect((await read(approval)).state).toBe('dropped');
    const late = await sign(acme.owner, prompt);
    await expectRefusal(vault, () => give(acme.owner, approval, late), 404, 'not_found');
  });

  it('is listed by state, newest first, page by page', async () => {
    const moved = await begin();
    must(200, await give(vault.acme.owner, moved.approval, await sign(vault.acme.owner, moved.prompt)));
    const begun: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      vault.clock.advance(1);
      begun.push((await begin()).approval);
    }
    const client = vault.clientOf(vault.acme.auditor);
    const seen: string[] = [];
    let path: string | undefined = '/api/v1/approvals?state=open&limit=2';
    while (path !== undefined) {
      const response: Awaited<ReturnType<typeof client.get>> = must(200, await client.get(path));
      seen.push(...bodyOf<{ data: Approval[] }>(response).data.map(({ id }) => id));
      path = /^<(.*)>; rel="next"$/.exec(response.headers['link'] ?? '')?.[1];
    }
    expect(seen.slice(0, 3)).toEqual(begun.toReversed());
    expect(seen).toEqual(seen.toSorted().toReversed());
    const done = bodyOf<{ data: Approval[] }>(must(200, await client.get('/api/v1/approvals?state=done')));
    expect(done.data.map(({ state }) => state)).toEqual(done.data.map(() => 'done'));
    expect(done.data.map(({ id }) => id)).toContain(moved.approval);
    expect(done.data.filter(({ id }) => begun.includes(id))).toEqual([]);
  });

  it('shows where it stood, newest first', async () => {
    const { acme } = vault;
    const { prompt, approval, tag } = await begin();
    const second = await sign(acme.owner, prompt);
    must(200, await give(acme.owner, approval, second));
    const gone = { ver: 0, chash: '', seq: 2 } as const;
    const both = [await sign(acme.author, prompt, gone), await sign(acme.owner, prompt, gone)];
    must(200, await move(acme.author, prompt, both, 1));
    const path = `/api/v1/prompts/${prompt.id}/labels/${PROTECTED}/positions`;
    const history = bodyOf<{ data: LabelPosition[] }>(must(200, await vault.clientOf(acme.author).get(path)));
    const inOrder = history.data.map((one) => ({ ...one, tags: one.tags.toSorted() }));
    expect(inOrder).toEqual([
      { label: PROTECTED, seq: 2, version: 0, tags: both.toSorted(), fresh: [] },
      { label: PROTECTED, seq: 1, version: 1, tags: [tag, second].toSorted(), fresh: [] },
    ]);
    const page = bodyOf<{ data: LabelPosition[]; next_cursor: string }>(
      must(200, await vault.clientOf(acme.author).get(`${path}?limit=1`)),
    );
    const rest = await vault.clientOf(acme.author).get(`${path}?limit=1&cursor=${page.next_cursor}`);
    expect([...page.data, ...bodyOf<{ data: LabelPosition[] }>(must(200, rest)).data]).toEqual(history.data);
    await expectRefusal(vault, () => vault.clientOf(vault.other.author).get(path), 404, 'not_found');
  });

  it('moves once when many come at the same moment with the last tag, and with others', async () => {
    const { acme } = vault;
    const { prompt, approval } = await begin();
    const tags = [await sign(acme.owner, prompt), await sign(third, prompt)];
    const requests = Array.from({ length: 12 }, (_, index) => () => {
      const tag = tags[index % 2] ?? '';
      return index % 3 === 0 ? move(acme.owner, prompt, [tag]) : give(acme.owner, approval, tag);
    });
    const responses = await Promise.all(requests.map((send) => untilSettled(send)));
    expect(countStatuses(responses)).toEqual({ 200: 1, 412: 11 });
    const { rows } = await sql<{ rows: number }>`
      select count(*)::int as rows from vault.prompt_label where name = ${prompt.name} and label = ${PROTECTED}`.execute(
      vault.database.db,
    );
    expect(rows).toEqual([{ rows: 1 }]);
  });

  it('waits in one approval for all who ask for the same at the same moment [guard: vault-label-enough]', async () => {
    const { acme } = vault;
    const prompt = await publishPrompt(vault, acme);
    const tag = await sign(acme.author, prompt, { exp: acme.now + DAY_SECONDS });
    const send = () => untilSettled(() => move(acme.author, prompt, [tag]));
    const responses = await Promise.all(Array.from({ length: 8 }, send));
    expect(countStatuses(responses)).toEqual({ 202: 8 });
    expect(new Set(responses.map((response) => bodyOf<PendingMove>(response).approval)).size).toBe(1);
  });

  async function setGroups(member: TestMember, groups: string[]): Promise<void> {
    await publishDirectory((draft) => {
      const entity = draft.entities[member.urn];
      if (entity?.kind === 'device') entity.groups = groups;
    });
  }

  async function publishPolicy(change: Parameters<TestVault['acme']['publishPolicy']>[0]): Promise<void> {
    const { acme } = vault;
    const [policyFrom, directoryFrom] = [acme.trust.policy.version, acme.trust.directory.version];
    await acme.publishPolicy(change);
    const { policy, directory } = acme.documents;
    const owner = vault.clientOf(acme.owner);
    must(200, await owner.put('/api/v1/organisations/acme/policy', { policy }, basedOn(policyFrom)));
    must(200, await owner.put('/api/v1/organisations/acme/directory', { directory }, basedOn(directoryFrom)));
  }

  async function publishDirectory(change: Parameters<TestVault['acme']['publish']>[0]): Promise<void> {
    const from = vault.acme.trust.directory.version;
    await vault.acme.publish(change);
    const { directory } = vault.acme.documents;
    const owner = vault.clientOf(vault.acme.owner);
    must(200, await owner.put('/api/v1/organisations/acme/directory', { directory }, basedOn(from)));
  }
});
