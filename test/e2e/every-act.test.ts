import type { Job, RouteName } from '@bulla/contract';
import { encodeLeaf, may, ROUTES, targetOf } from '@bulla/contract';
import type { DirectoryDocument, Trust } from '@bulla/crypto';
import { parsePolicy } from '@bulla/crypto';
import { AuditOutbox, EventLog } from '@bulla/service-kit';
import type { Service } from '@bulla/service-kit';
import type { SignedClient } from '@bulla/service-kit/testing';
import { findPostgres } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { Retention } from '../../packages/service-kit/src/audit-log/retention/retention.js';
import { LogRepository } from '../../packages/service-kit/src/audit-log/log.repository.js';
import { ask, storePrompt } from '../../services/responder/test/asking.js';
import {
  openDatabase,
  organisationForTest,
  serveDocuments,
  startResponder,
} from '../../services/responder/test/responder-fixture.js';
import {
  basedOn,
  bodyOf,
  freshName,
  mintId,
  must,
  publishPrompt,
  sealVersion,
  tagOf,
} from '../../services/vault/test/authoring.js';
import { pendingNewcomer } from '../../services/vault/test/enrolling.js';
import { renewerOf } from '../../services/vault/test/freshening.js';
import { doChore, manageOne } from '../../services/vault/test/managing.js';
import { backUp, restore } from '../../services/vault/test/restoring.js';
import { publishRoot } from '../../services/vault/test/rooting.js';
import type { TestVault } from '../../services/vault/test/running-vault.js';
import { startVault } from '../../services/vault/test/running-vault.js';
import { callerOf, clearVersion, makeSamples, sendAs, SIGNED_ROUTES } from '../../services/vault/test/samples.js';
import { everyPair, judgeServed } from './served-log.js';

// Every act that a service writes, by every request that brings it about, in logs that verify. What is not produced here
// would be called a misfit for ever once a service writes it, or is in the table for nothing.

const DAY_SECONDS = 86_400;
const seen = new Set<string>();
/** A device that asks what became of its own request is a stranger still: of strangers only numbers are written down. */
const UNWRITTEN = ['enrolment.get < enrolment.get'];

/** What a log has is good, and is remembered. */
async function expectGood(client: SignedClient, of: Parameters<typeof judgeServed>[1]): Promise<void> {
  const { verdict, pairs } = await judgeServed(client, of);
  expect([verdict.failure, verdict.misfits]).toEqual([undefined, []]);
  expect(verdict.checks.map(({ name }) => name)).toContain('evidence');
  for (const pair of pairs) seen.add(pair);
}

/** A service that listens writes its log by itself as well, and one at a time. */
async function untilSigned(
  service: Service,
  { db }: Awaited<ReturnType<typeof openDatabase>>['database'],
): Promise<void> {
  for (;;) {
    await doChore(service, 'write-audit-log');
    const waiting = await db.selectFrom('audit_outbox').select('id').limit(1).execute();
    const logs = await db.selectFrom('audit_log').select(['size', 'checkpoint_size']).execute();
    if (waiting.length === 0 && logs.every(({ size, checkpoint_size: signed }) => size === signed)) return;
  }
}

