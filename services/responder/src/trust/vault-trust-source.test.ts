import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FIRST_CHAIN, mintId, nextChain, parseDirectory, signDocument, urnOf } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { EventLog } from '@bulla/service-kit';
import { TestClock } from '@bulla/service-kit/testing';
import { documentOf, openDatabase, organisationForTest, serveDocuments } from '../../test/responder-fixture.js';
import type { DocumentServer } from '../../test/responder-fixture.js';
import { SeenDocumentsRepository } from './seen-documents.repository.js';
import { VaultTrustSource } from './vault-trust-source.js';

let opened: Awaited<ReturnType<typeof openDatabase>>;
let organisation: TestOrganisation;
let vault: DocumentServer;
let clock: TestClock;
let lines: string[];

beforeAll(async () => {
  opened = await openDatabase('server');
});
afterAll(() => opened.drop());

beforeEach(async () => {
  await opened.database.db.deleteFrom('seen_document').execute();
  organisation = await organisationForTest();
  vault = await serveDocuments(organisation);
  clock = new TestClock(organisation.now * 1000);
  lines = [];
});
afterEach(() => vault.close());

/** A process of the responder: what it remembers is in the database. */
function replica(change: Partial<{ pin: string; vaultUrl: string; production: boolean }> = {}): VaultTrustSource {
  const log = new EventLog({ service: 'responder', stream: { write: (line: string) => void lines.push(line) } });
  const { org, pin } = organisation;
  const options = { org, pin, vaultUrl: vault.url, production: false, clock, log, ...change };
  return new VaultTrustSource(options, new SeenDocumentsRepository(opened.database.db));
}

/** Lets the time pass after which the vault is asked again. */
async function refresh(source: VaultTrustSource): Promise<void> {
  clock.advance(2);
  await source.refresh(organisation.org);
}

function refusals(): string[] {
  return lines
    .map((line) => JSON.parse(line) as { event: string; code: string })
    .flatMap(({ event, code }) => (event === 'trust-not-loaded' ? [code] : []));
}

describe('the documents of a responder', () => {
  it('are those of its own organisation and of no other', async () => {
    const source = replica();
    expect(await source.trustOf('other')).toBeUndefined();
    expect((await source.trustOf('acme'))?.directoryRef).toEqual(organisation.trust.directoryRef);
    await source.refresh('other');
    expect(vault.requests).toHaveLength(4);
  });

  it('become newer, root included, by a refresh', async () => {
    const source = replica();
    await source.trustOf('acme');
    await organisation.publishRoot();
    await organisation.publishPolicy();
    await refresh(source);
    const trust = await source.trustOf('acme');
    expect([trust?.root.version, trust?.policy.version, trust?.directory.version]).toEqual([2, 2, 2]);
  });

  it('are asked for once by all who wait, and again only after a second', async () => {
    const source = replica();
    await source.trustOf('acme');
    vault.requests.length = 0;
    clock.advance(2);
    await Promise.all(Array.from({ length: 10 }, () => source.refresh('acme')));
    expect(vault.requests.filter((name) => name === 'directory.json')).toHaveLength(1);
  });

  it('are polled for each minute, whoever asks, until the source is stopped', async () => {
    const kid = organisation.invoker.sig.kid;
    const begun = jest.spyOn(globalThis, 'setInterval');
    const ended = jest.spyOn(globalThis, 'clearInterval');
    const source = replica();
    source.start();
    const [[poll, everyMs] = []] = begun.mock.calls;
    expect(everyMs).toBe(60_000);
    expect((await source.trustOf('acme'))?.isRevoked(kid)).toBe(false);
    await organisation.publish((draft) => {
      draft.revoked.push({ kid, reason: 'keyCompromise', at: organisation.now });
    });
    clock.advance(60);
    poll?.();
    while ((await source.trustOf('acme'))?.isRevoked(kid) !== true) await pause(5);
    source.stop();
    expect(ended.mock.calls).toContainEqual([begun.mock.results[0]?.value]);
    jest.restoreAllMocks();
    await expect(source.probe()).resolves.toBeUndefined();
  });

  it('stay, when newer ones cannot be had', async () => {
    const source = replica();
    await source.trustOf('acme');
    vault.answer = () => 500;
    await refresh(source);
    vault.answer = () => undefined;
    await refresh(source);
    await vault.close();
    await refresh(source);
    expect(await source.trustOf('acme')).toBeDefined();
    expect(refusals()).toEqual(['bad_status', 'missing', 'no_connection']);
  });

  it('are read on another connection when one ends just as it is used', async () => {
    const source = replica();
    await source.trustOf('acme');
    const left = new Set(['root/2.json', 'directory.json', 'policy.json']);
    vault.answer = (name) => (left.delete(name) ? null : documentOf(organisation, name));
    await organisation.publish();
    await refresh(source);
    expect((await source.trustOf('acme'))?.directoryRef).toEqual(organisation.trust.directoryRef);
    expect([...left]).toEqual([]);
  });

  it('make the service ready only while they are fresh', async () => {
    const source = replica();
    await source.probe();
    clock.advance(91 * 86_400);
    await expect(source.probe()).rejects.toMatchObject({ code: 'trust_expired' });
  });
});

