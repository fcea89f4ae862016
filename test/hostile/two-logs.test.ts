import { utf8 } from '@bulla/crypto';
import type { Answer, Bulla } from '@bulla/client';
import { MemoryTrustStore, verifyAnswerFile, verifyAnswerInBundle, verifyBundle } from '@bulla/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AuditWorld } from '../../packages/client/test/audit-world.js';
import type { HeldLog } from '../../packages/client/test/held-log.js';
import { MemoryFolder } from '../../packages/client/test/memory-folder.js';
import { draftOf } from '../../packages/client/test/world.js';

// A responder with its own keys that shows each reader another log. What it tells one asker it has signed.

/** One machine: a client and what it remembers. */
interface Machine {
  readonly client: Bulla;
  readonly store: MemoryTrustStore;
}

let all: AuditWorld;
beforeAll(async () => {
  all = await AuditWorld.make();
  const author = await all.world.client();
  await author.prompts.push('claims/triage', 'text', draftOf('Sort: {{claim}}'), ['production']);
});
afterAll(() => all.world.stop());
beforeEach(() => all.begin());
afterEach(() => {
  all.world.responder.script.fin = {};
});

async function machine(member = all.world.organisation.invoker): Promise<Machine> {
  const store = new MemoryTrustStore();
  return { store, client: await all.world.client(member, { store }) };
}

/** An answer that tells of what this log has now. */
async function toldOf(log: HeldLog, { client }: Machine): Promise<Answer> {
  all.world.responder.script.fin = { checkpoint: log.checkpoint ?? '' };
  return client.prompt('claims/triage').run({ claim: 'x' });
}

async function grow(log: HeldLog, entries: number): Promise<void> {
  for (let at = 0; at < entries; at++) await log.add({ act: 'prompt.list', obj: { items: at } });
  await log.sign();
}

/** A log of the responder of so many entries that nobody else has. */
async function newLog(entries: number): Promise<HeldLog> {
  const log = await all.log('responder').begin();
  await grow(log, entries - 1);
  return log;
}

const seenBy = ({ store }: Machine) => ({
  pin: all.world.organisation.pin,
  now: all.world.clock.now(),
  remembered: { org: 'acme', store },
});

async function verifyFile(answer: Answer, by: Machine) {
  const { pin, now, remembered } = seenBy(by);
  return verifyAnswerFile(answer.toFile(), pin, { now, remembered });
}

/** What the responder's log is found to be, by what this machine knows. */
async function audited({ client }: Machine) {
  const { logs } = await client.audit.verify();
  return logs.find(({ urn }) => urn === all.world.organisation.responders[0].urn);
}

describe('a responder that shows two askers two logs', () => {
  it('[red] is found out by one of them with an answer of the other', async () => {
    const [one, other] = [await machine(), await machine()];
    const answer = await toldOf(await newLog(7), one);
    await toldOf(await newLog(7), other);
    const { verdict, failure } = await verifyFile(answer, other);
    expect([verdict, failure?.code, failure?.check]).toEqual(['REFUSED', 'log_inconsistent', 'fork']);
    expect((await verifyFile(answer, one)).valid).toBe(true);
  });

  it('[red] is found out by an asker whom it takes for another one', async () => {
    const asker = await machine();
    await toldOf(await newLog(7), asker);
    await expect(toldOf(await newLog(7), asker)).rejects.toMatchObject({ code: 'log_inconsistent', check: 'fork' });
  });

  it('[red] is found out by an auditor who holds an answer of each, whichever log it shows', async () => {
    const [first, second] = [await newLog(5), await newLog(9)];
    const answers = [await toldOf(first, await machine()), await toldOf(second, await machine())];
    for (const shown of [first, second]) {
      const auditor = await machine(all.world.organisation.owner);
      await auditor.client.audit.checkpoints();
      for (const answer of answers) expect((await verifyFile(answer, auditor)).valid).toBe(true);
      await grow(shown, 6);
      all.responder = [shown];
      expect((await audited(auditor))?.failure).toMatchObject({ check: 'told-heads', kind: 'fork' });
    }
  });
});

describe('a responder that shows auditors another log than those who ask', () => {
  it('[red] is found out offline, by an exported log and one answer, with nothing but the pin', async () => {
    const answer = await toldOf(await newLog(4), await machine());
    const [shown] = all.responder as [HeldLog];
    await grow(shown, 9);
    const folder = new MemoryFolder();
    await (await machine(all.world.organisation.owner)).client.audit.export(folder);
    const { pin, now } = seenBy(await machine());
    expect((await verifyBundle(folder, { pin, now })).valid).toBe(true);
    const found = await verifyAnswerInBundle(utf8(answer.toFile()), folder, { pin, now });
    expect(found.answer.entries.find(({ name }) => name === 'log-checkpoint')).toMatchObject({ state: 'failed' });
    expect(found.logs.find(({ origin }) => origin === shown.origin)?.failure).toMatchObject({
      code: 'log_inconsistent',
      check: 'told-heads',
      kind: 'fork',
    });
  });

  it('[green] and an honest one is never suspected, however late its processes are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(4), fc.nat(3), fc.boolean()), { maxLength: 12 }), async (steps) => {
        await all.begin();
        const [log] = all.responder as [HeldLog];
        const both = await machine(all.world.organisation.owner);
        const seen = [log.checkpoint ?? ''];
        const failures: unknown[] = [];
        for (const [entries, late, audits] of steps) {
          await grow(log, entries);
          seen.push(log.checkpoint ?? '');
          all.world.responder.script.fin = { checkpoint: seen.at(-1 - Math.min(late, seen.length - 1)) ?? '' };
          await both.client.prompt('claims/triage').run({ claim: 'x' });
          if (audits) failures.push((await audited(both))?.failure);
        }
        failures.push((await audited(both))?.failure);
        expect(failures.filter((failure) => failure !== undefined)).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });

  it('[red] is found out whenever it parts the two, by a machine that asks and audits', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(6), fc.integer({ min: 1, max: 6 }), fc.nat(6), async (shared, apart, later) => {
        await all.begin();
        const [shown] = all.responder as [HeldLog];
        await grow(shown, shared);
        const hidden = await all.log('responder').begin();
        hidden.entries.splice(0, 1, ...shown.entries);
        const both = await machine(all.world.organisation.owner);
        await toldOf(shown, both);
        expect((await audited(both))?.valid).toBe(true);
        await grow(hidden, apart);
        await toldOf(hidden, both);
        await grow(shown, apart + later);
        expect((await audited(both))?.failure).toMatchObject({ check: 'told-heads', kind: 'fork' });
      }),
      { numRuns: 15 },
    );
  });
});
