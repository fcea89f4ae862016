import type { MovedGrants, UnfitGrantPage } from '@bulla/contract';
import type { DirectoryDocument } from '@bulla/crypto';
import { parseContent } from '@bulla/crypto';
import { sealUnfit } from '@bulla/crypto/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ExpiredEnvelopes } from '../src/envelopes/expired-envelopes.js';
import { KeyEndsRepository } from '../src/grants/key-ends.repository.js';
import type { PromptRef, SealedVersion } from './authoring.js';
import { bodyOf, createPrompt, must, pushVersion, recipientOf, sealVersion, basedOn, tokenHash } from './authoring.js';
import { expectRefusal } from './refusals.js';
import { list, newEncryptionKey, publishNext } from './renewing.js';
import type { TestMember, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

// A recipient takes back what does not give the key of its content, and whoever posted it gives that key that version no
// more until an admin says so (protocol.md A16).

let vault: TestVault;
let prompt: PromptRef;
let version: SealedVersion;
beforeAll(async () => {
  vault = await startVault();
});
afterAll(() => vault.stop());
beforeEach(async () => {
  const { acme } = vault;
  prompt = await createPrompt(vault, acme);
  // The responders have none yet.
  const sealed = await sealVersion(acme, acme.author, prompt, 1, [acme.owner], { to: [] });
  const body = { content: sealed.content, grants: sealed.grants };
  must(201, await vault.clientOf(acme.author).post(`/api/v1/prompts/${prompt.id}/versions`, body, basedOn(0)));
  version = sealed;
});

const responder = () => vault.acme.responders[0];
const path = () => `/api/v1/prompts/${prompt.id}/grants`;
const add = (member: TestMember, grants: string[]) => vault.clientOf(member).post(path(), { grants });
const takeBack = async (member: TestMember, grant: string, query = '?because=unfit') =>
  vault.clientOf(member).delete(`${path()}/${await tokenHash(grant)}${query}`);
const listUnfit = async (query = '') =>
  bodyOf<UnfitGrantPage>(must(200, await vault.clientOf(vault.acme.owner).get(`/api/v1/unfit-grants${query}`)));
const ofThis = async () => (await listUnfit('?limit=200')).data.filter((one) => one.prompt === prompt.id);
const clearing = (member: TestMember, whash: string, by: TestMember) =>
  vault.clientOf(member).delete(`/api/v1/unfit-grants/${whash}?by=${personOf(by)}`);
const personOf = (member: TestMember) => vault.acme.trust.userOf(member.urn) ?? '';
function unfit(to = recipientOf(responder())): Promise<string> {
  const { sub, ver, kid: dekId, dkc = '' } = parseContent(version.content).header;
  return sealUnfit({ sub, ver, dekId, chash: version.chash, dkc }, to);
}

describe('a grant that is unfit', () => {
  it('is taken by the vault, which cannot tell, and taken back by its recipient, who is told apart from its poster', async () => {
    const { acme } = vault;
    const bad = await unfit();
    expect(must(201, await add(acme.author, [bad])).body).toEqual({ added: 1 });
    must(204, await takeBack(responder(), bad));
    expect(await ofThis()).toMatchObject([
      {
        whash: await tokenHash(bad),
        version: 1,
        kid: responder().enc?.kid,
        aud: responder().urn,
        poster: acme.author.sig.kid,
        by: acme.trust.userOf(acme.author.urn),
        again: false,
      },
    ]);
    expect((await logged('grant.delete')).at(-1)).toMatchObject({
      who: { kid: responder().sig.kid },
      obj: { unfit: { version: 1, kid: responder().enc?.kid, posters: [acme.author.sig.kid] } },
    });
  });

  it('bars its poster, with every device of that person, from that key and version alone [guard: vault-barred] [guard: vault-share-barred] [guard: vault-barred-person]', async () => {
    const { acme } = vault;
    const bad = await unfit();
    must(201, await add(acme.author, [bad]));
    must(204, await takeBack(responder(), bad));
    const good = await version.grantTo(recipientOf(responder()));
    const refused = await expectRefusal(vault, () => add(acme.author, [good]), 403, 'forbidden');
    expect(refused.body).toMatchObject({ detail: expect.stringContaining('did not give the key') });
    const second = await secondDevice(acme.author);
    must(201, await add(acme.author, [await version.grantTo(recipientOf(second))]));
    await expectRefusal(vault, () => add(second, [good]), 403, 'forbidden');
    // Another key, and another version.
    must(201, await add(acme.author, [await version.grantTo(recipientOf(acme.responders[1]))]));
    const next = await pushVersion(vault, acme, prompt, 2);
    expect(next.grants).toHaveLength(3);
  });

  it('is followed by that of another holder, whom nothing bars [guard: vault-barred-poster]', async () => {
    const { acme } = vault;
    const bad = await unfit();
    must(201, await add(acme.author, [bad]));
    must(204, await takeBack(responder(), bad));
    const good = await version.grantTo(recipientOf(responder()));
    expect(await add(acme.owner, [good])).toMatchObject({ status: 201, body: { added: 1 } });
    expect(await ofThis()).toMatchObject([{ again: true }]);
  });

  it('can be followed by one of its poster once an admin said so [guard: org-unfit-clear]', async () => {
    const { acme, other } = vault;
    const bad = await unfit();
    must(201, await add(acme.author, [bad]));
    must(204, await takeBack(responder(), bad));
    const whash = await tokenHash(bad);
    const clear = (member: TestMember) => clearing(member, whash, acme.author);
    await expectRefusal(vault, () => clear(acme.author), 403, 'forbidden');
    must(204, await clear(other.owner));
    expect(await ofThis()).toHaveLength(1);
    must(204, await clear(acme.owner));
    expect(await ofThis()).toEqual([]);
    must(201, await add(acme.author, [await version.grantTo(recipientOf(responder()))]));
  });

  it('bars each who posted the same bytes, and each is cleared alone [guard: vault-clear-poster]', async () => {
    const { acme } = vault;
    const [bad, good] = [await unfit(), await version.grantTo(recipientOf(responder()))];
    const whash = await tokenHash(bad);
    const posters = [acme.author, acme.owner];
    for (const poster of posters) {
      expect(must(201, await add(poster, [bad])).body).toEqual({ added: 1 });
      must(204, await takeBack(responder(), bad));
    }
    const listed = (await ofThis()).map((one) => [one.whash, one.by]);
    expect(new Set(listed.map(String))).toEqual(new Set(posters.map((poster) => `${whash},${personOf(poster)}`)));
    expect(listed).toHaveLength(2);
    for (const poster of posters) await expectRefusal(vault, () => add(poster, [good]), 403, 'forbidden');
    // One page ends between the two.
    const first = await listUnfit('?limit=1');
    const pages = [first.data, (await listUnfit(`?limit=200&cursor=${first.next_cursor}`)).data].flat();
    expect(pages).toEqual((await listUnfit('?limit=200')).data);

    await expectRefusal(
      vault,
      () => vault.clientOf(acme.owner).delete(`/api/v1/unfit-grants/${whash}`),
      400,
      'validation_failed',
    );
    must(204, await clearing(acme.owner, whash, acme.author));
    expect((await ofThis()).map(({ by }) => by)).toEqual([personOf(acme.owner)]);
    expect((await logged('grant.clear')).at(-1)?.obj).toEqual({ whash, by: personOf(acme.author) });
    await expectRefusal(vault, () => add(acme.owner, [good]), 403, 'forbidden');
    must(201, await add(acme.author, [good]));
  });

  it('is named so by its recipient alone [guard: vault-unfit-recipient]', async () => {
    const { acme } = vault;
    const bad = await unfit();
    must(201, await add(acme.author, [bad]));
    for (const one of [acme.owner, acme.author]) await expectRefusal(vault, () => takeBack(one, bad), 403, 'forbidden');
    expect(await ofThis()).toEqual([]);
  });

  it('bars nobody where it is only taken away, or is not there any more', async () => {
    const { acme } = vault;
    const bad = await unfit();
    must(201, await add(acme.author, [bad]));
    must(204, await takeBack(responder(), bad, ''));
    must(204, await takeBack(responder(), bad));
    expect(await ofThis()).toEqual([]);
    must(201, await add(acme.author, [await version.grantTo(recipientOf(responder()))]));
  });

  it('bars its poster who takes it away first, and whoever posted it since [guard: vault-deleted-kept]', async () => {
    const { acme } = vault;
    const [bad, good] = [await unfit(), await version.grantTo(recipientOf(responder()))];
    const whash = await tokenHash(bad);
    must(201, await add(acme.author, [bad]));
    must(204, await takeBack(acme.author, bad, ''));
    expect(await ofThis()).toEqual([]);
    must(201, await add(acme.owner, [bad]));
    must(204, await takeBack(responder(), bad));
    const [author, owner] = [acme.author, acme.owner].map((one) => ({ by: personOf(one), poster: one.sig.kid }));
    expect((await ofThis()).toSorted((one, other) => (one.poster < other.poster ? -1 : 1))).toMatchObject(
      [author, owner].toSorted((one, other) => ((one?.poster ?? '') < (other?.poster ?? '') ? -1 : 1)),
    );
    expect((await logged('grant.delete')).at(-1)?.obj).toMatchObject({
      whash,
      unfit: { posters: [owner?.poster, author?.poster] },
    });
    for (const poster of [acme.author, acme.owner])
      await expectRefusal(vault, () => add(poster, [good]), 403, 'forbidden');
    // Whom an admin clears is not barred by what was said before.
    must(204, await clearing(acme.owner, whash, acme.author));
    must(204, await takeBack(responder(), bad));
    must(201, await add(acme.author, [good]));
  });

  it('bars its poster who takes it away, by the word of its recipient alone, in its organisation and for a day [guard: org-deleted-grant] [guard: vault-deleted-until]', async () => {
    const { acme, clock, service } = vault;
    const { db } = vault.database;
    const bad = await unfit();
    const DAY_SECONDS = 86_400;
    must(201, await add(acme.author, [bad]));
    must(204, await takeBack(acme.author, bad, ''));
    for (const one of [acme.owner, acme.responders[1]])
      await expectRefusal(vault, () => takeBack(one, bad), 403, 'forbidden');
    const setOrg = (org: string) =>
      db.updateTable('deleted_grant').set({ org }).where('prompt_id', '=', prompt.id).execute();
    await setOrg('other');
    must(204, await takeBack(responder(), bad));
    expect(await ofThis()).toEqual([]);
    await setOrg('acme');
    clock.advance(DAY_SECONDS);
    must(204, await takeBack(responder(), bad));
    clock.advance(-DAY_SECONDS);
    expect(await ofThis()).toEqual([]);
    must(204, await takeBack(responder(), bad));
    expect(await ofThis()).toMatchObject([{ by: personOf(acme.author), again: false }]);

    // Nobody is kept for longer, or for what they posted for themselves, or by whom it was for.
    const left = async () =>
      (await db.selectFrom('deleted_grant').select('whash').where('prompt_id', '=', prompt.id).execute()).length;
    const second = await secondDevice(acme.author);
    const other = await unfit(recipientOf(second));
    must(201, await add(second, [other]));
    must(204, await takeBack(acme.author, other, ''));
    must(201, await add(acme.author, [await unfit(recipientOf(second))]));
    expect(await left()).toBe(0);
    const third = await unfit(recipientOf(acme.responders[1]));
    must(201, await add(acme.author, [third]));
    must(204, await takeBack(acme.author, third, ''));
    const expired = service.app.get(ExpiredEnvelopes, { strict: false });
    await expired.purgeGrants();
    expect(await left()).toBe(1);
    clock.advance(DAY_SECONDS + 1);
    await expired.purgeGrants();
    clock.advance(-DAY_SECONDS - 1);
    expect(await left()).toBe(0);
  });

  it('that a holder posted for itself bars nobody, and one of a further key bars the holder [guard: vault-bar-itself] [guard: vault-move-barred]', async () => {
    const { acme } = vault;
    must(201, await add(acme.author, [await version.grantTo(recipientOf(responder()))]));
    const record = await newEncryptionKey(acme);
    await list(vault, acme, responder().urn, record);
    const move = async (member: TestMember, grant: string) => {
      const moved = must(201, await vault.clientOf(member).post('/api/v1/grants', { grants: [grant] }));
      return bodyOf<MovedGrants>(moved).results.map(({ outcome }) => outcome);
    };
    const bad = await unfit({ urn: responder().urn, record });
    expect(await move(responder(), bad)).toEqual(['added']);
    must(204, await takeBack(responder(), bad));
    expect(await ofThis()).toEqual([]);
    expect(await move(responder(), await version.grantTo({ urn: responder().urn, record }))).toEqual(['added']);
    // One device of a person for another.
    const second = await secondDevice(acme.author);
    const forSecond = await unfit(recipientOf(second));
    expect(await move(acme.author, forSecond)).toEqual(['added']);
    must(204, await takeBack(second, forSecond));
    expect(await move(acme.author, await version.grantTo(recipientOf(second)))).toEqual(['forbidden']);
  });

  it('is listed page by page, and in its organisation alone [guard: org-unfit-list] [guard: org-barred]', async () => {
    const { acme, other } = vault;
    const grants = [await unfit(), await unfit(recipientOf(acme.responders[1]))];
    must(201, await add(acme.author, grants));
    must(204, await takeBack(acme.responders[0], grants[0] ?? ''));
    must(204, await takeBack(acme.responders[1], grants[1] ?? ''));
    const all = (await listUnfit('?limit=200')).data;
    const paged: UnfitGrantPage['data'] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: UnfitGrantPage = await listUnfit(`?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`);
      paged.push(...page.data);
      cursor = page.next_cursor;
    }
    expect(paged).toEqual(all);
    const theirs = must(200, await vault.clientOf(other.owner).get('/api/v1/unfit-grants'));
    expect(bodyOf<UnfitGrantPage>(theirs).data).toEqual([]);
    // The same place in another organisation would bar nobody here.
    await vault.database.db
      .updateTable('unfit_grant')
      .set({ org: 'other' })
      .where('prompt_id', '=', prompt.id)
      .execute();
    const given = await add(acme.author, [await version.grantTo(recipientOf(responder()))]);
    expect(given.status).toBe(201);
  });

  it('has others wait once it is known to be there, and its recipient to say so [guard: vault-unfit-there] [guard: vault-unfit-held]', async () => {
    const { acme } = vault;
    const held = jest.spyOn(vault.service.app.get(KeyEndsRepository, { strict: false }), 'holdDirectory');
    try {
      const [bad, never] = [await unfit(), await unfit()];
      must(201, await add(acme.author, [bad]));
      for (const one of [acme.author, acme.owner, acme.responders[1], acme.auditor])
        must(403, await takeBack(one, bad));
      must(204, await takeBack(responder(), never));
      expect(held).not.toHaveBeenCalled();
      must(204, await takeBack(responder(), bad));
      expect(held).toHaveBeenCalledTimes(1);
    } finally {
      held.mockRestore();
    }
  });

  it('bars who posted it anew while its recipient waited [guard: vault-unfit-looked-again]', async () => {
    const { acme } = vault;
    const ends = vault.service.app.get(KeyEndsRepository, { strict: false });
    const bad = await unfit();
    const whash = await tokenHash(bad);
    must(201, await add(acme.author, [bad]));
    const held = jest.spyOn(ends, 'holdDirectory').mockImplementationOnce(async (trx, org) => {
      // What another transaction did before this one had the lock.
      const by = { poster_kid: acme.owner.sig.kid };
      await trx.updateTable('content_grant').set(by).where('whash', '=', whash).execute();
      await ends.holdDirectory(trx, org);
    });
    try {
      must(204, await takeBack(responder(), bad));
    } finally {
      held.mockRestore();
    }
    expect((await ofThis()).map(({ by }) => by)).toEqual([personOf(acme.owner)]);
  });

  it('bars its poster before another of theirs can come', async () => {
    const { acme } = vault;
    const bad = await unfit();
    must(201, await add(acme.author, [bad]));
    const good = await version.grantTo(recipientOf(responder()));
    // Whoever adds grants waits for the other, however they come: never is it taken once it was taken back.
    const outcomes = await Promise.all([
      takeBack(responder(), bad),
      ...Array.from({ length: 6 }, () => add(acme.author, [good])),
    ]);
    expect(outcomes[0]?.status).toBe(204);
    const stored = await vault.database.db
      .selectFrom('content_grant')
      .select('whash')
      .where('prompt_id', '=', prompt.id)
      .where('kid', '=', responder().enc?.kid ?? '')
      .execute();
    expect(stored).toEqual([]);
    expect(
      outcomes.slice(1).every(({ status, body }) => status === 403 || (body as { added?: number }).added === 0),
    ).toBe(true);
  });
});

let devices = 0;
/** A further device of somebody, with the same rights. */
async function secondDevice(of: TestMember): Promise<TestMember> {
  devices += 1;
  const { acme } = vault;
  const made = await acme.makeDevice(`second-${devices}`, { roles: ['author', 'invoker'], groups: ['grp:authors'] });
  const user = acme.trust.userOf(of.urn) ?? '';
  const entity = { ...made.entity, user } as TestMember['entity'];
  await publishEntity(made.urn, entity);
  return { ...made, entity };
}

async function publishEntity(urn: string, entity: TestMember['entity']): Promise<void> {
  const change = (draft: DirectoryDocument) => void (draft.entities[urn] = entity);
  must(200, await publishNext(vault, vault.acme, change, true));
}

async function logged(act: string): Promise<{ who: { kid: string }; obj: object }[]> {
  const rows = await vault.database.db.selectFrom('audit_event').select('event').orderBy('at').execute();
  type Said = { act: string; who: { kid: string }; obj: object };
  return rows.map(({ event }) => event as never as Said).filter((one) => one.act === act);
}