describe('a vault is not believed that', () => {
  it('serves an organisation under another root than the pin', async () => {
    const source = replica({ pin: `sha256:${'0'.repeat(64)}` });
    await expect(source.trustOf('acme')).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(refusals()).toEqual(['pin_mismatch']);
    await expect(source.probe()).rejects.toThrow('no documents');
  });

  it('[red] serves an older directory than this process has [refuses: directory-rollback]', async () => {
    const old = { ...organisation.documents };
    await organisation.publish();
    const source = replica();
    await source.trustOf('acme');
    vault.answer = (name) => documentOf({ documents: old }, name);
    await refresh(source);
    expect((await source.trustOf('acme'))?.directory.version).toBe(2);
    expect(refusals()).toEqual(['trust_rollback']);
  });

  it('[red] serves a fresh replica an older directory than another one has seen', async () => {
    const old = { ...organisation.documents };
    await organisation.publish();
    await replica().trustOf('acme');
    vault.answer = (name) => documentOf({ documents: old }, name);
    await expect(replica().trustOf('acme')).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(refusals()).toEqual(['trust_rollback']);
  });

  it('[red] forks: another directory of the version that is known [refuses: directory-fork]', async () => {
    const source = replica();
    await source.trustOf('acme');
    const fork = await organisation.signDirectory((draft) => {
      Object.assign(draft, { version: 1, chain: FIRST_CHAIN });
      delete draft.prev;
      draft.kept.push(draft.policy.hash);
    });
    vault.answer = (name) => (name === 'directory.json' ? fork : documentOf(organisation, name));
    await refresh(source);
    expect((await source.trustOf('acme'))?.directoryRef).toEqual(organisation.trust.directoryRef);
    expect(refusals()).toEqual(['trust_rollback']);
  });

  it('[red] serves a restarted responder a newer directory that has lost a revocation [guard: trust-seen]', async () => {
    const kid = organisation.invoker.sig.kid;
    const { directory, directoryRef, documents } = organisation.trust;
    await organisation.publish((draft) => {
      draft.revoked.push({ kid, reason: 'keyCompromise', at: organisation.now });
    });
    expect((await replica().trustOf('acme'))?.isRevoked(kid)).toBe(true);
    // An admin was shown version 1 as the newest, and went on from there.
    let stale = { token: '', hash: directoryRef.hash, chain: FIRST_CHAIN };
    const hashes = [stale.hash];
    for (const version of [2, 3, 4]) {
      const chain = await nextChain(stale.chain, stale.hash);
      const payload = { ...directory, version, prev: stale.hash, chain };
      const token = await signDocument(payload, organisation.signers.directory);
      stale = { token, hash: (await parseDirectory(token)).hash, chain };
      hashes.push(stale.hash);
    }
    vault.answer = (name) => {
      if (name.startsWith('directory/hashes')) return documentOf({ documents, hashes: { from: 1, hashes } }, name);
      return name === 'directory.json' ? stale.token : documentOf(organisation, name);
    };
    await expect(replica().trustOf('acme')).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(refusals()).toEqual(['trust_rollback']);
  });

  it('[red] serves a restarted responder a newer directory in which a withdrawn version is back', async () => {
    await organisation.publish((draft) => {
      draft.withdrawn.push({ sub: urnOf('acme', 'prompt', mintId('prm')), below: 2 });
    });
    await replica().trustOf('acme');
    await organisation.publish();
    const back = await organisation.signDirectory((draft) => {
      draft.version += 1;
      draft.withdrawn.length = 0;
    });
    vault.answer = (name) => (name === 'directory.json' ? back : documentOf(organisation, name));
    await expect(replica().trustOf('acme')).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(refusals()).toEqual(['trust_rollback']);
  });

  it('[red] serves two replicas two directories of one version at once', async () => {
    const fork = await organisation.signDirectory((draft) => {
      Object.assign(draft, { version: 1, chain: FIRST_CHAIN });
      delete draft.prev;
      draft.kept.push(draft.policy.hash);
    });
    const twin = await serveDocuments(organisation);
    twin.answer = (name) => (name === 'directory.json' ? fork : documentOf(organisation, name));
    const trusts = await Promise.allSettled([
      replica().trustOf('acme'),
      replica({ vaultUrl: twin.url }).trustOf('acme'),
    ]);
    await twin.close();
    expect(trusts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(refusals()).toEqual(['trust_rollback']);
  });

  it('[red] goes back with a database that was restored while this process ran [guard: trust-held]', async () => {
    const { db } = opened.database;
    const old = { ...organisation.documents };
    const source = replica();
    await source.trustOf('acme');
    const backup = await db.selectFrom('seen_document').selectAll().where('kind', '=', 'directory').executeTakeFirst();
    await organisation.publish();
    await refresh(source);
    await db
      .updateTable('seen_document')
      .set({ version: backup?.version, sha256: backup?.sha256 })
      .where('kind', '=', 'directory')
      .execute();
    vault.answer = (name) => documentOf({ documents: old }, name);
    await refresh(source);
    expect((await source.trustOf('acme'))?.directory.version).toBe(2);
    expect(refusals()).toEqual(['trust_rollback']);
  });

  it('serves a directory that it signed itself', async () => {
    const source = replica();
    const own = JSON.parse(organisation.documents.directory) as { signatures: { signature: string }[] };
    for (const one of own.signatures) one.signature = one.signature.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'));
    vault.answer = (name) => (name === 'directory.json' ? JSON.stringify(own) : documentOf(organisation, name));
    await expect(source.trustOf('acme')).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(refusals()).toEqual(['signature_invalid']);
  });

  it.each([
    ['more than any document may be', 'directory.json', 7 * 1024 * 1024],
    ['a root that is larger than any root may be', 'root/1.json', 129 * 1024],
  ])('serves %s [guard: documents-size]', async (_what, large, bytes) => {
    vault.answer = (name) => (name === large ? 'x'.repeat(bytes) : documentOf(organisation, name));
    await expect(replica().trustOf('acme')).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(refusals()).toEqual(['too_large']);
  });

  it('serves a chain of roots without end, and is left at the first that is none [guard: documents-pin]', async () => {
    vault.answer = (name) => documentOf(organisation, name.startsWith('root/') ? 'root/1.json' : name);
    await expect(replica().trustOf('acme')).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(vault.requests).toEqual(['root/1.json', 'root/2.json']);
    expect(refusals()).toEqual(['trust_rollback']);
  });

  it('serves bytes that are no document', async () => {
    vault.answer = (name) => (name === 'root/1.json' ? 'zzCanary' : documentOf(organisation, name));
    await expect(replica().trustOf('acme')).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(refusals()).toEqual(['token_malformed']);
    expect(lines.join('')).not.toContain('zzCanary');
  });
});

describe('an organisation of profile development [guard: trust-development]', () => {
  it.each([
    [false, 1, []],
    [true, undefined, ['development_profile']],
  ])('is served unless in production (production: %s) [red]', async (production, version, refused) => {
    organisation = await organisationForTest({ profile: 'development' });
    await vault.close();
    vault = await serveDocuments(organisation);
    const source = replica({ production });
    const trust = await source.trustOf('acme').catch(() => undefined);
    expect(trust?.directory.version).toBe(version);
    expect(refusals()).toEqual(refused);
    const seen = await opened.database.db.selectFrom('seen_document').selectAll().execute();
    expect(seen.length > 0).toBe(version !== undefined);
  });
});
