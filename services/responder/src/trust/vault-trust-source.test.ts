import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FIRST_CHAIN, mintId, nextChain, parseDirectory, signDocument, urnOf } from '@bulla/crypto';
import type { SeenMemory } from '../database/types.js';
import { documentOf, organisationForTest, serveDocuments } from '../../test/responder-fixture.js';
import { TrustRoom } from '../../test/trust-room.js';

let room: TrustRoom;
beforeAll(async () => {
  room = await TrustRoom.open();
});
afterAll(() => room.drop());
beforeEach(() => room.begin());
afterEach(() => room.vault.close());

describe('the documents of a responder', () => {
  it('are those of its own organisation and of no other', async () => {
    const source = room.replica();
    expect(await source.trustOf('other')).toBeUndefined();
    expect((await source.trustOf('acme'))?.directoryRef).toEqual(room.organisation.trust.directoryRef);
    await source.refresh('other');
    expect(room.vault.requests).toHaveLength(5);
  });

  it('become newer, root included, by a refresh', async () => {
    const source = room.replica();
    await source.trustOf('acme');
    await room.organisation.publishRoot();
    await room.organisation.publishPolicy();
    await room.refresh(source);
    const trust = await source.trustOf('acme');
    expect([trust?.root.version, trust?.policy.version, trust?.directory.version]).toEqual([2, 3, 3]);
  });

  it('stay what they are while the newest root is dated ahead', async () => {
    const source = room.replica();
    const before = (await source.trustOf('acme'))?.directoryRef;
    const documents = await room.organisation.signRoot(undefined, room.organisation.now + 63);
    room.vault.answer = (name) => documentOf({ documents, hashes: room.organisation.hashes }, name);
    await room.refresh(source);
    expect((await source.trustOf('acme'))?.directoryRef).toEqual(before);
    expect(room.refusals()).toEqual(['clock_skew']);
    await room.refresh(source);
    expect((await source.trustOf('acme'))?.root.version).toBe(2);
  });

  it('are asked for once by all who wait, and again only after a second', async () => {
    const source = room.replica();
    await source.trustOf('acme');
    room.vault.requests.length = 0;
    room.clock.advance(2);
    await Promise.all(Array.from({ length: 10 }, () => source.refresh('acme')));
    expect(room.vault.requests.filter((name) => name === 'directory.json')).toHaveLength(1);
  });

  it('are polled for each minute, whoever asks, until the source is stopped', async () => {
    const kid = room.organisation.invoker.sig.kid;
    const begun = jest.spyOn(globalThis, 'setInterval');
    const ended = jest.spyOn(globalThis, 'clearInterval');
    const source = room.replica();
    source.start();
    const [[poll, everyMs] = []] = begun.mock.calls;
    expect(everyMs).toBe(60_000);
    expect((await source.trustOf('acme'))?.isRevoked(kid)).toBe(false);
    await room.organisation.publish((draft) => {
      draft.revoked.push({ kid, reason: 'keyCompromise', at: room.organisation.now });
    });
    room.clock.advance(60);
    poll?.();
    while ((await source.trustOf('acme'))?.isRevoked(kid) !== true) await pause(5);
    source.stop();
    expect(ended.mock.calls).toContainEqual([begun.mock.results[0]?.value]);
    jest.restoreAllMocks();
    await expect(source.probe()).resolves.toBeUndefined();
  });

  it('stay, when newer ones cannot be had', async () => {
    const source = room.replica();
    await source.trustOf('acme');
    room.vault.answer = () => 500;
    await room.refresh(source);
    room.vault.answer = () => undefined;
    await room.refresh(source);
    await room.vault.close();
    await room.refresh(source);
    expect(await source.trustOf('acme')).toBeDefined();
    expect(room.refusals()).toEqual(['bad_status', 'missing', 'no_connection']);
  });

  it('are read on another connection when one ends just as it is used', async () => {
    const source = room.replica();
    await source.trustOf('acme');
    const left = new Set(['root/2.json', 'fresh.json', 'directory.json', 'policy.json']);
    room.vault.answer = (name) => (left.delete(name) ? null : documentOf(room.organisation, name));
    await room.organisation.publish();
    await room.refresh(source);
    expect((await source.trustOf('acme'))?.directoryRef).toEqual(room.organisation.trust.directoryRef);
    expect([...left]).toEqual([]);
  });

  it('make the service ready only while they are fresh', async () => {
    const source = room.replica();
    await source.probe();
    room.clock.advance(91 * 86_400);
    await expect(source.probe()).rejects.toMatchObject({ code: 'trust_expired' });
  });
});

