import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Trust } from '@bulla/crypto';
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
function replica(): VaultTrustSource {
  const log = new EventLog({ service: 'responder', stream: { write: (line: string) => void lines.push(line) } });
  const { org, pin } = organisation;
  const options = { org, pin, vaultUrl: vault.url, production: false, clock, log };
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

describe('the chain of directories', () => {
  it('leads over versions that nobody showed, by the hashes between', async () => {
    const source = replica();
    await source.trustOf('acme');
    for (let count = 0; count < 3; count++) await organisation.publish();
    await refresh(source);
    expect((await source.trustOf('acme'))?.memory).toEqual(organisation.trust.memory);
    await organisation.publish();
    await organisation.publish();
    expect((await replica().trustOf('acme'))?.memory).toEqual(organisation.trust.memory);
    expect(vault.requests.filter((name) => name.startsWith('directory/'))).toEqual([
      'directory/hashes?from=1',
      'directory/hashes?from=4',
    ]);
  });

  it('is taken up in a database that had none, by all hashes', async () => {
    await replica().trustOf('acme');
    const memory = JSON.stringify({ revoked: [], withdrawn: [] });
    await opened.database.db.updateTable('seen_document').set({ memory }).where('kind', '=', 'directory').execute();
    for (let count = 0; count < 2; count++) await organisation.publish();
    expect((await replica().trustOf('acme'))?.memory).toEqual(organisation.trust.memory);
    expect(vault.requests.filter((name) => name.startsWith('directory/'))).toEqual(['directory/hashes?from=1']);
  });

  it('[red] is not left over a gap, by a process that runs or one that starts', async () => {
    const before = organisation.trust;
    await organisation.publish((draft) => {
      Object.assign(draft.entities[organisation.author.urn] ?? {}, { groups: [] });
    });
    const source = replica();
    await source.trustOf('acme');
    // The removal from a group is undone on a branch that leaves before it.
    let branch = before;
    for (let count = 0; count < 3; count++) {
      const { ver, hash } = branch.directoryRef;
      const next = { ...branch.directory, version: ver + 1, prev: hash, chain: await branch.nextChain() };
      const directory = await organisation.sign('directory', { ...next, kept: [next.policy.hash] });
      const { org, pin, now } = organisation;
      branch = await Trust.establish({ ...before.documents, directory }, { org, pin, now, previous: branch });
    }
    const hashes = { from: 1, hashes: [...(branch.memory.hashes ?? []), branch.directoryRef.hash] };
    vault.answer = (name) => documentOf({ documents: branch.documents, hashes }, name);
    await expect(replica().trustOf('acme')).rejects.toMatchObject({ code: 'overloaded' });
    await refresh(source);
    expect((await source.trustOf('acme'))?.directoryRef).toEqual(organisation.trust.directoryRef);
    expect(refusals()).toEqual(['trust_rollback', 'trust_rollback']);
  });
});
