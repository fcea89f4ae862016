import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { RouteBody } from '@bulla/contract';
import { generateKeyPair, loadSigner, timestampOf, Trust } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { committedKeyPair } from '@bulla/testkit';
import { sql } from 'kysely';
import request from 'supertest';
import { basedOn, bodyOf, must, publishPrompt } from './authoring.js';
import { renewerOf } from './freshening.js';
import { countStatuses, expectRefusal } from './refusals.js';
import { backUp, restore, rewriteMarks } from './restoring.js';
import type { Store, TestVault } from './running-vault.js';
import { contract, startVault } from './running-vault.js';

const PATH = '/api/v1/organisations/acme/handback';

describe.each<Store>(['PostgreSQL', 'PGlite'])('documents that a vault on %s has lost', (store) => {
  let vault: TestVault;
  beforeAll(async () => {
    vault = await startVault(store);
  });
  afterAll(() => vault.stop());
  /** What a test lost comes back, and the vault goes on. */
  afterEach(async () => {
    const version = await served();
    if (version < vault.acme.trust.directory.version) must(200, await handBack(await lostOf(version)));
    must(200, await resume());
  });

  const owner = () => vault.clientOf(vault.acme.owner);
  const served = async () => Number(/"(\d+)"/.exec((await read('directory.json')).headers['etag'] ?? '')?.[1]);
  const read = (name: string) => vault.get(`/.well-known/bulla/acme/${name}`);
  const resume = () =>
    owner().post('/api/v1/organisations/acme/resume', { directory: vault.acme.trust.directory.version });
  const handBack = async (body: object, path = PATH): Promise<request.Response> => {
    const response = await request(vault.service.app.getHttpServer()).post(path).send(body);
    contract.check('POST', path, response);
    return response;
  };

  /** What somebody who followed the organisation keeps beyond a version of its directory. */
  async function lostOf(
    from: number,
    organisation: TestOrganisation = vault.acme,
  ): Promise<RouteBody<'organisation.handback'>> {
    const { roots, policy, directory } = organisation.documents;
    const hashes = organisation.trust.memory.hashes?.slice(from - 1) ?? [];
    return { roots: [...roots], policy, directory, from, hashes: [...hashes], fresh: [] };
  }
  /** Publishes directories and goes back to before them. @returns the version that the vault has then */
  async function lose(count = 2): Promise<number> {
    const { acme } = vault;
    const { version } = acme.trust.directory;
    const backup = await backUp(vault.database);
    for (let published = 0; published < count; published++) await publish();
    await restore(vault.database, backup);
    vault.clock.advance(1);
    return version;
  }
  async function publish(): Promise<void> {
    const { acme } = vault;
    await acme.publish();
    const { directory } = acme.documents;
    const on = basedOn(acme.trust.directory.version - 1);
    must(200, await owner().put('/api/v1/organisations/acme/directory', { directory }, on));
  }

  it('are served no more, whatever the process remembers [guard: restore-forgets]', async () => {
    const version = await lose();
    expect(await served()).toBe(version);
    expect(vault.log.filter((line) => line.includes('trust-not-loaded'))).toEqual([]);
  });

  it('are taken from anybody, with what lies between, and once', async () => {
    const { acme } = vault;
    const version = await lose(3);
    const lost = await lostOf(version);
    const fresh = [await acme.freshDirectory(vault.clock.now(), renewerOf(acme))];
    const before = await vault.countEffects();
    const answers = await Promise.all([1, 2, 3].map(() => handBack({ ...lost, fresh })));
    const { 200: good = 0, 412: late = 0 } = countStatuses(answers);
    expect([good > 0, good + late]).toEqual([true, 3]);
    expect(bodyOf(must(200, await handBack(lost)))).toEqual({ version: version + 3 });
    const after = await vault.countEffects();
    // The policy is the one that was there.
    expect(after).toEqual({
      ...before,
      org_document: (before['org_document'] ?? 0) + 1,
      directory_freshness: (before['directory_freshness'] ?? 0) + 1,
    });
    vault.clock.advance(1);
    expect(bodyOf(await read('directory.json'))).toEqual(JSON.parse(acme.documents.directory));
    expect(bodyOf(await read('fresh.json'))).toEqual({ v: 1, fresh });
    const { memory, directoryRef } = acme.trust;
    const hashes = [...(memory.hashes ?? []), directoryRef.hash];
    expect(bodyOf(await read('directory/hashes?from=1'))).toEqual({ v: 1, hashes });
    const { rows } = await sql`select from vault.audit_event where event ->> 'act' = 'organisation.handback'
      and (event -> 'obj' ->> 'version')::int = ${version + 3}`.execute(vault.database.db);
    expect(rows).toHaveLength(1);
    // What is published next follows them.
    must(200, await resume());
    await publish();
  });

  it('bring a root and a policy with them', async () => {
    const { acme } = vault;
    const version = acme.trust.directory.version;
    const backup = await backUp(vault.database);
    await acme.publishRoot();
    await acme.publishPolicy((draft) => {
      draft.labels['later'] = { groups: ['grp:release'] };
    });
    await restore(vault.database, backup);
    vault.clock.advance(1);
    must(200, await handBack(await lostOf(version)));
    vault.clock.advance(1);
    expect(bodyOf(await read('policy.json'))).toEqual(JSON.parse(acme.documents.policy));
    expect(bodyOf(await read(`root/${acme.trust.root.version}.json`))).toEqual(
      JSON.parse(acme.documents.roots.at(-1) ?? ''),
    );
    must(200, await resume());
    const prompt = await publishPrompt(vault, acme);
    expect(prompt.version.chash).toMatch(/./);
  });

  it('are judged by the newest root that comes with them [guard: handback-newest-root]', async () => {
    const { acme } = vault;
    const version = acme.trust.directory.version;
    const earlier = acme.documents;
    const stolen = await acme.signDirectory();
    await lose(0);
    const { roots } = await acme.signRoot();
    const lost = { ...(await lostOf(version)), policy: earlier.policy, directory: stolen };
    await expectRefusal(vault, () => handBack({ ...lost, roots: [...roots] }), 401, 'signature_invalid');
  });

  it('take the place of what a key signed that a newer root ended, and somebody handed back first [guard: org-handed-back]', async () => {
    const { acme } = vault;
    const version = acme.trust.directory.version;
    const { documents } = acme;
    const now = vault.clock.now();
    // Two by the thief, who was there before the root came.
    let thief = acme.trust;
    for (let count = 0; count < 2; count++) {
      const { ver, hash: prev } = thief.directoryRef;
      const next = {
        ...thief.directory,
        version: ver + 1,
        prev,
        chain: await thief.nextChain(),
        kept: ['A'.repeat(43)],
      };
      const directory = await acme.sign('directory', next);
      thief = await Trust.establish({ ...documents, directory }, { org: 'acme', pin: acme.pin, now, previous: thief });
    }
    const stolen = {
      roots: [...documents.roots],
      policy: documents.policy,
      directory: thief.documents.directory,
      from: version,
      hashes: [...(thief.memory.hashes ?? [])].slice(version - 1),
      fresh: [],
    };
    const { kid, publicJwk, privateJwk } = await generateKeyPair('ed25519', 'sig');
    const fresh = [await loadSigner(privateJwk, 'Ed25519')];
    const newer = await acme.signRoot(
      (draft) => {
        draft.keys[kid] = { jwk: publicJwk, alg: 'Ed25519' };
        draft.roles.directory = { kids: [kid], threshold: 1 };
      },
      now,
      { directory: fresh },
    );
    const honest = { ...newer, roots: [...newer.roots], from: 1, hashes: [...acme.hashes.hashes], fresh: [] };
    const before = await backUp(vault.database);
    await lose(0);
    const elsewhere = await vault.countEffects();
    must(200, await handBack(stolen));
    expect(await served()).toBe(version + 2);
    expect(bodyOf(must(200, await handBack(honest)))).toEqual({ version: version + 1 });
    vault.clock.advance(1);
    expect(bodyOf(await read('directory.json'))).toEqual(JSON.parse(newer.directory));
    const after = await Trust.establish(newer, { org: 'acme', pin: acme.pin, now, previous: acme.trust });
    const hashes = [...(after.memory.hashes ?? []), after.directoryRef.hash];
    expect(bodyOf(await read('directory/hashes?from=1'))).toEqual({ v: 1, hashes });
    // Root, policy and directory came, and nothing of another organisation went.
    expect((await vault.countEffects())['org_document']).toBe((elsewhere['org_document'] ?? 0) + 3);
    await expectRefusal(vault, () => handBack(stolen), 412, 'version_conflict');
    await restore(vault.database, before);
    vault.clock.advance(1);
  });

  it('do not take the place of what the newer root supports: that is a fork [guard: handback-roots-first]', async () => {
    const { acme } = vault;
    const version = acme.trust.directory.version;
    const now = vault.clock.now();
    const fork = await acme.signDirectory((draft) => draft.kept.push('A'.repeat(43)), now);
    const { roots, policy } = acme.documents;
    const lost = { roots: [...roots], policy, directory: fork, from: version, hashes: [acme.trust.directoryRef.hash] };
    const newer = await acme.signRoot(undefined, now);
    const before = await backUp(vault.database);
    await lose(0);
    must(200, await handBack(lost));
    const other = { ...newer, roots: [...newer.roots], from: 1, hashes: [...acme.hashes.hashes], fresh: [] };
    await expectRefusal(vault, () => handBack(other), 412, 'version_conflict');
    await restore(vault.database, before);
    vault.clock.advance(1);
  });

  it('are taken only after a restore, and until an admin has said so [guard: handback-closed]', async () => {
    const lost = await lostOf(vault.acme.trust.directory.version);
    const closed = () => handBack(lost);
    await expectRefusal(vault, closed, 403, 'forbidden');
    await lose(0);
    must(200, await handBack(lost));
    must(200, await resume());
    vault.clock.advance(1);
    await expectRefusal(vault, closed, 403, 'forbidden');
    await expectRefusal(vault, () => handBack(lost, PATH.replace('acme', 'nobody')), 404, 'not_found');
  });

  it('are no fork, no gap, nobody else’s, and nothing unsigned [guard: handback-continues]', async () => {
    const { acme, other } = vault;
    const fork = await acme.signDirectory((draft) => {
      draft.expires = timestampOf(vault.clock.now() + 86_400);
    });
    const version = await lose();
    const lost = await lostOf(version);
    // The fork stands where the first that was lost stood; two later it is of no chain.
    const { hashes } = lost;
    const otherHash = hashes[0] === undefined ? [] : [hashes[0], hashes[0]];
    await expectRefusal(vault, () => handBack({ ...lost, hashes: otherHash }), 412, 'version_conflict');
    await expectRefusal(vault, () => handBack({ ...lost, hashes: hashes.slice(1) }), 412, 'version_conflict');
    const foreign = await lostOf(1, other);
    const refused = await handBack(foreign);
    expect(refused.status).toBeGreaterThanOrEqual(400);
    const broken = lost.directory.replace(/"signature":"..../, '"signature":"AAAA');
    await expectRefusal(vault, () => handBack({ ...lost, directory: broken }), 401, 'signature_invalid');
    expect(await served()).toBe(version);
    must(200, await handBack(lost));
    // From then on the other branch is one.
    await expectRefusal(vault, () => handBack({ ...lost, directory: fork }), 412, 'version_conflict');
  });

  it('are of the organisation that is pinned, whatever its name', async () => {
    await lose(0);
    const impostor = await makeOrganisation({ org: 'acme', suite: 'p256', readyKeyPair: committedKeyPair });
    const refused = await handBack(await lostOf(1, impostor));
    expect([refused.status >= 400 && refused.status < 500, await served()]).toEqual([
      true,
      vault.acme.trust.directory.version,
    ]);
  });

  it('do not come beside another policy of their number [guard: handback-policy-fork]', async () => {
    const { acme } = vault;
    const { version, policy } = acme.trust.directory;
    // Published and named by no directory when the backup was made; later people published another, elsewhere.
    const next = { ...acme.trust.policy, version: policy.version + 1, prev: policy.hash };
    const waiting = await acme.sign('policy', next);
    must(200, await owner().put('/api/v1/organisations/acme/policy', { policy: waiting }, basedOn(policy.version)));
    await lose(0);
    await acme.publishPolicy((draft) => {
      draft.labels['another'] = { groups: ['grp:release'] };
    });
    const lost = await lostOf(version);
    await expectRefusal(vault, () => handBack(lost), 412, 'version_conflict');
    // The operator of the database removes the one that no document names.
    await vault.database.db
      .deleteFrom('org_document')
      .where('kind', '=', 'policy')
      .where('version', '=', policy.version + 1)
      .execute();
  });

  if (store === 'PostgreSQL') {
    it('are not taken by a request that an admin overtakes [guard: handback-documents-open] [guard: restore-open]', async () => {
      const lost = await lostOf(await lose());
      expect(bodyOf(await read('restored.json'))).not.toEqual({ v: 1, restored: null });
      const { db } = vault.database;
      let refused: Promise<request.Response> | undefined;
      await db.transaction().execute(async (trx) => {
        const mine = trx.updateTable('organisation').set({ restored_at: null }).where('org', '=', 'acme');
        await mine.execute();
        // It finds that the vault was restored, and waits for this.
        refused = handBack(lost);
        void refused.then(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 500));
      });
      expect((await refused)?.status).toBe(403);
      await rewriteMarks(vault.database);
      vault.clock.advance(1);
    });
  }
});