describe('a vault is not believed that', () => {
  it('serves an organisation under another root than the pin', async () => {
    const source = room.replica({ pin: `sha256:${'0'.repeat(64)}` });
    await expect(source.trustOf('acme')).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(room.refusals()).toEqual(['pin_mismatch']);
    await expect(source.probe()).rejects.toThrow('no documents');
  });

  it('[red] serves an older directory than this process has [refuses: directory-rollback]', async () => {
    const old = { ...room.organisation.documents };
    await room.organisation.publish();
    const source = room.replica();
    await source.trustOf('acme');
    room.vault.answer = (name) => documentOf({ documents: old }, name);
    await room.refresh(source);
    expect((await source.trustOf('acme'))?.directory.version).toBe(2);
    expect(room.refusals()).toEqual(['trust_rollback']);
  });

  it('[red] serves a fresh replica an older directory than another one has seen', async () => {
    const old = { ...room.organisation.documents };
    await room.organisation.publish();
    await room.replica().trustOf('acme');
    room.vault.answer = (name) => documentOf({ documents: old }, name);
    await expect(room.replica().trustOf('acme')).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(room.refusals()).toEqual(['trust_rollback']);
  });

  it('[red] forks: another directory of the version that is known [refuses: directory-fork]', async () => {
    const source = room.replica();
    await source.trustOf('acme');
    const fork = await room.organisation.signDirectory((draft) => {
      Object.assign(draft, { version: 1, chain: FIRST_CHAIN });
      delete draft.prev;
      draft.kept.push(draft.policy.hash);
    });
    room.vault.answer = (name) => (name === 'directory.json' ? fork : documentOf(room.organisation, name));
    await room.refresh(source);
    expect((await source.trustOf('acme'))?.directoryRef).toEqual(room.organisation.trust.directoryRef);
    expect(room.refusals()).toEqual(['trust_rollback']);
  });

  it.each([
    ['', (seen: SeenMemory) => seen],
    // Nothing of its chain is known, so all hashes are asked for.
    [' from before there were chains', ({ revoked, withdrawn }: SeenMemory) => ({ revoked, withdrawn })],
  ])(
    '[red] serves a restarted responder%s a newer directory that has lost a revocation [guard: trust-seen]',
    async (_from, kept) => {
      const kid = room.organisation.invoker.sig.kid;
      const { directory, directoryRef, documents } = room.organisation.trust;
      await room.organisation.publish((draft) => {
        draft.revoked.push({ kid, reason: 'keyCompromise', at: room.organisation.now });
      });
      expect((await room.replica().trustOf('acme'))?.isRevoked(kid)).toBe(true);
      const directories = room.db.updateTable('seen_document').where('kind', '=', 'directory');
      const { memory } = await room.db
        .selectFrom('seen_document')
        .select('memory')
        .where('kind', '=', 'directory')
        .executeTakeFirstOrThrow();
      if (memory === null) throw new Error('nothing was remembered');
      await directories.set({ memory: JSON.stringify(kept(memory)) }).execute();
      // An admin was shown version 1 as the newest, and went on from there.
      let stale = { token: '', hash: directoryRef.hash, chain: FIRST_CHAIN };
      const hashes = [stale.hash];
      for (const version of [2, 3, 4]) {
        const chain = await nextChain(stale.chain, stale.hash);
        const payload = { ...directory, version, prev: stale.hash, chain };
        const token = await signDocument(payload, room.organisation.signers.directory);
        stale = { token, hash: (await parseDirectory(token)).hash, chain };
        hashes.push(stale.hash);
      }
      room.vault.answer = (name) => {
        if (name.startsWith('directory/hashes')) return documentOf({ documents, hashes: { from: 1, hashes } }, name);
        return name === 'directory.json' ? stale.token : documentOf(room.organisation, name);
      };
      await expect(room.replica().trustOf('acme')).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
      expect(room.refusals()).toEqual(['trust_rollback']);
    },
  );

  it('[red] serves a restarted responder a newer directory in which a withdrawn version is back', async () => {
    await room.organisation.publish((draft) => {
      draft.withdrawn.push({ sub: urnOf('acme', 'prompt', mintId('prm')), below: 2 });
    });
    await room.replica().trustOf('acme');
    await room.organisation.publish();
    const back = await room.organisation.signDirectory((draft) => {
      draft.version += 1;
      draft.withdrawn.length = 0;
    });
    room.vault.answer = (name) => (name === 'directory.json' ? back : documentOf(room.organisation, name));
    await expect(room.replica().trustOf('acme')).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(room.refusals()).toEqual(['trust_rollback']);
  });

  it('[red] serves two replicas two directories of one version at once', async () => {
    const fork = await room.organisation.signDirectory((draft) => {
      Object.assign(draft, { version: 1, chain: FIRST_CHAIN });
      delete draft.prev;
      draft.kept.push(draft.policy.hash);
    });
    const twin = await serveDocuments(room.organisation);
    twin.answer = (name) => (name === 'directory.json' ? fork : documentOf(room.organisation, name));
    const trusts = await Promise.allSettled([
      room.replica().trustOf('acme'),
      room.replica({ vaultUrl: twin.url }).trustOf('acme'),
    ]);
    await twin.close();
    expect(trusts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(room.refusals()).toEqual(['trust_rollback']);
  });

  it('[red] goes back with a database that was restored while this process ran [guard: trust-held]', async () => {
    const { db } = room;
    const old = { ...room.organisation.documents };
    const source = room.replica();
    await source.trustOf('acme');
    const backup = await db.selectFrom('seen_document').selectAll().where('kind', '=', 'directory').executeTakeFirst();
    await room.organisation.publish();
    await room.refresh(source);
    await db
      .updateTable('seen_document')
      .set({ version: backup?.version, sha256: backup?.sha256, memory: JSON.stringify(backup?.memory) })
      .where('kind', '=', 'directory')
      .execute();
    room.vault.answer = (name) => documentOf({ documents: old }, name);
    await room.refresh(source);
    expect((await source.trustOf('acme'))?.directory.version).toBe(2);
    expect(room.refusals()).toEqual(['trust_rollback']);
  });

  it('serves a directory that it signed itself', async () => {
    const source = room.replica();
    const own = JSON.parse(room.organisation.documents.directory) as { signatures: { signature: string }[] };
    for (const one of own.signatures) one.signature = one.signature.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'));
    room.vault.answer = (name) =>
      name === 'directory.json' ? JSON.stringify(own) : documentOf(room.organisation, name);
    await expect(source.trustOf('acme')).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(room.refusals()).toEqual(['signature_invalid']);
  });

  it.each([
    ['more than any document may be', 'directory.json', 7 * 1024 * 1024],
    ['a root that is larger than any root may be', 'root/1.json', 129 * 1024],
  ])('serves %s [guard: documents-size]', async (_what, large, bytes) => {
    room.vault.answer = (name) => (name === large ? 'x'.repeat(bytes) : documentOf(room.organisation, name));
    await expect(room.replica().trustOf('acme')).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(room.refusals()).toEqual(['too_large']);
  });

  it('serves a chain of roots without end, and is left at the first that is none [guard: documents-pin]', async () => {
    room.vault.answer = (name) => documentOf(room.organisation, name.startsWith('root/') ? 'root/1.json' : name);
    await expect(room.replica().trustOf('acme')).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(room.vault.requests).toEqual(['root/1.json', 'root/2.json']);
    expect(room.refusals()).toEqual(['trust_rollback']);
  });

  it('serves bytes that are no document', async () => {
    room.vault.answer = (name) => (name === 'root/1.json' ? 'zzCanary' : documentOf(room.organisation, name));
    await expect(room.replica().trustOf('acme')).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(room.refusals()).toEqual(['token_malformed']);
    expect(room.lines.join('')).not.toContain('zzCanary');
  });
});

describe('an organisation of profile development [guard: trust-development]', () => {
  it.each([
    [false, 1, []],
    [true, undefined, ['development_profile']],
  ])('is served unless in production (production: %s) [red]', async (production, version, refused) => {
    room.organisation = await organisationForTest({ profile: 'development' });
    await room.vault.close();
    room.vault = await serveDocuments(room.organisation);
    const source = room.replica({ production });
    const trust = await source.trustOf('acme').catch(() => undefined);
    expect(trust?.directory.version).toBe(version);
    expect(room.refusals()).toEqual(refused);
    const seen = await room.db.selectFrom('seen_document').selectAll().execute();
    expect(seen.length > 0).toBe(version !== undefined);
  });
});
