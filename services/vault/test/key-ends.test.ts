import type { DirectoryDocument, KeyRecord } from '@bulla/crypto';
import { parseContent } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { SignedClient } from '@bulla/service-kit/testing';
import { findPostgres } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { setTimeout as sleep } from 'node:timers/promises';
import { KeyEndsRepository } from '../src/grants/key-ends.repository.js';
import type { PromptRef, SealedVersion } from './authoring.js';
import { basedOn, bodyOf, createPrompt, must, pushVersion, sealVersion, tokenHash } from './authoring.js';
import { approve, pendingNewcomer } from './enrolling.js';
import { expectRefusal } from './refusals.js';
import { endKeys, keysOf, list, newEncryptionKey, publishNext } from './renewing.js';
import { publishRoot } from './rooting.js';
import type { TestMember, TestVault } from './running-vault.js';
import { contract, startVault } from './running-vault.js';

// An encryption key of a responder ends when the newest opens all that it opens.

/** A responder that got a younger key after a version was pushed. */
interface Renewing {
  readonly of: TestOrganisation;
  readonly responder: TestMember;
  readonly old: string;
  readonly younger: KeyRecord;
  readonly prompt: PromptRef;
  readonly version: SealedVersion;
}

let vault: TestVault;
let acme: Renewing;
/** Of the other organisation. */
let first: Renewing;
let second: Renewing;
beforeAll(async () => {
  vault = await startVault();
  acme = await renewing(vault.acme, 0);
  [first, second] = [await renewing(vault.other, 0), await renewing(vault.other, 1)];
});
afterAll(() => vault.stop());

async function renewing(of: TestOrganisation, index: 0 | 1): Promise<Renewing> {
  const responder = of.responders[index];
  const prompt = await createPrompt(vault, of);
  const version = await pushVersion(vault, of, prompt, 1);
  const younger = await newEncryptionKey(of);
  await list(vault, of, responder.urn, younger);
  return { of, responder, old: responder.enc?.kid ?? '', younger, prompt, version };
}

const ending = ({ of, responder, old }: Renewing) => endKeys(of, responder.urn, [old]);
const end = (one = acme) => publishNext(vault, one.of, ending(one));
const toYounger = ({ responder, younger }: Renewing, of: SealedVersion) =>
  of.grantTo({ urn: responder.urn, record: younger });
const give = async (one: Renewing, of = one.version) => {
  const grant = await toYounger(one, of);
  must(201, await vault.clientOf(one.responder).post('/api/v1/grants', { grants: [grant] }));
  return grant;
};
const takeBack = async ({ responder, prompt }: Renewing, grant: string) =>
  must(204, await vault.clientOf(responder).delete(`/api/v1/prompts/${prompt.id}/grants/${await tokenHash(grant)}`));
const revoke = (kid: string) => (draft: DirectoryDocument) =>
  void draft.revoked.push({ kid, reason: 'keyCompromise', at: vault.acme.now });

describe('the end of an encryption key of a responder', () => {
  it('waits for the last version that the newest does not open [guard: vault-end-lacking]', async () => {
    await expectRefusal(vault, end, 409, 'needs_rewrap');
    const { id } = await pendingNewcomer(vault);
    const directory = await vault.acme.signDirectory(ending(acme));
    await expectRefusal(vault, () => approve(vault, vault.acme, id, directory), 409, 'needs_rewrap');
    await expectRefusal(vault, () => publishRoot(vault, { directory: ending(acme) }), 409, 'needs_rewrap');
    expect(bodyOf(await end())['detail']).toMatch(/^1 version is sealed to a key that ends /);
  });

  it('waits where the newest is revoked with it: then nothing opens them', async () => {
    const grant = await give(acme);
    const both = (draft: DirectoryDocument) => {
      ending(acme)(draft);
      revoke(acme.younger.kid)(draft);
    };
    await expectRefusal(vault, () => publishNext(vault, vault.acme, both), 409, 'needs_rewrap');
    await takeBack(acme, grant);
  });

  it('counts for the organisation of its responder alone [guard: org-lacking]', async () => {
    const { old, younger } = acme;
    const count = (org: string) =>
      vault.database.db.transaction().execute((trx) => {
        const ends = vault.service.app.get(KeyEndsRepository, { strict: false });
        return ends.countLacking(trx, org, { kids: [old], newest: younger.kid, sealsManaged: true, withdrawn: [] });
      });
    expect([await count('acme'), await count('other')]).toEqual([1, 0]);
  });

  it('waits for no version of before, by which nothing runs [guard: vault-end-committed]', async () => {
    const { old, younger, prompt } = acme;
    const { db } = vault.database;
    const count = () =>
      db.transaction().execute((trx) => {
        const ends = vault.service.app.get(KeyEndsRepository, { strict: false });
        return ends.countLacking(trx, 'acme', { kids: [old], newest: younger.kid, sealsManaged: true, withdrawn: [] });
      });
    const set = (dkc: string | null) =>
      db.updateTable('prompt_version').set({ dkc }).where('prompt_id', '=', prompt.id).execute();
    const { dkc = '' } = parseContent(acme.version.content).header;
    await set(null);
    expect(await count()).toBe(0);
    await set(dkc);
    expect(await count()).toBe(1);
  });

  it('waits for no version that is withdrawn or whose prompt is deleted', async () => {
    const one = first;
    await give(one, second.version);
    await expectRefusal(vault, () => end(one), 409, 'needs_rewrap');
    must(204, await vault.clientOf(vault.other.author).delete(`/api/v1/prompts/${one.prompt.id}`));
    const withdrawn = await createPrompt(vault, vault.other);
    for (const version of [1, 2]) await pushVersion(vault, vault.other, withdrawn, version);
    const below = (number: number) => (draft: DirectoryDocument) => {
      ending(one)(draft);
      draft.withdrawn.push({ sub: `urn:bulla:other:prompt:${withdrawn.id}`, below: number });
    };
    await expectRefusal(vault, () => publishNext(vault, vault.other, below(2)), 409, 'needs_rewrap');
    must(200, await publishNext(vault, vault.other, below(3), true));
  });

  it('waits for nothing where the key is revoked, or replaced by one that nobody could have sealed to', async () => {
    const one = second;
    await give(one);
    must(
      200,
      await publishNext(
        vault,
        vault.other,
        (draft) => {
          ending(one)(draft);
          revoke(one.old)(draft);
        },
        true,
      ),
    );
    const next = await newEncryptionKey(vault.other);
    const replacing = (draft: DirectoryDocument) => {
      endKeys(vault.other, one.responder.urn, [one.younger.kid])(draft);
      keysOf(draft, one.responder.urn).unshift(next);
    };
    expect((await publishNext(vault, vault.other, replacing, true)).status).toBe(200);
  });
});

