import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { verifyBundle } from '../src/audit/verify-bundle.js';
import { AuditWorld } from './audit-world.js';
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
const kidOf = (who: 'author' | 'invoker') => all.world.organisation[who].signer.kid;
/** The entry by which an owner's erasure is put down. */
const say = async (below: number, actor = kidOf('author'), log = 1, held = all.first) => {
  await held.add({ act: 'audit.erase', obj: { log, actor, below, items: 1 } });
  await held.sign();
};

describe('evidence that was erased', () => {
  it('is told from evidence that is not there, by what the log says [guard: audit-erased-said]', async () => {
    await asked('author', 4);
    await asked('invoker', 2);
    await all.sign();
    for (const index of [1, 2, 5]) Object.assign(all.first.entries[index] ?? {}, { evidence: null });
    expect(await evidenceOf()).toBe(
      'passed: who asked signed for 3 of the 6 entries that requests brought about; the service has none for 3 entries, and no entry says that it was erased; 1 entry that no request brought about',
    );
    await say(2);
    expect(await evidenceOf()).toContain(
      'that of 1 entry was erased, as entry 7 of urn:bulla:acme:svc:vault/audit/1 says; the service has none for 2 entries, and no entry says',
    );
    await say(5);
    expect(await evidenceOf()).toContain(
      'that of 2 entries was erased, as entry 7 of urn:bulla:acme:svc:vault/audit/1 and 1 more say; the service has none for 1 entry, and',
    );
    await say(99, kidOf('invoker'));
    expect(await evidenceOf()).not.toContain('no entry says');
    // What came later was erased by nobody.
    await asked('author', 1);
    await all.sign();
    Object.assign(all.first.entries.at(-1) ?? {}, { evidence: null });
    expect(await evidenceOf()).toContain('the service has none for 1 entry, and no entry says that it was erased');
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
