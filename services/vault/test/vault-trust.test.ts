import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { nextChain, parseDirectory } from '@bulla/crypto';
import { SignedClient } from '@bulla/service-kit/testing';
import type { Service } from '@bulla/service-kit';
import { basedOn, bodyOf, must } from './authoring.js';
import { ENROLMENTS, invitationOf, INVITATIONS, letIn, newcomerWith, pendingNewcomer } from './enrolling.js';
import type { TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

let vault: TestVault;
let replica: Service;
let another: Service;
beforeAll(async () => {
  vault = await startVault();
  replica = await vault.startReplica();
  another = await vault.startReplica();
});
afterAll(() => vault.stop());

const PROMPTS = '/api/v1/prompts';
type Member = { keyid: string; signer: TestVault['acme']['owner']['signer'] };
const atReplica = (member: Member) => new SignedClient(replica, member, { now: () => vault.clock.now() });
const atAnother = (member: Member) => new SignedClient(another, member, { now: () => vault.clock.now() });

async function publish(change: Parameters<TestVault['acme']['publish']>[0]): Promise<void> {
  const { acme } = vault;
  const from = acme.trust.directory.version;
  await acme.publish(change);
  const { directory } = acme.documents;
  must(200, await vault.clientOf(acme.owner).put('/api/v1/organisations/acme/directory', { directory }, basedOn(from)));
}

describe('another replica', () => {
  it('lets a new device in at once', async () => {
    const { acme } = vault;
    const device = await acme.makeDevice('replica', { roles: ['author'], groups: ['grp:authors'] });
    must(200, await atReplica(acme.owner).get(PROMPTS));
    expect((await atReplica(device).get(PROMPTS)).status).toBe(401);
    vault.clock.advance(2);
    await publish((draft) => {
      draft.entities[device.urn] = device.entity;
    });
    must(200, await atReplica(device).get(PROMPTS));
  });

  it('refuses a revoked key within half a second', async () => {
    const { acme } = vault;
    must(200, await atReplica(acme.auditor).get(PROMPTS));
    await publish((draft) => {
      draft.revoked.push({ kid: acme.auditor.sig.kid, reason: 'keyCompromise', at: acme.now });
    });
    vault.clock.advance(1);
    const response = await atReplica(acme.auditor).get(PROMPTS);
    expect([response.status, bodyOf(response)['code']]).toEqual([401, 'key_revoked']);
  });

  it('refuses a device that was let in and revoked: at once where that was published, elsewhere within a second', async () => {
    const { acme } = vault;
    const newcomer = await pendingNewcomer(vault);
    await letIn(vault, newcomer);
    const { device } = newcomer;
    const replicas = [vault.clientOf(device), atReplica(device), atAnother(device)];
    // An unknown key makes a replica look again at once, though not twice in a second.
    vault.clock.advance(1);
    for (const client of replicas) must(200, await client.get(PROMPTS));
    await publish((draft) => {
      draft.revoked.push({ kid: device.sig.kid, reason: 'privilegeWithdrawn', at: acme.now });
    });
    const refusalOf = async (client: SignedClient | undefined) => {
      const response = await client?.get(PROMPTS);
      return [response?.status, bodyOf(response ?? { body: {} })['code']];
    };
    expect(await refusalOf(replicas[0])).toEqual([401, 'key_revoked']);
    vault.clock.advance(1);
    for (const client of replicas) expect(await refusalOf(client)).toEqual([401, 'key_revoked']);
  });

  it('takes an approval where another took the invitation and a third the request', async () => {
    const { acme } = vault;
    const { invited, body } = await invitationOf(vault, acme);
    must(201, await atReplica(acme.owner).post(INVITATIONS, body));
    const newcomer = await newcomerWith(invited, acme);
    must(201, await atAnother(newcomer.asker).post(ENROLMENTS, newcomer.body));
    await letIn(vault, newcomer);
    const shown = must(200, await atReplica(newcomer.asker).get(`${ENROLMENTS}/${newcomer.id}`));
    expect(shown.body).toMatchObject({ state: 'approved', device: newcomer.device.urn });
  });

  it('goes over what was published elsewhere by the hashes in the table', async () => {
    const { acme } = vault;
    must(200, await atReplica(acme.owner).get(PROMPTS));
    for (let count = 0; count < 3; count++) await publish(() => {});
    vault.clock.advance(1);
    must(200, await atReplica(acme.owner).get(PROMPTS));
    const shown = await vault.get('/.well-known/bulla/acme/directory/hashes?from=1');
    expect(shown.body).toEqual({ v: 1, hashes: acme.hashes.hashes });
  });

  it('publishes on what was published elsewhere a moment ago', async () => {
    const { acme } = vault;
    must(200, await atReplica(acme.owner).get(PROMPTS));
    await publish(() => {});
    const from = acme.trust.directory.version;
    await acme.publish();
    const { directory } = acme.documents;
    const put = () => atReplica(acme.owner).put('/api/v1/organisations/acme/directory', { directory }, basedOn(from));
    expect(must(200, await put()).body).toEqual({ version: from + 1 });
    vault.clock.advance(1);
    const shown = await vault.get('/.well-known/bulla/acme/directory.json');
    expect(shown.text).toBe(directory);
  });
});

describe('a table that somebody changed', () => {
  const change = (token: string) =>
    vault.database.db
      .updateTable('org_document')
      .set({ token })
      .where('org', '=', 'acme')
      .where('kind', '=', 'directory')
      .where('version', '=', vault.acme.trust.directory.version)
      .execute();

  it('is not believed, and nothing is done until it is mended', async () => {
    const { acme } = vault;
    await publish(() => {});
    const { directory } = acme.documents;
    const forged = await vault.other.sign('directory', { ...acme.trust.directory });
    await change(forged);
    const later = await vault.startReplica();
    const refused = await new SignedClient(later, acme.owner, { now: () => vault.clock.now() }).get(PROMPTS);
    expect([refused.status, bodyOf(refused)['code']]).toEqual([500, 'internal']);
    expect(vault.log.join('\n')).toContain('"event":"trust-not-loaded"');
    await change(directory);
    must(200, await new SignedClient(later, acme.owner, { now: () => vault.clock.now() }).get(PROMPTS));
  });

  it('is not believed where it goes on from another directory than the one held, and no newer root came [guard: vault-table-roots-first]', async () => {
    const { acme } = vault;
    await publish(() => {});
    must(200, await vault.clientOf(acme.owner).get(PROMPTS));
    const { directory, directoryRef } = acme.trust;
    const { version, chain = '' } = directory;
    const other = await parseDirectory(await acme.sign('directory', { ...directory, kept: ['A'.repeat(43)] }));
    const following = { version: version + 1, prev: other.hash, chain: await nextChain(chain, other.hash) };
    const { token, hash } = await parseDirectory(await acme.sign('directory', { ...directory, ...following }));
    const { db } = vault.database;
    const isHeld = (sha256: string) =>
      db
        .updateTable('directory_hash')
        .set({ sha256 })
        .where('org', '=', 'acme')
        .where('version', '=', version)
        .execute();
    const row = { org: 'acme', version: version + 1, sha256: hash };
    await isHeld(other.hash);
    await db.insertInto('directory_hash').values(row).execute();
    await db
      .insertInto('org_document')
      .values({ ...row, kind: 'directory', token })
      .execute();
    vault.clock.advance(1);
    const refused = await vault.clientOf(acme.owner).get(PROMPTS);
    expect([refused.status, bodyOf(refused)['code']]).toEqual([500, 'internal']);
    for (const table of ['directory_hash', 'org_document'] as const)
      await db.deleteFrom(table).where('sha256', '=', hash).execute();
    await isHeld(directoryRef.hash);
    vault.clock.advance(1);
    must(200, await vault.clientOf(acme.owner).get(PROMPTS));
  });

  it('is not believed when the hash of an earlier directory is another [guard: vault-table-chain]', async () => {
    const { acme } = vault;
    await publish(() => {});
    const row = { org: 'acme', version: 1 };
    const set = (sha256: string) =>
      vault.database.db
        .updateTable('directory_hash')
        .set({ sha256 })
        .where('org', '=', row.org)
        .where('version', '=', row.version)
        .execute();
    await set('A'.repeat(43));
    const later = await vault.startReplica();
    const client = new SignedClient(later, acme.owner, { now: () => vault.clock.now() });
    expect((await client.get(PROMPTS)).status).toBe(500);
    await set(acme.hashes.hashes[0] ?? '');
    must(200, await client.get(PROMPTS));
  });

  it('is not believed when documents are gone, or older ones are back', async () => {
    const { acme } = vault;
    await publish(() => {});
    const { version } = acme.trust.directory;
    vault.clock.advance(1);
    must(200, await vault.clientOf(acme.owner).get(PROMPTS));
    const newest = await vault.database.db
      .deleteFrom('org_document')
      .where('org', '=', 'acme')
      .where('kind', '=', 'directory')
      .where('version', '=', version)
      .returningAll()
      .executeTakeFirstOrThrow();
    vault.clock.advance(1);
    const refused = await vault.clientOf(acme.owner).get(PROMPTS);
    expect([refused.status, bodyOf(refused)['code']]).toEqual([500, 'internal']);
    const policies = await vault.database.db
      .deleteFrom('org_document')
      .where('org', '=', 'acme')
      .where('kind', '=', 'policy')
      .returningAll()
      .execute();
    expect((await vault.clientOf(acme.owner).get(PROMPTS)).status).toBe(500);
    await vault.database.db
      .insertInto('org_document')
      .values([newest, ...policies])
      .execute();
    must(200, await vault.clientOf(acme.owner).get(PROMPTS));
  });
});
