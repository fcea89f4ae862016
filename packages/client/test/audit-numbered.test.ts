import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { verifyBundle } from '../src/audit/bundle/verify-bundle.js';
import { AuditWorld, changeEntry } from './audit-world.js';
import type { HeldLog } from './held-log.js';
import { MemoryFolder } from './memory-folder.js';

// Logs whose key belongs to one number, and what each says of those before it.

let all: AuditWorld;
beforeAll(async () => {
  all = await AuditWorld.make('numbered');
});
afterAll(() => all.world.stop());
beforeEach(async () => {
  await all.begin();
  all.vault = [await all.log('vault').beginAfter()];
  await all.sign();
});

/** A second log of the vault after the first, which has some entries; and a third, if it is wanted. */
async function followed(count: 2 | 3 = 2): Promise<HeldLog[]> {
  await all.fill(5);
  for (let number = 2; number <= count; number++) {
    const next = await all.log('vault', number).beginAfter(...all.vault);
    await next.sign();
    all.vault.push(next);
  }
  return all.vault;
}

const findings = async () => {
  const { logs } = await all.verdict();
  return logs
    .filter(({ urn }) => urn === all.world.organisation.vault.urn)
    .map(({ losses, failure }) =>
      losses.map(({ kind, acceptedAt }) => [kind, acceptedAt !== undefined, failure?.check]),
    );
};

async function accept(): Promise<void> {
  const { logs } = await all.verdict();
  await all.auditor.audit.acceptLosses(logs.flatMap(({ losses }) => losses));
}

describe('a numbered log', () => {
  it('is good with those before it, each by the signature that the later one repeats', async () => {
    const [first] = await followed(3);
    const verdict = await all.verdict();
    expect(verdict.valid).toBe(true);
    expect(verdict.logs[2]?.checks.find(({ name }) => name === 'log-before')?.detail).toBe(
      `begins anew after ${first?.origin ?? ''}, of which 6 entries were signed, ${all.vault[1]?.origin ?? ''}, of which 1 entry were signed`,
    );
  });

  it('is refused under the key of another number, and of nobody [guard: audit-log-key] [guard: audit-log-key-named]', async () => {
    const [, second] = await followed();
    if (second !== undefined) second.signsAs = 1;
    await second?.sign();
    const { logs } = await all.verdict();
    expect(logs[1]?.failure).toMatchObject({ check: 'checkpoint', kind: 'log-key' });
    if (second !== undefined) second.signsAs = 9;
    await second?.sign();
    expect((await all.verdict()).logs[1]?.failure).toMatchObject({ code: 'key_unknown', kind: undefined });
  });

  it('is refused under a name without the pin, once keys have numbers', async () => {
    all.vault = [
      await new (all.first.constructor as typeof HeldLog)(all.world.organisation, all.world.organisation.vault).begin(),
    ];
    await all.sign();
    expect((await all.verdict()).logs[0]?.failure).toMatchObject({ kind: 'log-key' });
  });

  it('is refused where the line of a log before it is by the key of another [guard: audit-before-line]', async () => {
    await all.fill(5);
    all.first.signsAs = 3;
    await all.first.sign();
    const second = await all.log('vault', 2).beginAfter(all.first);
    all.first.signsAs = 1;
    await all.first.sign();
    all.vault.push(second);
    await second.sign();
    expect((await all.verdict()).logs[1]?.failure).toMatchObject({ check: 'log-before', kind: 'log-key' });
  });

  it.each([
    ['of one log too few [guard: audit-before-each]', []],
    ['of another number [guard: audit-before-order]', [{ log: 2, note: null }]],
    ['of the log of another service [guard: audit-log-before]', 'another service'],
  ])('is refused where it speaks %s', async (_name, said) => {
    const origin = all.first.origin.replace('/vault/', '/responder:eu1/');
    const before = said === 'another service' ? [{ log: 1, note: { ...all.first.lastNote, origin } }] : said;
    const second = await all.log('vault', 2).beginAfter(all.first);
    changeEntry(second, 0, { obj: { log: 2, before } });
    all.vault.push(second);
    await all.sign();
    expect((await all.verdict()).logs[1]?.failure?.message).toContain('it does not say what became of the log before');
  });
});

describe('a numbered log that speaks of the one before as logs without numbers did', () => {
  it('is refused, since no signature stands beside what it says [guard: audit-before-form]', async () => {
    await all.fill(5);
    const second = await all.log('vault', 2).beginAfter(all.first);
    const { line: _, ...before } = all.first.lastNote;
    changeEntry(second, 0, { obj: { log: 2, before } });
    all.vault.push(second);
    await all.sign();
    expect((await all.verdict()).logs[1]?.failure?.message).toContain('it does not say what became of the log before');
  });
});

describe('what came after the next log began', () => {
  it('counts nothing until a person accepts that, and is not kept [guard: audit-late]', async () => {
    await followed();
    await all.fill(3);
    expect(await findings()).toEqual([[['late', false, 'loss']], []]);
    expect((await all.verdict()).valid).toBe(false);
    expect(await all.kept()).toContainEqual([all.first.origin, 6, expect.any(String)]);
    await accept();
    expect(await findings()).toEqual([[['late', true, undefined]], []]);
    expect((await all.verdict()).valid).toBe(true);
  });

  it('has to be accepted again where it is more [guard: audit-loss-exact]', async () => {
    await followed();
    await all.fill(3);
    await accept();
    await all.fill(1);
    expect(await findings()).toEqual([[['late', false, 'loss']], []]);
  });

  it('is judged by nobody [guard: audit-late-uncounted]', async () => {
    await followed();
    changeEntry(await all.fill(1), 6, { act: 'moon.rise' });
    await all.first.sign();
    expect(await findings()).toEqual([[['late', false, 'loss']], []]);
  });

  it('is all of a log of which a later one says that it never began', async () => {
    const second = await all.log('vault', 2).beginAfter(null);
    all.vault.push(second);
    await all.sign();
    expect(await findings()).toEqual([[['late', false, 'loss']], []]);
  });
});