describe('the log of a vault', () => {
  let vault: TestVault;
  const trusts: Trust[] = [];
  /** The latest time of the vault so far: who verifies lives then. */
  let latest = 0;
  beforeAll(async () => {
    vault = await startVault(findPostgres() === undefined ? 'PGlite' : 'PostgreSQL');
  });
  afterAll(() => vault.stop());

  const org = { org: 'acme' };
  const owner = () => vault.clientOf(vault.acme.owner);
  const author = () => vault.clientOf(vault.acme.author);
  const expectVerified = async () => {
    await doChore(vault.service, 'write-audit-log');
    const auditor = vault.clientOf(vault.acme.auditor);
    trusts.unshift(vault.acme.trust);
    latest = Math.max(latest, vault.clock.now());
    const { urn } = vault.acme.vault;
    await expectGood(auditor, { urn, org: 'acme', trusts: trusts as [Trust, ...Trust[]], now: latest });
  };

  it('has what each route brings about under its own name, done or refused', async () => {
    const samples = await makeSamples(vault);
    const { acme } = vault;
    const members = [acme.owner, acme.author, acme.auditor, acme.responders[0], renewerOf(acme)];
    const last: RouteName[] = ['grant.delete', 'prompt.delete'];
    // What all others are judged by changes later.
    const publishing: RouteName[] = ['root.publish', 'policy.publish', 'directory.publish', 'enrolment.approve'];
    const names = SIGNED_ROUTES.filter((name) => !last.includes(name));
    for (const name of [...names, ...last]) {
      const sample = samples.of.get(name);
      if (sample === undefined) throw new Error(`no sample of ${name}`);
      const { permission } = ROUTES[name] as { permission: Parameters<typeof may>[1] };
      const stranger = members.find(({ entity }) => !may(entity.roles, permission));
      if (stranger !== undefined) must(403, await sendAs(vault, stranger, sample));
      if (!publishing.includes(name)) await sendAs(vault, callerOf(name, acme), sample);
    }
    await expectVerified();
  });

  it('has what a push brings about beside, sealed or in the clear', async () => {
    const { acme } = vault;
    const prompt = { id: mintId('prm'), name: freshName() };
    const { content, grants, chash } = await sealVersion(acme, acme.author, prompt, 1);
    const tags = await Promise.all(
      ['latest', 'staging'].map((tag) => tagOf(acme, acme.author, prompt, { tag, ver: 1, chash, seq: 1 })),
    );
    const made = { prompt: { name: prompt.name, type: 'text' } };
    const versions = targetOf('version.create', { id: prompt.id });
    must(201, await author().post(versions, { content, grants, tags, ...made }, basedOn(0)));
    const open = { id: mintId('prm'), name: 'open/by-form' };
    const clear = { ...clearVersion(acme), prompt: { name: open.name, type: 'text' } };
    must(201, await author().post(targetOf('version.entrust', { id: open.id }), clear, basedOn(0)));
    await expectVerified();
  });

  it('has what becomes of data keys that the vault kept: of a deleted prompt, and by two ways of another policy', async () => {
    const deleted = await publishPrompt(vault, vault.acme, 'open/deleted');
    must(204, await author().delete(targetOf('prompt.delete', { id: deleted.id })));
    for (const prefix of ['open/one/', 'open/two/'] as const) await publishPrompt(vault, vault.acme, `${prefix}prompt`);
    const { acme } = vault;
    await acme.publishPolicy((draft) => (draft.custody = { ...draft.custody, 'open/one/': 'sealed' }));
    const { policy, directory } = acme.documents;
    const before = [acme.trust.policy, acme.trust.directory].map(({ version }) => basedOn(version - 1));
    must(200, await owner().put(targetOf('policy.publish', org), { policy }, before[0]));
    must(200, await owner().put(targetOf('directory.publish', org), { directory }, before[1]));
    const newcomer = await pendingNewcomer(vault);
    const next = await naming('open/two/', (draft) => (draft.entities[newcomer.device.urn] = newcomer.device.entity));
    const on = basedOn(acme.trust.policy.version);
    must(200, await owner().put(targetOf('policy.publish', org), { policy: next.policy }, on));
    const approval = targetOf('enrolment.approve', { id: newcomer.id });
    must(201, await owner().post(approval, { directory: next.directory }));
    await expectVerified();
  });

  /** The next policy, which seals names, and a directory that names it; the organisation does not go on from there. */
  async function naming(prefix: `open/${string}/`, change: (draft: DirectoryDocument) => void) {
    const { policy: current, directory: newest } = vault.acme.trust;
    const custody = { ...current.custody, [prefix]: 'sealed' as const };
    const [version, prev] = [current.version + 1, newest.policy.hash];
    const policy = await vault.acme.sign('policy', { ...current, version, prev, custody });
    const { hash } = await parsePolicy(policy);
    const directory = await vault.acme.signDirectory((draft) => {
      draft.policy = { version, hash };
      change(draft);
    });
    return { policy, directory };
  }

  it('has what the vault does by itself', async () => {
    const managed = await manageOne(vault);
    const { acme, rootKeyFiles } = vault;
    const rotate = async (body: object) => bodyOf<Job>(must(201, await owner().post('/api/v1/keys/rotations', body)));
    // To a responder that had no grant.
    const prompt = await publishPrompt(vault, acme, 'open/granted', { to: [] });
    const wanted = { prompt: prompt.id, label: 'production', aud: acme.responders[0].urn };
    must(201, await vault.clientOf(acme.invoker).post('/api/v1/envelopes', wanted));
    await rotate({ what: 'kek' });
    for (const _ of [1, 2]) await doChore(vault.service, 'run-jobs');
    await doChore(vault.service, 'care-for-keys');
    vault.clock.advance(8 * DAY_SECONDS);
    await doChore(vault.service, 'care-for-keys');
    vault.clock.advance(83 * DAY_SECONDS);
    await doChore(vault.service, 'care-for-keys');
    // What is from the future waits for its time.
    await doChore(vault.service, 'write-audit-log');
    latest = vault.clock.now();
    vault.clock.advance(-91 * DAY_SECONDS);
    rootKeyFiles.placeNext();
    await doChore(vault.service, 'hold-root-keys');
    await rotate({ what: 'root', to: rootKeyFiles.settings.next });
    for (const _ of [1, 2]) await doChore(vault.service, 'run-jobs');
    expect(managed.dek).toHaveLength(32);
    await expectVerified();
  });
});

describe('the log of a vault whose root is replaced', () => {
  it('has the policy and the directory that came with it, and what ends by them', async () => {
    const vault = await startVault(findPostgres() === undefined ? 'PGlite' : 'PostgreSQL');
    const { acme } = vault;
    await publishPrompt(vault, acme, 'open/one/prompt');
    must(
      200,
      await publishRoot(vault, { policy: (draft) => (draft.custody = { ...draft.custody, 'open/one/': 'sealed' }) }),
    );
    await doChore(vault.service, 'write-audit-log');
    await expectGood(vault.clientOf(acme.auditor), { urn: acme.vault.urn, org: 'acme', trusts: [acme.trust] });
    await vault.stop();
  });
});

