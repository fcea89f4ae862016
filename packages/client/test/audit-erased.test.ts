import { mintId } from '@bulla/crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { verifyBundle } from '../src/audit/bundle/verify-bundle.js';
import { AuditWorld, changeEntry } from './audit-world.js';
import { MemoryFolder } from './memory-folder.js';

// What showed that somebody asked was erased, and the log says so.

let all: AuditWorld;
beforeAll(async () => {
  all = await AuditWorld.make();
});
afterAll(() => all.world.stop());
beforeEach(() => all.begin());

const asked = (by: 'author' | 'invoker', count: number) =>
  Promise.all(
    Array.from({ length: count }, (_, items) =>
      all.first.add({ act: 'prompt.list', obj: { items }, by: all.world.organisation[by] }),
    ),
  );
const evidenceOf = async () => (await all.checks())['evidence'];
const kidOf = (who: 'author' | 'invoker' | 'owner') => all.world.organisation[who].signer.kid;
const erase = (...indices: number[]) => {
  for (const index of indices) Object.assign(all.first.entries[index] ?? {}, { evidence: null });
};
/** The entry by which an owner's erasure is put down. */
const say = async (below: number, actor = kidOf('author'), log = 1, held = all.first, by = owner()) => {
  await held.add({ act: 'audit.erase', obj: { log, actor, below, items: 1 }, by });
  await held.sign();
};
const owner = () => all.world.organisation.owner;
const GONE = 'what shows who asked is not there, and no owner had it erased';

