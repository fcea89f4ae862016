import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import {
  basedOn,
  bodyOf,
  createPrompt,
  mintId,
  moveLabel,
  must,
  publishPrompt,
  pushVersion,
  sealVersion,
  tagOf,
} from './authoring.js';
import type { Prompt } from './authoring.js';
import { countStatuses, expectRefusal, untilSettled } from './refusals.js';
import type { TestMember, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

let vault: TestVault;
beforeAll(async () => {
  vault = await startVault();
});
afterAll(() => vault.stop());

interface Page<Item = Prompt> {
  data: Item[];
  next_cursor: string | null;
}

describe('prompts', () => {
  it.each([
    [
      'a name that another prompt bears',
      async () => ({ id: mintId('prm'), name: (await createPrompt(vault, vault.acme)).name }),
    ],
    [
      'an id that another prompt has',
      async () => ({ id: (await createPrompt(vault, vault.acme)).id, name: 'taken/id' }),
    ],
    [
      'an id of another organisation',
      async () => ({ id: (await createPrompt(vault, vault.other)).id, name: 'taken/foreign' }),
    ],
  ])('are not made with %s', async (_name, make) => {
    const body = { ...(await make()), type: 'text' };
    const author = vault.clientOf(vault.acme.author);
    await expectRefusal(vault, () => author.post('/api/v1/prompts', body), 409, 'name_taken');
  });

  it('may bear the name of a prompt of another organisation', async () => {
    const { name } = await createPrompt(vault, vault.other);
    expect((await createPrompt(vault, vault.acme, name)).name).toBe(name);
  });

  it('are made once, of many who come with one name at the same moment', async () => {
    const author = vault.clientOf(vault.acme.author);
    const responses = await Promise.all(
      Array.from({ length: 20 }, () =>
        untilSettled(() => author.post('/api/v1/prompts', { id: mintId('prm'), name: 'races/name', type: 'text' })),
      ),
    );
    expect(countStatuses(responses)).toEqual({ 201: 1, 409: 19 });
  });

  it('are found by name in their own organisation alone [guard: org-name]', async () => {
    const { acme, other } = vault;
    const { name } = await createPrompt(vault, other);
    const byName = `/api/v1/prompts/by-name?name=${encodeURIComponent(name)}`;
    must(200, await vault.clientOf(other.author).get(byName));
    await expectRefusal(vault, () => vault.clientOf(acme.author).get(byName), 404, 'not_found');
  });

  it('are deleted once and for all, free their name, and can be made again [guard: vault-label-earlier]', async () => {
    const { acme } = vault;
    const author = vault.clientOf(acme.author);
    const prompt = await publishPrompt(vault, acme);
    const path = `/api/v1/prompts/${prompt.id}`;
    must(204, await author.delete(path));
    const shown = bodyOf<Prompt>(must(200, await author.get(path)));
    expect(shown.deleted_at).toEqual(expect.any(String));
    must(204, await author.delete(path));
    expect(bodyOf<Prompt>(must(200, await author.get(path))).deleted_at).toBe(shown.deleted_at);

    const byName = `/api/v1/prompts/by-name?name=${encodeURIComponent(prompt.name)}`;
    await expectRefusal(vault, () => author.get(byName), 404, 'not_found');
    const { content, grants, chash } = await sealVersion(acme, acme.author, prompt, 2);
    await expectRefusal(
      vault,
      () => author.post(`${path}/versions`, { content, grants }, basedOn(1)),
      404,
      'not_found',
    );
    const tag = await tagOf(acme, acme.author, prompt, { tag: 'latest', ver: 1, chash, seq: 2 });
    await expectRefusal(
      vault,
      () => author.put(`${path}/labels/latest`, { tags: [tag] }, basedOn(1)),
      404,
      'not_found',
    );
    const [responder] = acme.responders;
    const wanted = { prompt: prompt.id, label: 'production', aud: responder.urn };
    await expectRefusal(vault, () => vault.clientOf(acme.invoker).post('/api/v1/envelopes', wanted), 404, 'not_found');
    await expectRefusal(
      vault,
      () => author.post(`${path}/grants`, { grants: prompt.version.grants }),
      404,
      'not_found',
    );
    must(200, await author.get(`${path}/versions/1`));

    const again = await createPrompt(vault, acme, prompt.name);
    expect(bodyOf<Prompt>(must(200, await author.get(byName)))).toMatchObject({
      id: again.id,
      labels: [],
      latest_version: 0,
    });
    const labels = `/api/v1/prompts/${again.id}/labels`;
    expect(bodyOf(must(200, await author.get(labels)))).toEqual({ data: [] });
    const named = { name: prompt.name, label: 'production', aud: responder.urn };
    await expectRefusal(
      vault,
      () => vault.clientOf(acme.invoker).post('/api/v1/envelopes', named),
      404,
      'label_not_found',
    );
    // The label goes on counting under the name; its position says where.
    expect(bodyOf(must(200, await author.get(`${labels}/production`)))).toMatchObject({ seq: 1 });
    const first = await pushVersion(vault, acme, again, 1);
    await moveLabel(vault, acme, again, { tag: 'production', ver: 1, chash: first.chash, seq: 2 });
    must(201, await vault.clientOf(acme.invoker).post('/api/v1/envelopes', named));
  });

  it('are deleted by an author of the name or an admin, by nobody else', async () => {
    const { acme } = vault;
    const prompt = await createPrompt(vault, acme);
    const path = `/api/v1/prompts/${prompt.id}`;
    await expectRefusal(vault, () => vault.clientOf(acme.invoker).delete(path), 403, 'forbidden');
    await expectRefusal(vault, () => vault.clientOf(vault.other.owner).delete(path), 404, 'not_found');
    must(204, await vault.clientOf(acme.owner).delete(path));
  });

  it('are listed page by page in the order of bytes, each once', async () => {
    const { other } = vault;
    const author = vault.clientOf(other.author);
    const names = ['paging/b', 'paging/a', 'paging/a.z', 'paging/a-z', 'paging/a_z', 'paging/a/z', 'pagingz', 'paging'];
    for (const name of names) await createPrompt(vault, other, name);
    const seen: string[] = [];
    let path: string | undefined = '/api/v1/prompts?prefix=paging/&limit=2';
    while (path !== undefined) {
      const response: Awaited<ReturnType<typeof author.get>> = must(200, await author.get(path));
      const page = bodyOf<Page>(response);
      seen.push(...page.data.map(({ name }) => name));
      path = /^<(.*)>; rel="next"$/.exec(response.headers['link'] ?? '')?.[1];
      expect(path === undefined).toBe(page.next_cursor === null);
    }
    expect(seen).toEqual(['paging/a', 'paging/a-z', 'paging/a.z', 'paging/a/z', 'paging/a_z', 'paging/b']);
  });

  it('are listed by label, and deleted ones apart, of one organisation [guard: org-list-label]', async () => {
    const { acme, other } = vault;
    await publishPrompt(vault, acme, 'filter/of-another');
    const author = vault.clientOf(other.author);
    const list = async (query: string) =>
      bodyOf<Page>(must(200, await author.get(`/api/v1/prompts?prefix=filter/&${query}`))).data.map(({ name }) => name);
    const labelled = await publishPrompt(vault, other, 'filter/labelled');
    const moved = await publishPrompt(vault, other, 'filter/unlabelled');
    await moveLabel(vault, other, moved, { tag: 'production', ver: 0, chash: '', seq: 2 });
    const gone = await createPrompt(vault, other, 'filter/gone');
    must(204, await author.delete(`/api/v1/prompts/${gone.id}`));
    expect(await list('label=production')).toEqual([labelled.name]);
    expect(await list('label=latest')).toEqual([labelled.name, moved.name]);
    expect(await list('label=latest&limit=1')).toEqual([labelled.name]);
    const cursor = Buffer.from(JSON.stringify([labelled.name, labelled.id])).toString('base64url');
    expect(await list(`label=latest&cursor=${cursor}`)).toEqual([moved.name]);
    expect(await list('status=deleted')).toEqual([gone.name]);
    expect(await list('label=latest&status=deleted')).toEqual([]);
    expect(await list('status=active')).toEqual([labelled.name, moved.name]);
  });

  it('are made by those alone who may write the name [guard: vault-author]', async () => {
    const { acme } = vault;
    await publishPolicy((draft) => {
      draft.authors = { ...draft.authors, 'strict/': ['grp:nobody'] };
    });
    const make = () =>
      vault.clientOf(acme.author).post('/api/v1/prompts', { id: mintId('prm'), name: 'strict/triage', type: 'text' });
    await expectRefusal(vault, make, 403, 'forbidden');
  });
});

describe('versions', () => {
  const push = (member: TestMember, id: string, body: object, at: number) =>
    vault.clientOf(member).post(`/api/v1/prompts/${id}/versions`, body, basedOn(at));

  it('are numbered without a gap [guard: vault-version-number] [guard: vault-version-claim]', async () => {
    const { acme } = vault;
    const prompt = await createPrompt(vault, acme);
    const second = await sealVersion(acme, acme.author, prompt, 2);
    const { content, grants } = second;
    const send = (at: number) => () => push(acme.author, prompt.id, { content, grants }, at);
    await expectRefusal(vault, send(1), 412, 'version_conflict');
    await expectRefusal(vault, send(0), 412, 'version_conflict');
    await pushVersion(vault, acme, prompt, 1);
    expect(must(201, await send(1)()).body).toEqual({ version: 2, chash: second.chash, labels: [] });
    await expectRefusal(vault, send(1), 412, 'version_conflict');
  });

  it('are stored once, of fifty that come at the same moment', async () => {
    const { acme } = vault;
    const prompt = await createPrompt(vault, acme);
    await pushVersion(vault, acme, prompt, 1);
    const sealed = await Promise.all(Array.from({ length: 50 }, () => sealVersion(acme, acme.author, prompt, 2)));
    const responses = await Promise.all(
      sealed.map(({ content, grants }) => untilSettled(() => push(acme.author, prompt.id, { content, grants }, 1))),
    );
    expect(countStatuses(responses)).toEqual({ 201: 1, 412: 49 });
    const winner = sealed[responses.findIndex(({ status }) => status === 201)];
    const stored = must(200, await vault.clientOf(acme.author).get(`/api/v1/prompts/${prompt.id}/versions/2`));
    expect(stored.body).toMatchObject({ content: winner?.content, grant: winner?.grants[0] });
  });

  it('of one request that comes many times at the same moment are one, and all get its answer', async () => {
    const { acme } = vault;
    const prompt = await createPrompt(vault, acme);
    const { content, grants, chash } = await sealVersion(acme, acme.author, prompt, 1);
    const options = { ...basedOn(0), idempotencyKey: `same-request-${prompt.id}` };
    const author = vault.clientOf(acme.author);
    const send = () => author.post(`/api/v1/prompts/${prompt.id}/versions`, { content, grants }, options);
    const responses = await Promise.all(Array.from({ length: 10 }, () => untilSettled(send)));
    expect(countStatuses(responses)).toEqual({ 201: 10 });
    expect(new Set(responses.map(({ text }) => text))).toEqual(
      new Set([JSON.stringify({ version: 1, chash, labels: [] })]),
    );
    expect(responses.filter(({ headers }) => headers['idempotent-replayed'] === '?1')).toHaveLength(9);
  });

  it.each([
    [
      'the content of another prompt',
      'envelope_tampered',
      async ({ acme }: TestVault, id: string) => {
        const foreign = { id: mintId('prm'), name: 'x' };
        return [id, await sealVersion(acme, acme.author, foreign, 1)] as const;
      },
    ],
    [
      'the content of another organisation',
      'envelope_tampered',
      async ({ other }: TestVault, id: string) => {
        return [id, await sealVersion(other, other.author, { id, name: 'x' }, 1)] as const;
      },
    ],
    [
      'grants of another content [guard: vault-grant-place]',
      'envelope_tampered',
      async ({ acme }: TestVault, id: string) => {
        const [one, two] = [
          await sealVersion(acme, acme.author, { id, name: 'x' }, 1),
          await sealVersion(acme, acme.author, { id, name: 'x' }, 1),
        ];
        return [id, { content: one.content, grants: two.grants }] as const;
      },
    ],
    [
      'no grant for its author [guard: vault-version-own-grant]',
      'validation_failed',
      async ({ acme }: TestVault, id: string) => {
        const { content, grants } = await sealVersion(acme, acme.author, { id, name: 'x' }, 1);
        return [id, { content, grants: grants.slice(1) }] as const;
      },
    ],
    [
      'two grants for one key [guard: vault-grant-twice]',
      'validation_failed',
      async ({ acme }: TestVault, id: string) => {
        const { content, grants } = await sealVersion(acme, acme.author, { id, name: 'x' }, 1, [acme.author]);
        return [id, { content, grants }] as const;
      },
    ],
  ] as const)('are not stored with %s', async (_name, code, make) => {
    const { acme } = vault;
    const prompt = await createPrompt(vault, acme);
    const [id, { content, grants }] = await make(vault, prompt.id);
    await expectRefusal(vault, () => push(acme.author, id, { content, grants }, 0), 400, code);
  });

  it('are not stored with a grant for a key that is not listed, not for sealing, revoked, or held by another [guard: vault-grant-recipient] [guard: vault-grant-holder]', async () => {
    const { acme } = vault;
    const prompt = await createPrompt(vault, acme);
    const { content, grants, grantTo } = await sealVersion(acme, acme.author, prompt, 1);
    const withGrant = (grant: string) => () => push(acme.author, prompt.id, { content, grants: [...grants, grant] }, 0);
    const stranger = await acme.makeDevice('stranger', { roles: ['invoker'], groups: [] });
    const [, enc] = stranger.entity.keys;
    if (enc === undefined) throw new Error('a device has an encryption key');
    await expectRefusal(vault, withGrant(await grantTo({ urn: stranger.urn, record: enc })), 401, 'key_unknown');
    const [, invokersKey] = acme.invoker.entity.keys;
    if (invokersKey === undefined) throw new Error('a device has an encryption key');
    const misnamed = await grantTo({ urn: acme.auditor.urn, record: invokersKey });
    await expectRefusal(vault, withGrant(misnamed), 400, 'envelope_tampered');
    const recovery = acme.trust.recoveryRecipient();
    if (recovery === undefined) throw new Error('the organisation has a recovery key');
    const misnamedRecovery = await grantTo({ ...recovery, urn: acme.auditor.urn });
    await expectRefusal(vault, withGrant(misnamedRecovery), 401, 'key_unknown');
    await publishDirectory((draft) => {
      draft.entities[stranger.urn] = stranger.entity;
      draft.revoked.push({ kid: enc.kid, reason: 'keyCompromise', at: acme.now });
    });
    await expectRefusal(vault, withGrant(await grantTo({ urn: stranger.urn, record: enc })), 401, 'key_revoked');
  });

  it('are stored with a grant for the recovery key', async () => {
    const { acme } = vault;
    const prompt = await createPrompt(vault, acme);
    const { content, grants, grantTo } = await sealVersion(acme, acme.author, prompt, 1);
    const recovery = acme.trust.recoveryRecipient();
    if (recovery === undefined) throw new Error('the organisation has a recovery key');
    const body = { content, grants: [...grants, await grantTo(recovery)] };
    expect((await push(acme.author, prompt.id, body, 0)).status).toBe(201);
  });

  it('are listed page by page, newest first', async () => {
    const { acme } = vault;
    const prompt = await createPrompt(vault, acme);
    for (const version of [1, 2, 3]) await pushVersion(vault, acme, prompt, version);
    const author = vault.clientOf(acme.author);
    const first = must(200, await author.get(`/api/v1/prompts/${prompt.id}/versions?limit=2`));
    const { data, next_cursor: cursor } = bodyOf<Page<{ version: number }>>(first);
    expect(data.map(({ version }) => version)).toEqual([3, 2]);
    const rest = must(200, await author.get(`/api/v1/prompts/${prompt.id}/versions?limit=2&cursor=${cursor}`));
    expect(rest.body).toMatchObject({ data: [{ version: 1 }], next_cursor: null });
  });
});

describe('labels', () => {
  const move = (member: TestMember, id: string, label: string, tags: string[], at: number) =>
    vault.clientOf(member).put(`/api/v1/prompts/${id}/labels/${label}`, { tags }, basedOn(at));

  it('move one position at a time, and a deleted one goes on counting', async () => {
    const { acme } = vault;
    const prompt = await publishPrompt(vault, acme);
    const { chash } = prompt.version;
    const author = vault.clientOf(acme.author);
    const path = `/api/v1/prompts/${prompt.id}/labels`;
    const tag = (seq: number, ver = 1) =>
      tagOf(acme, acme.author, prompt, { tag: 'latest', ver, chash: ver === 0 ? '' : chash, seq });
    await expectRefusal(
      vault,
      async () => move(acme.author, prompt.id, 'latest', [await tag(1)], 0),
      412,
      'label_stale',
    );
    await expectRefusal(
      vault,
      async () => move(acme.author, prompt.id, 'latest', [await tag(3)], 2),
      412,
      'label_stale',
    );
    await expectRefusal(
      vault,
      async () => move(acme.author, prompt.id, 'latest', [await tag(3)], 1),
      412,
      'label_stale',
    );
    const deleted = must(200, await move(acme.author, prompt.id, 'latest', [await tag(2, 0)], 1));
    expect([deleted.body, deleted.headers['etag']]).toEqual([{ label: 'latest', seq: 2, version: 0 }, '"2"']);
    expect(bodyOf<{ data: { label: string }[] }>(await author.get(path)).data.map(({ label }) => label)).toEqual([
      'production',
    ]);
    expect(bodyOf(await author.get(`${path}/latest`))).toMatchObject({ version: 0, seq: 2 });
    expect(must(200, await move(acme.author, prompt.id, 'latest', [await tag(3)], 2)).body).toMatchObject({
      version: 1,
    });
    await expectRefusal(vault, () => author.get(`${path}/never-set`), 404, 'label_not_found');
  });

  it('of one of many who move at the same moment', async () => {
    const { acme } = vault;
    const prompt = await publishPrompt(vault, acme);
    const wish = { tag: 'staging', ver: 1, chash: prompt.version.chash, seq: 1 };
    const tag = await tagOf(acme, acme.author, prompt, wish);
    const responses = await Promise.all(
      Array.from({ length: 20 }, () => untilSettled(() => move(acme.author, prompt.id, 'staging', [tag], 0))),
    );
    expect(countStatuses(responses)).toEqual({ 200: 1, 412: 19 });
  });

  it.each([
    [
      'another prompt [guard: vault-label-prompt]',
      'envelope_tampered',
      400,
      { sub: 'urn:bulla:acme:prompt:prm_01kb0000000000000000000000' },
    ],
    ['another name [guard: vault-label-name]', 'envelope_tampered', 400, { name: 'other/name' }],
    ['another label', 'envelope_tampered', 400, { tag: 'production' }],
    ['another organisation', 'envelope_tampered', 400, { aud: 'urn:bulla:other' }],
    ['another content [guard: vault-label-content]', 'envelope_tampered', 400, { chash: 'A'.repeat(43) }],
    ['a version that is not there', 'envelope_tampered', 400, { ver: 9 }],
    ['another signer', 'envelope_tampered', 400, { iss: 'urn:bulla:acme:dev:dev_01kb0000000000000000000000' }],
    ['too long a time', 'validation_failed', 400, { exp: 4_000_000_000 }],
    ['a time that is over', 'trust_expired', 403, { iat: 1_700_000_000, exp: 1_700_000_100 }],
    ['a time to come', 'clock_skew', 401, { iat: 3_999_999_900, exp: 4_000_000_000 }],
  ] as const)('do not move by a tag for %s', async (_name, code, status, changes) => {
    const { acme } = vault;
    const prompt = await publishPrompt(vault, acme);
    const wish = { tag: 'staging', ver: 1, chash: prompt.version.chash, seq: 1, ...changes };
    const tag = await tagOf(acme, acme.author, prompt, wish);
    await expectRefusal(vault, () => move(acme.author, prompt.id, 'staging', [tag], 0), status, code);
  });

  it('move by whom the policy names, whoever sends the tag', async () => {
    const { acme } = vault;
    const prompt = await publishPrompt(vault, acme);
    const wish = { tag: 'staging', ver: 1, chash: prompt.version.chash, seq: 1 };
    const byInvoker = await tagOf(acme, acme.invoker, prompt, wish);
    await expectRefusal(vault, () => move(acme.author, prompt.id, 'staging', [byInvoker], 0), 403, 'forbidden');
    const byStranger = await tagOf(vault.other, vault.other.author, prompt, {
      ...wish,
      aud: 'urn:bulla:acme',
      sub: `urn:bulla:acme:prompt:${prompt.id}`,
    });
    await expectRefusal(vault, () => move(acme.author, prompt.id, 'staging', [byStranger], 0), 401, 'key_unknown');
    const byAuthor = await tagOf(acme, acme.author, prompt, wish);
    await expectRefusal(vault, () => move(acme.invoker, prompt.id, 'staging', [byAuthor], 0), 403, 'forbidden');
    must(200, await move(acme.owner, prompt.id, 'staging', [byAuthor], 0));
  });

  it('that need two people move by two tags that say the same', async () => {
    const { acme } = vault;
    await publishPolicy((draft) => {
      draft.labels['protected'] = { groups: ['grp:release'], threshold: 2 };
    });
    const prompt = await publishPrompt(vault, acme);
    const wish = { tag: 'protected', ver: 1, chash: prompt.version.chash, seq: 1 };
    const byAuthor = await tagOf(acme, acme.author, prompt, wish);
    const byOwner = await tagOf(acme, acme.owner, prompt, wish);
    const unequal = await tagOf(acme, acme.owner, prompt, { ...wish, seq: 2 });
    const send = (tags: string[]) => () => move(acme.author, prompt.id, 'protected', tags, 0);
    must(202, await send([byAuthor])());
    must(202, await send([byAuthor, byAuthor])());
    await expectRefusal(vault, send([byAuthor, unequal]), 400, 'envelope_tampered');
    must(200, await send([byAuthor, byOwner])());
    const invoker = vault.clientOf(acme.invoker);
    const issued = await invoker.post('/api/v1/envelopes', {
      prompt: prompt.id,
      label: 'protected',
      aud: acme.responders[0].urn,
    });
    const { tags } = bodyOf<{ tags: string[] }>(must(201, issued));
    expect(new Set(tags)).toEqual(new Set([byAuthor, byOwner]));
  });

  it('of one name are a thousand at most [guard: vault-label-many]', async () => {
    const { acme, database } = vault;
    const prompt = await publishPrompt(vault, acme);
    await sql`insert into vault.prompt_label (org, name, label, seq, prompt_id, version)
      select 'acme', ${prompt.name}, 'label-' || n, 1, ${prompt.id}, 1 from generate_series(1, 998) n`.execute(
      database.db,
    );
    const wish = { tag: 'one-more', ver: 1, chash: prompt.version.chash, seq: 1 };
    const tag = await tagOf(acme, acme.author, prompt, wish);
    await expectRefusal(vault, () => move(acme.author, prompt.id, 'one-more', [tag], 0), 400, 'validation_failed');
    const shown = must(200, await vault.clientOf(acme.author).get(`/api/v1/prompts/${prompt.id}`));
    expect(bodyOf<Prompt>(shown).labels).toHaveLength(1000);
  });
});

/** Signs, adopts and publishes acme's next policy, with a directory that names it. */
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
  must(
    200,
    await vault.clientOf(vault.acme.owner).put('/api/v1/organisations/acme/directory', { directory }, basedOn(from)),
  );
}
