import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Trust } from '@bulla/crypto';
import { documentOf } from '../../test/responder-fixture.js';
import { TrustRoom } from '../../test/trust-room.js';

let room: TrustRoom;
beforeAll(async () => {
  room = await TrustRoom.open();
});
afterAll(() => room.drop());
beforeEach(() => room.begin());
afterEach(() => room.vault.close());

describe('the chain of directories', () => {
  it('leads over versions that nobody showed, by the hashes between', async () => {
    const source = room.replica();
    await source.trustOf('acme');
    for (let count = 0; count < 3; count++) await room.organisation.publish();
    await room.refresh(source);
    expect((await source.trustOf('acme'))?.memory).toEqual(room.organisation.trust.memory);
    await room.organisation.publish();
    await room.organisation.publish();
    expect((await room.replica().trustOf('acme'))?.memory).toEqual(room.organisation.trust.memory);
    expect(room.vault.requests.filter((name) => name.startsWith('directory/'))).toEqual([
      'directory/hashes?from=1',
      'directory/hashes?from=4',
    ]);
  });

  it('is taken up in a database that had none, by all hashes', async () => {
    await room.replica().trustOf('acme');
    const memory = JSON.stringify({ revoked: [], withdrawn: [] });
    await room.db.updateTable('seen_document').set({ memory }).where('kind', '=', 'directory').execute();
    for (let count = 0; count < 2; count++) await room.organisation.publish();
    expect((await room.replica().trustOf('acme'))?.memory).toEqual(room.organisation.trust.memory);
    expect(room.vault.requests.filter((name) => name.startsWith('directory/'))).toEqual(['directory/hashes?from=1']);
  });

  it('[red] is not left over a gap, by a process that runs or one that starts', async () => {
    const before = room.organisation.trust;
    await room.organisation.publish((draft) => {
      Object.assign(draft.entities[room.organisation.author.urn] ?? {}, { groups: [] });
    });
    const source = room.replica();
    await source.trustOf('acme');
    // The removal from a group is undone on a branch that leaves before it.
    let branch = before;
    for (let count = 0; count < 3; count++) {
      const { ver, hash } = branch.directoryRef;
      const next = { ...branch.directory, version: ver + 1, prev: hash, chain: await branch.nextChain() };
      const directory = await room.organisation.sign('directory', { ...next, kept: [next.policy.hash] });
      const { org, pin, now } = room.organisation;
      branch = await Trust.establish({ ...before.documents, directory }, { org, pin, now, previous: branch });
    }
    const hashes = { from: 1, hashes: [...(branch.memory.hashes ?? []), branch.directoryRef.hash] };
    room.vault.answer = (name) => documentOf({ documents: branch.documents, hashes }, name);
    await expect(room.replica().trustOf('acme')).rejects.toMatchObject({ code: 'overloaded' });
    await room.refresh(source);
    expect((await source.trustOf('acme'))?.directoryRef).toEqual(room.organisation.trust.directoryRef);
    expect(room.refusals()).toEqual(['trust_rollback', 'trust_rollback']);
  });
});