describe('what is gone', () => {
  it('is a log that a later one names and nobody shows [guard: audit-lost-log]', async () => {
    const [, second] = await followed();
    all.vault = second === undefined ? [] : [second];
    expect(await findings()).toEqual([[['lost', false, 'loss']], []]);
    await accept();
    expect(await findings()).toEqual([[['lost', true, undefined]], []]);
  });

  it('is the end of a log that has less than the next one says [guard: audit-lost-end]', async () => {
    const [first] = await followed();
    if (first !== undefined) first.entries.length = 3;
    await first?.sign();
    expect(await findings()).toEqual([[['lost', false, 'loss']], []]);
  });

  it('is the newest log, a while after its key was published [guard: audit-log-due]', async () => {
    expect(await findings()).toEqual([[]]);
    all.world.clock.seconds += 15 * 60;
    try {
      expect(await findings()).toEqual([[], [['lost', false, 'loss']]]);
    } finally {
      all.world.clock.seconds -= 15 * 60;
    }
  });

  it('is a fork of a log that has ended, which a person may accept [guard: audit-fork-ended]', async () => {
    await all.fill(5);
    await all.verdict();
    changeEntry(all.first, 2, { act: 'kek.destroy', obj: { kek: 77 } });
    await all.first.sign();
    // Of the log that is written nobody may.
    const [running] = (await all.verdict()).logs;
    expect([running?.losses, running?.failure?.check]).toEqual([[], 'kept-head']);
    const second = await all.log('vault', 2).beginAfter(all.first);
    await second.sign();
    all.vault.push(second);
    expect(await findings()).toEqual([[['fork', false, 'kept-head']], []]);
    await accept();
    expect(await findings()).toEqual([[['fork', true, undefined]], []]);
  });

  it('counts as far as a newer log names it, where a person accepted that it forked [guard: audit-fork-counts]', async () => {
    // What was verified here of a log that ends may be another's, who has its key.
    await all.first.fill(2);
    await all.first.sign();
    await all.verdict();
    await all.fill(3);
    const second = await all.log('vault', 2).beginAfter(all.first);
    await second.sign();
    changeEntry(all.first, 4, { act: 'kek.destroy', obj: { kek: 77 } });
    await all.first.sign();
    all.vault.push(second);
    await accept();
    const verdict = await all.verdict();
    expect(verdict.logs[0]).toMatchObject({ valid: true, head: { size: 6 }, counted: { size: 0 } });
    expect(verdict.logs[0]?.newestAt).toBeUndefined();
  });

  it('counts nothing of what was verified in the place of what a newer log names, where that was accepted', async () => {
    await all.fill(5);
    const second = await all.log('vault', 2).beginAfter(all.first);
    await second.sign();
    changeEntry(all.first, 4, { act: 'kek.destroy', obj: { kek: 77 } });
    await all.first.sign();
    // Before the next one is shown.
    await all.verdict();
    all.vault.push(second);
    await accept();
    const [first] = (await all.verdict()).logs;
    expect(first).toMatchObject({ valid: true, head: { size: 6 }, counted: { size: 0 } });
  });

  it('is what was set aside [guard: audit-set-aside-told]', async () => {
    await all.first.add({ act: 'audit.set-aside', obj: { items: 1, leaves: ['A'.repeat(43)] } });
    await all.first.sign();
    expect(await findings()).toEqual([[['set-aside', false, 'loss']]]);
  });
});

describe('the time of an entry', () => {
  it('is no later than now [guard: audit-time-now] [guard: audit-entry-time]', async () => {
    const at = (seconds: number) => new Date((all.world.clock.now() + seconds) * 1000).toISOString();
    await all.first.fill(1, at(170));
    await all.first.sign();
    expect((await all.verdict()).valid).toBe(true);
    await all.first.fill(1, at(190));
    await all.first.sign();
    expect((await all.verdict()).logs[0]?.failure?.message).toContain(
      'it says that it was written later than it is now',
    );
  });
});

describe('an export', () => {
  const verifyFolder = (folder: MemoryFolder) =>
    verifyBundle(folder, { pin: all.world.organisation.pin, now: all.world.clock.now(), store: all.store });

  it('is older where it lacks the newest log that is known here [guard: audit-export-older]', async () => {
    const folder = new MemoryFolder();
    await all.auditor.audit.export(folder);
    await followed();
    await all.verdict();
    const found = await verifyFolder(folder);
    expect(found.valid).toBe(true);
    // Of the fourth log there is a key.
    expect(found.older).toEqual([{ service: all.world.organisation.vault.urn, newest: 1, known: 4 }]);
  });

  it('is not whole where it leaves out a log that this machine verified [guard: audit-export-gone]', async () => {
    const [, second] = await followed();
    await all.verdict();
    const folder = new MemoryFolder();
    if (second !== undefined) changeEntry(second, 0, { obj: { log: 2, before: [{ log: 1, note: null }] } });
    await second?.sign();
    all.vault = second === undefined ? [] : [second];
    all.store = new (all.store.constructor as new () => typeof all.store)();
    const other = await all.world.client(all.world.organisation.owner);
    await other.audit.export(folder);
    const first = await all.world.client(all.world.organisation.owner, { store: all.store });
    all.vault = [all.log('vault')];
    await all.vault[0]?.beginAfter();
    await all.sign();
    await first.audit.verify();
    expect((await verifyFolder(folder)).logs[0]?.losses).toMatchObject([{ kind: 'lost' }]);
  });
});