describe('the log of a vault that lost something', () => {
  let vault: TestVault;
  beforeAll(async () => {
    vault = await startVault(findPostgres() === undefined ? 'PGlite' : 'PostgreSQL');
  });
  afterAll(() => vault.stop());

  it('has what documents speak for that were handed back, and what follows from them', async () => {
    const { acme } = vault;
    const owner = vault.clientOf(acme.owner);
    await publishPrompt(vault, acme, 'open/one/prompt');
    const from = acme.trust.directory.version;
    const backup = await backUp(vault.database);
    await acme.publishPolicy((draft) => (draft.custody = { ...draft.custody, 'open/one/': 'sealed' }));
    await restore(vault.database, backup);
    vault.clock.advance(1);
    const { roots, policy, directory } = acme.documents;
    const hashes = acme.trust.memory.hashes?.slice(from - 1) ?? [];
    const lost = { roots, policy, directory, from, hashes, fresh: [] };
    const path = targetOf('organisation.handback', { org: 'acme' });
    must(200, await request(vault.service.app.getHttpServer()).post(path).send(lost));
    const resume = targetOf('organisation.resume', { org: 'acme' });
    must(200, await owner.post(resume, { directory: acme.trust.directory.version }));
    await doChore(vault.service, 'write-audit-log');
    await expectGood(vault.clientOf(acme.auditor), { urn: acme.vault.urn, org: 'acme', trusts: [acme.trust] });
  });

  it('has what goes since it was kept long enough', async () => {
    const { acme, database, clock } = vault;
    const outbox = vault.service.app.get(AuditOutbox, { strict: false });
    const at = new Date(clock.nowMs() - 400 * DAY_SECONDS * 1000);
    const rows = Array.from({ length: 300 }, (_, index) => ({
      org: 'other',
      event: encodeLeaf(
        { id: mintId('aud'), t: at.toISOString(), org: 'other' },
        { v: 1, who: { type: 'service' }, act: 'kek.destroy', res: 'ok', obj: { kek: index + 1 } },
      ),
      evidence: null,
    }));
    await database.db.transaction().execute(async (trx) => {
      await outbox.write(trx, ...rows);
      await trx.updateTable('audit_outbox').set({ at }).where('org', '=', 'other').execute();
    });
    await doChore(vault.service, 'write-audit-log');
    const prompt = { id: mintId('prm'), name: freshName(), type: 'text' };
    must(403, await vault.clientOf(vault.other.auditor).post('/api/v1/prompts', prompt));
    await doChore(vault.service, 'write-audit-log');
    const log = new EventLog({ service: 'vault', level: 'silent' });
    const now = { machineMs: () => Date.now(), nowMs: () => Date.now() };
    const today = Object.assign(Object.create(clock) as typeof clock, now);
    const logs = new LogRepository(database.db);
    await new Retention({
      database,
      // The first entries are of today, and so a month that has not come yet is the first that stays.
      days: -40,
      logs,
      clock: today,
      log,
      outbox,
      firsts: {
        kept: async () => undefined,
        isFirst: async () => true,
        isEntry: async () => true,
        signedHead: (org, number) => logs.find(org, number),
      },
    }).run();
    await doChore(vault.service, 'write-audit-log');
    const { other } = vault;
    expect(acme.vault.urn).not.toBe(other.vault.urn);
    await expectGood(vault.clientOf(other.auditor), { urn: other.vault.urn, org: 'other', trusts: [other.trust] });
  });
});

describe('the log of a responder', () => {
  it('has runs, their ends, and what is asked of it beside', async () => {
    const organisation = await organisationForTest({ suite: 'p256' });
    const documents = await serveDocuments(organisation);
    const database = await openDatabase(findPostgres() === undefined ? 'embedded' : 'server');
    const responder = await startResponder({ organisation, vault: documents, database: database.database });
    const { invoker, auditor } = organisation;
    const prompt = await storePrompt(organisation);
    const { body } = await ask(organisation, prompt);
    for (const _ of ['run', 'replayed']) must(200, await responder.client(invoker).post('/api/v1/invocations', body));
    must(403, await responder.client(auditor).get('/api/v1/models'));
    const [{ enc }] = organisation.responders;
    const tried = targetOf('grant.tried', undefined, { kid: enc?.kid ?? '', limit: 5 });
    must(403, await responder.client(invoker).get(tried));
    await untilSigned(responder.service, database.database);
    const [{ urn }] = organisation.responders;
    await expectGood(responder.client(auditor), { urn, org: 'acme', trusts: [organisation.trust] });
    await responder.service.close();
    await database.drop();
    await documents.close();
  });
});

describe('the table of what brings an act about', () => {
  it('has nothing that no service writes, and everything that one does', () => {
    expect(everyPair().filter((pair) => !seen.has(pair))).toEqual(UNWRITTEN);
    expect([...seen].filter((pair) => !everyPair().includes(pair))).toEqual([]);
  });
});