describe('evidence that was erased', () => {
  it('is told from evidence that is not there, by what the log says [guard: audit-erased-said] [guard: audit-evidence-there]', async () => {
    await asked('author', 4);
    await asked('invoker', 2);
    await all.sign();
    erase(1, 2, 5);
    expect(await evidenceOf()).toBe(
      `failed: 3 entries do not fit: entry 1: ${GONE}; entry 2: ${GONE}; entry 5: ${GONE}; who asked signed for 3 of the 6 entries that requests brought about; 1 entry that no request brought about`,
    );
    await say(2);
    expect(await evidenceOf()).toBe(
      `failed: 2 entries do not fit: entry 2: ${GONE}; entry 5: ${GONE}; who asked signed for 4 of the 7 entries that requests brought about; that of 1 entry was erased, as entry 7 of urn:bulla:acme:svc:vault/audit/1 says; 1 entry that no request brought about`,
    );
    await say(5);
    expect(await evidenceOf()).toContain(
      'that of 2 entries was erased, as entry 7 of urn:bulla:acme:svc:vault/audit/1 and 1 more say',
    );
    expect(await all.failures()).toEqual([`evidence: 1 entry does not fit: entry 5: ${GONE}`, undefined]);
    await say(99, kidOf('invoker'));
    expect(await all.failures()).toEqual([undefined, undefined]);
  });

  it('counts for nothing that came later, whatever the erasure says', async () => {
    await asked('author', 1);
    await say(99);
    await asked('author', 1);
    await all.sign();
    erase(1, 3);
    expect(await all.failures()).toEqual([`evidence: 1 entry does not fit: entry 3: ${GONE}`, undefined]);
  });

  it('counts where an owner signed for it, and no other [guard: audit-erased-by-owner]', async () => {
    await asked('invoker', 1);
    await say(2, kidOf('invoker'), 1, all.first, all.world.organisation.author);
    erase(1);
    expect(await all.failures()).toEqual([`evidence: 1 entry does not fit: entry 1: ${GONE}`, undefined]);
  });

  it('counts where the owner asked for this key [guard: audit-evidence-query]', async () => {
    await asked('invoker', 1);
    await say(2);
    const { leaf } = all.first.entries[2] ?? { leaf: '' };
    Object.assign(all.first.entries[2] ?? {}, { leaf: leaf.replace(kidOf('author'), kidOf('invoker')) });
    await all.sign();
    erase(1);
    expect((await all.failures())[0]).toBe(
      `evidence: 2 entries do not fit: entry 1: ${GONE}; entry 2: its evidence is a request about other things`,
    );
  });

  it('is never that of an erasure [guard: audit-erasure-stays]', async () => {
    await asked('author', 1);
    await say(2);
    await say(3, kidOf('owner'));
    erase(1, 2);
    expect((await all.failures())[0]).toBe(`evidence: 2 entries do not fit: entry 1: ${GONE}; entry 2: ${GONE}`);
  });

  /** An owner's request for an erasure at the responder, in the vault's log as one that says more. */
  const copied = async (authority?: string) => {
    await asked('author', 2);
    const [held] = all.responder;
    if (held === undefined) throw new Error('there is no log');
    const obj = { log: 1, actor: kidOf('author'), below: 1, items: 0 };
    const entry = await held.add({ act: 'audit.erase', obj, by: owner(), ...(authority && { authority }) });
    all.first.entries.push({ ...entry });
    changeEntry(all.first, 3, { id: mintId('aud'), obj: { ...obj, below: 3, items: 2 } });
    erase(1, 2);
    await all.sign();
  };

  it('is not excused by what an owner asked of another service [guard: audit-evidence-service]', async () => {
    await copied();
    expect(await all.failures()).toEqual([
      `evidence: 3 entries do not fit: entry 1: ${GONE}; entry 2: ${GONE}; entry 3: its evidence is a request to another service`,
      undefined,
    ]);
  });

  it('is not excused by a request that another service has, too, by whatever name it was asked [guard: audit-erasure-service]', async () => {
    await copied('inside:4200');
    const { valid, logs } = await all.verdict();
    expect(valid).toBe(false);
    expect(logs[1]?.failure?.message).toBe(
      '1 entry does not fit: entry 1: its request was sent to one service, and a log of urn:bulla:acme:svc:vault has it, too',
    );
  });

  it('was asked of the service by any name that is not listed for another', async () => {
    await asked('author', 1);
    const obj = { log: 1, actor: kidOf('author'), below: 2, items: 1 };
    await all.first.add({ act: 'audit.erase', obj, by: owner(), authority: 'vault:4100' });
    erase(1);
    await all.sign();
    expect(await all.failures()).toEqual([undefined, undefined]);
  });

  it('is told by a newer log of the service, too', async () => {
    await asked('author', 1);
    const head = await all.first.sign();
    const next = await all.log('vault', 2).begin({ origin: all.first.origin, head });
    all.vault.push(next);
    Object.assign(all.first.entries[1] ?? {}, { evidence: null });
    await say(99, kidOf('author'), 1, next);
    expect(await evidenceOf()).toContain(
      'that of 1 entry was erased, as entry 1 of urn:bulla:acme:svc:vault/audit/2 says',
    );
  });

  /** An owner has it erased while the logs are read: the entry that says so is signed a moment later. */
  const eraseWhileRead = async () => {
    await asked('author', 1);
    await all.sign();
    const { lies } = all.world.vault.service;
    const honest = lies['audit.bundle'];
    let bundles = 0;
    lies['audit.bundle'] = async (incoming) => {
      if (bundles++ === 0) {
        erase(1);
        const said = { log: 1, actor: kidOf('author'), below: 2, items: 1 };
        await all.first.add({ act: 'audit.erase', obj: said, by: owner() });
        // Signed once the reader is done with what was signed before.
        setTimeout(() => void all.first.sign(), 50);
      }
      return honest?.(incoming) as never;
    };
  };

  it('is told with the entry that says so, though that was signed only after it was gone [guard: audit-erased-since]', async () => {
    await eraseWhileRead();
    const { valid, logs } = await all.auditor.audit.verify();
    expect([valid, logs[0]?.failure, logs[0]?.head?.size]).toEqual([true, undefined, 3]);
  });

  it('is exported with the entry that says so [guard: audit-export-erased]', async () => {
    await eraseWhileRead();
    const folder = new MemoryFolder();
    await all.auditor.audit.export(folder);
    const found = await verifyBundle(folder, { pin: all.world.organisation.pin, now: all.world.clock.now() });
    expect(found.logs.map(({ failure }) => failure)).toEqual([undefined, undefined]);
  });

  it('goes with rows that nobody can check, as often as there is more', async () => {
    const { urn } = all.world.organisation.vault;
    expect(await all.auditor.audit.setAside()).toContainEqual({ urn, items: 2 });
  });

  it('goes in every log of every service, as often as there is more', async () => {
    await asked('author', 5);
    await asked('invoker', 1);
    await all.sign();
    const folder = new MemoryFolder();
    await all.auditor.audit.export(folder);
    expect(await all.auditor.audit.erase({ actors: [kidOf('author')] })).toBe(5);
    expect(all.first.entries.map(({ evidence }) => evidence !== null)).toEqual([
      false,
      false,
      false,
      false,
      false,
      false,
      true,
    ]);
    // An export keeps what it has.
    const found = await verifyBundle(folder, { pin: all.world.organisation.pin, now: all.world.clock.now() });
    expect(found.logs[0]?.checks.find(({ name }) => name === 'evidence')?.detail).toContain('signed for 6 of the 6');
  });
});
