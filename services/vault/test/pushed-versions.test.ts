import type { AcceptedVersion, LabelPosition, Prompt } from '@bulla/contract';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { PromptRef, SealedVersion } from './authoring.js';
import { basedOn, bodyOf, freshName, mintId, must, publishPrompt, sealVersion, tagOf } from './authoring.js';
import type { Store, TestVault } from './running-vault.js';
import { shareVault } from './shared-vault.js';

// A push is one request: prompt, version, grants and labels, or nothing of it.

describe.each<Store>(['PostgreSQL', 'PGlite'])('a push to a vault on %s', (store) => {
  let vault: TestVault;
  let prompt: PromptRef;
  let sealed: SealedVersion;
  let latest: string;
  shareVault(store, (started) => void (vault = started));
  beforeEach(async () => {
    prompt = { id: mintId('prm'), name: freshName() };
    sealed = await sealVersion(vault.acme, vault.acme.author, prompt, 1);
    latest = await tagFor('latest');
  });

  const author = () => vault.clientOf(vault.acme.author);
  const made = () => ({ name: prompt.name, type: 'text' });
  const push = (body: object, idempotencyKey = `push-${mintId('env')}`) =>
    author().post(
      `/api/v1/prompts/${prompt.id}/versions`,
      { content: sealed.content, grants: sealed.grants, ...body },
      { ...basedOn(0), idempotencyKey },
    );
  const tagFor = (tag: string, wish: object = {}) =>
    tagOf(vault.acme, vault.acme.author, prompt, { tag, ver: 1, chash: sealed.chash, seq: 1, ...wish });
  const countsOf = async () => {
    const { db } = vault.database;
    const rows = [
      await db.selectFrom('prompt').selectAll().where('id', '=', prompt.id).execute(),
      await db.selectFrom('prompt_version').selectAll().where('prompt_id', '=', prompt.id).execute(),
      await db.selectFrom('content_grant').selectAll().where('prompt_id', '=', prompt.id).execute(),
      await db.selectFrom('prompt_label').selectAll().where('prompt_id', '=', prompt.id).execute(),
    ];
    const [prompts, versions, grants, labels] = rows.map(({ length }) => length);
    return { prompts, versions, grants, labels };
  };

  it('stores prompt, version, grants and labels in one request, with an audit row for each act, once', async () => {
    const body = { prompt: made(), tags: [latest, await tagFor('staging')] };
    const pushed = must(201, await push(body, 'push-exactly-once'));
    const labels = [
      { label: 'latest', seq: 1, version: 1 },
      { label: 'staging', seq: 1, version: 1 },
    ];
    expect(bodyOf<AcceptedVersion>(pushed)).toEqual({ version: 1, chash: sealed.chash, labels });
    expect(await countsOf()).toEqual({ prompts: 1, versions: 1, grants: sealed.grants.length, labels: 2 });
    expect(bodyOf(must(201, await push(body, 'push-exactly-once')))).toEqual(bodyOf(pushed));
    const events = await vault.database.db.selectFrom('audit_event').select('event').execute();
    const acts = events
      .map(({ event }) => (typeof event === 'string' ? (JSON.parse(event) as unknown) : event))
      .filter((event) => JSON.stringify(event).includes(prompt.id))
      .map((event) => (event as { act: string }).act);
    expect(acts.toSorted()).toEqual(['label.move', 'label.move', 'prompt.create', 'version.create', 'version.create']);
    const shown = bodyOf<Prompt>(must(200, await author().get(`/api/v1/prompts/${prompt.id}`)));
    expect(shown.labels.map(({ label, version }) => [label, version])).toEqual([
      ['latest', 1],
      ['staging', 1],
    ]);
  });

  it.each([
    ['a tag of a version that is not there', () => tagFor('staging', { ver: 2 }), 400, 'envelope_tampered'],
    [
      'a tag of another content',
      async () => tagFor('staging', { chash: (await sealVersion(vault.acme, vault.acme.author, prompt, 1)).chash }),
      400,
      'envelope_tampered',
    ],
    ['a tag of a later position', () => tagFor('staging', { seq: 2 }), 412, 'label_stale'],
    ['a tag twice', () => Promise.resolve(latest), 412, 'label_stale'],
    [
      'a tag of another prompt',
      async () => {
        const other = { id: mintId('prm'), name: prompt.name };
        return tagOf(vault.acme, vault.acme.author, other, { tag: 'staging', ver: 1, chash: sealed.chash, seq: 1 });
      },
      400,
      'envelope_tampered',
    ],
    ['what is no tag', () => Promise.resolve('a.b.c'), 400, 'validation_failed'],
  ] as const)('leaves nothing where one tag cannot be taken: %s', async (_name, tag, status, code) => {
    const refused = await push({ prompt: made(), tags: [latest, await tag()] });
    expect({ status: refused.status, code: bodyOf(refused)['code'] }).toEqual({ status, code });
    expect(await countsOf()).toEqual({ prompts: 0, versions: 0, grants: 0, labels: 0 });
    must(201, await push({ prompt: made(), tags: [latest] }));
  });

  it('leaves nothing where a tag would move a label to an earlier version [guard: vault-version-tags]', async () => {
    must(201, await push({ prompt: made(), tags: [latest] }));
    const before = await countsOf();
    const { content, grants } = await sealVersion(vault.acme, vault.acme.author, prompt, 2);
    // By itself it is good: the author may set this label, on that version.
    const earlier = await tagFor('staging');
    const path = `/api/v1/prompts/${prompt.id}/versions`;
    const refused = await author().post(path, { content, grants, tags: [earlier] }, basedOn(1));
    expect(refused).toMatchObject({ status: 400, body: { code: 'envelope_tampered' } });
    expect(await countsOf()).toEqual(before);
    must(201, await author().post(path, { content, grants, tags: [] }, basedOn(1)));
  });

  it('leaves nothing where the name is taken, and where there is no such prompt', async () => {
    const other = await publishPrompt(vault, vault.acme);
    const taken = await push({ prompt: { ...made(), name: other.name }, tags: [] });
    expect({ status: taken.status, code: bodyOf(taken)['code'] }).toEqual({ status: 409, code: 'name_taken' });
    expect(await push({ tags: [latest] })).toMatchObject({ status: 404 });
    expect(await countsOf()).toEqual({ prompts: 0, versions: 0, grants: 0, labels: 0 });
  });

  it('shows where the label of an earlier prompt of its name stands once it is made alone', async () => {
    const earlier = await publishPrompt(vault, vault.acme, prompt.name);
    must(204, await author().delete(`/api/v1/prompts/${earlier.id}`));
    expect(await push({ prompt: made(), tags: [latest] })).toMatchObject({ status: 412 });
    must(201, await author().post('/api/v1/prompts', { id: prompt.id, ...made() }));
    const path = `/api/v1/prompts/${prompt.id}/labels/latest`;
    const { seq } = bodyOf<LabelPosition>(must(200, await author().get(path)));
    expect(seq).toBe(1);
    const next = await tagOf(vault.acme, vault.acme.author, prompt, {
      tag: 'latest',
      ver: 1,
      chash: sealed.chash,
      seq: 2,
    });
    expect(bodyOf(must(201, await push({ tags: [next] })))).toMatchObject({
      labels: [{ label: 'latest', seq: 2, version: 1 }],
    });
  });
});