/** Only a server has two connections, of which one can wait for the other. */
const describeOnServer = findPostgres() === undefined ? describe.skip : describe;

describeOnServer('a version that is pushed in the moment in which a key ends', () => {
  it('is counted where it was there first [guard: vault-end-held]', async () => {
    await give(acme);
    const { prompt } = acme;
    const late = await sealVersion(vault.acme, vault.acme.author, prompt, 2);
    const pushing = await vault.database.db.transaction().execute(async (trx) => {
      const ends = vault.service.app.get(KeyEndsRepository, { strict: false });
      await ends.shareDirectory(trx, 'acme');
      const over = new AbortController();
      const publication = end().finally(() => over.abort());
      await untilSomebodyWaits(over.signal);
      const place = { prompt_id: prompt.id, version: 2, org: 'acme' };
      const author = { author_kid: vault.acme.author.sig.kid, author_urn: vault.acme.author.urn };
      const content = { chash: late.chash, content: late.content, dek_id: 'dek_', dkc: late.chash };
      await trx
        .insertInto('prompt_version')
        .values({ ...place, ...author, ...content })
        .execute();
      const [, token = ''] = late.grants;
      const whash = await tokenHash(token);
      const to = { kid: acme.old, aud: acme.responder.urn, poster_kid: author.author_kid };
      await trx
        .insertInto('content_grant')
        .values({ ...place, ...to, token, whash })
        .execute();
      return { publication };
    });
    const { status, body } = await pushing.publication;
    expect([status, bodyOf({ body })['code']]).toEqual([409, 'needs_rewrap']);
    for (const table of ['content_grant', 'prompt_version'] as const)
      await vault.database.db.deleteFrom(table).where('prompt_id', '=', prompt.id).where('version', '=', 2).execute();
  });

  it('is not taken where the key ended first, though a replica has not noticed yet [guard: vault-grants-newest]', async () => {
    await give(acme);
    const replica = await vault.startReplica();
    const { author } = vault.acme;
    const client = new SignedClient(replica, author, { now: () => vault.clock.now(), contract });
    must(200, await client.get('/api/v1/prompts?limit=1'));
    const late = await sealVersion(vault.acme, author, acme.prompt, 2);
    must(200, await publishNext(vault, vault.acme, ending(acme), true));
    const path = `/api/v1/prompts/${acme.prompt.id}/versions`;
    const { content, grants } = late;
    const push = () => client.post(path, { content, grants }, basedOn(1));
    await expectRefusal(vault, push, 503, 'overloaded');
    vault.clock.advance(1);
    // The key does not count any more, and says so.
    await expectRefusal(vault, push, 401, 'key_revoked');
  });
});

/** Passes when somebody waits for the lock of another in this database. */
async function untilSomebodyWaits(over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const { rows } = await sql`select from pg_locks join pg_database on pg_database.oid = pg_locks.database
      where datname = current_database() and locktype = 'advisory' and not granted`.execute(vault.database.db);
    if (rows.length > 0) return;
    await sleep(5);
  }
}
