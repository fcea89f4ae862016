import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Bulla } from '../src/bulla.js';
import { toldHead } from '../src/audit/told/told-heads.js';
import type { Answer } from '../src/runs/answer.js';
import type { TrustChange, TrustState } from '../src/trust/trust-store.js';
import { MemoryTrustStore } from '../src/trust/trust-store.js';
import { AuditWorld } from './audit-world.js';
import type { HeldLog } from './held-log.js';
import { draftOf } from './world.js';

// What answers tell, of an asker that gets many of them in a moment.

/** Long enough that a test ends before it, where it waits for nothing. */
const LONG_MS = 60_000;

/** A store that counts how often heads are written, and may be unable to. */
class CountingStore extends MemoryTrustStore {
  writes = 0;
  isBroken = false;

  override update(org: string, pin: string, change: TrustChange): Promise<TrustState> {
    return super.update(org, pin, async (state) => {
      const next = await change(state);
      if (next.told?.length === state?.told?.length) return next;
      if (this.isBroken) throw new Error('the disk is full');
      this.writes++;
      return next;
    });
  }
}

let all: AuditWorld;
let store: CountingStore;
let log: HeldLog;
beforeAll(async () => {
  all = await AuditWorld.make();
  const author = await all.world.client();
  await author.prompts.push('claims/triage', 'text', draftOf('Sort: {{claim}}'), ['production']);
});
afterAll(() => all.world.stop());
beforeEach(async () => {
  await all.begin();
  [log] = all.responder as [HeldLog];
  store = new CountingStore();
});
afterEach(() => {
  all.world.responder.script.fin = {};
});

function askerWithin(toldWithinMs: number): Promise<Bulla> {
  return all.world.client(all.world.organisation.owner, { store, toldWithinMs });
}

/** The signed note of a log with one entry more. */
async function grown(of: HeldLog = log): Promise<string> {
  await of.add({ act: 'prompt.list', obj: { items: 1 } });
  await of.sign();
  return of.checkpoint ?? '';
}

function answerWith(checkpoint: string, by: Bulla): Promise<Answer> {
  all.world.responder.script.fin = { checkpoint };
  return by.prompt('claims/triage').run({ claim: 'x' });
}

async function told(): Promise<readonly number[]> {
  const state = await store.load('acme', all.world.organisation.pin);
  return (state?.told ?? []).map((note) => toldHead(note).size);
}

describe('heads that answers bring in one moment', () => {
  it('are stored with the first, and together at the end', async () => {
    const asker = await askerWithin(LONG_MS);
    await answerWith(await grown(), asker);
    const { writes } = store;
    expect(await told()).toEqual([2]);
    for (let more = 0; more < 3; more++) await answerWith(await grown(), asker);
    expect(store.writes).toBe(writes);
    await asker.close();
    expect(await told()).toEqual([2, 3, 4, 5]);
    expect(store.writes).toBe(writes + 1);
  });

  it('are stored by themselves when the moment is over', async () => {
    const asker = await askerWithin(300);
    for (let more = 0; more < 3; more++) await answerWith(await grown(), asker);
    for (let waited = 0; waited < 200 && (await told()).length < 3; waited++)
      await new Promise((resolve) => setTimeout(resolve, 25));
    expect(await told()).toEqual([2, 3, 4]);
    await asker.close();
  });

  it('are refused at once where they contradict one that waits, and all are kept [guard: told-fork-gathered]', async () => {
    const asker = await askerWithin(LONG_MS);
    await answerWith(await grown(), asker);
    await answerWith(await grown(), asker);
    const other = await all.log('responder').begin();
    for (let at = 1; at < log.entries.length; at++) await grown(other);
    const refused = answerWith(other.checkpoint ?? '', asker);
    await expect(refused).rejects.toMatchObject({ code: 'log_inconsistent', check: 'fork' });
    expect(await told()).toEqual([2, 3, 3]);
    await asker.close();
  });

  it('refuse the next answer where they could not be stored, and are stored later [guard: told-fault]', async () => {
    const asker = await askerWithin(300);
    await answerWith(await grown(), asker);
    store.isBroken = true;
    await answerWith(await grown(), asker);
    await new Promise((resolve) => setTimeout(resolve, 600));
    store.isBroken = false;
    await expect(answerWith(await grown(), asker)).rejects.toThrow('the disk is full');
    expect(await told()).toEqual([2]);
    await answerWith(await grown(), asker);
    expect((await told())[1]).toBe(3);
    await asker.close();
  });

  it('of another process that contradict them refuse the next answer', async () => {
    const asker = await askerWithin(LONG_MS);
    await answerWith(await grown(), asker);
    const other = await all.log('responder').begin();
    for (let at = 0; at < log.entries.length; at++) await grown(other);
    await answerWith(other.checkpoint ?? '', await askerWithin(0));
    await answerWith(await grown(), asker);
    await expect(asker.close()).rejects.toMatchObject({ code: 'log_inconsistent', check: 'fork' });
  });
});
