import { PUSHED_TAGS_MAX } from '@bulla/contract';
import { mintId } from '@bulla/crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AuditWorld, changeEntry, entryOf } from './audit-world.js';
import type { HeldLog } from './held-log.js';

// Whether who is named asked for just that: what is not so is told with its index, and the rest is judged.

let all: AuditWorld;
beforeAll(async () => {
  all = await AuditWorld.make();
});
afterAll(() => all.world.stop());
beforeEach(() => all.begin());

const PROMPT = 'prm_01k9z3q8e4fxq9m3y7t5w6v8na';
const asked = () => ({ act: 'prompt.list', obj: { items: 1 }, by: all.world.organisation.author }) as const;
const deleted = () => ({ act: 'prompt.delete', obj: { prompt: PROMPT }, by: all.world.organisation.author }) as const;
/** Another entry with the evidence of one, which says something else. */
function forge(held: HeldLog, of: number, members: object = {}): void {
  held.entries.push({ ...entryOf(held, of) });
  changeEntry(held, held.entries.length - 1, { id: mintId('aud'), ...members });
}
async function evidence(): Promise<string | undefined> {
  await all.first.sign();
  return (await all.checks())['evidence'];
}
/** What is said of the vault's log. */
async function failure(): Promise<string | undefined> {
  await all.first.sign();
  return (await all.failures())[0];
}

describe('who asked', () => {
  it('signed for it', async () => {
    await all.first.add(asked());
    await all.first.add(deleted());
    expect(await evidence()).toBe(
      'passed: who asked signed for 2 of the 2 entries that requests brought about; 1 entry that no request brought about',
    );
  });

  it('signed for what the same request brought about beside', async () => {
    const { first } = all;
    const chash = 'A'.repeat(43);
    const made = { prompt: PROMPT, version: 1, chash, grants: 1 } as const;
    await first.add({ act: 'version.create', obj: made, by: all.world.organisation.author });
    forge(first, 1, { act: 'prompt.create', obj: { prompt: PROMPT } });
    for (const label of ['latest', 'production'])
      forge(first, 1, { act: 'label.move', obj: { prompt: PROMPT, label, seq: 1, version: 1 } });
    for (const index of [2, 3, 4]) Object.assign(first.entries[index] ?? {}, { evidence: null });
    expect(await evidence()).toContain('passed: who asked signed for 4 of the 4 entries');
  });

  it('signed for a run, whose end has no evidence of its own', async () => {
    const [held] = all.responder;
    const by = all.world.organisation.invoker;
    const [invocation, envelope] = [mintId('inv'), mintId('env')];
    await held?.add({ act: 'invocation.run', obj: { invocation, envelope, replayed: false }, by } as never);
    const end = { invocation, frames: 1, finish: 'stop', fin: 'A'.repeat(43) };
    await held?.add({ act: 'invocation.finish', obj: end, by, keeps: false } as never);
    await held?.sign();
    expect(await all.failures()).toEqual([undefined, undefined]);
    const { logs } = await all.auditor.audit.verify();
    expect(logs[1]?.checks.at(-1)?.detail).toContain('1 entry that end runs whose beginning is not near');
  });

  it('is told by the index where no directory at hand lists the key', async () => {
    const { first, world } = all;
    const { author } = world.organisation;
    await first.add({ ...asked(), by: author });
    await first.add({ ...asked(), by: world.organisation.invoker });
    const kid = 'K'.repeat(43);
    changeEntry(first, 1, { who: { type: 'device', kid } });
    expect(await evidence()).toContain('1 entry by keys that no directory at hand lists (1)');
  });

  it('is told of an entry that is there twice, letter by letter', async () => {
    await all.first.add(deleted());
    all.first.entries.push({ ...entryOf(all.first, 1) });
    expect(await evidence()).toContain('1 entry that stand in the log a second time');
  });

  it('is told of an entry that nobody asked for, and of one that only read, which are there twice', async () => {
    await all.first.add({ act: 'kek.destroy', obj: { kek: 7 } });
    await all.first.add({ act: 'audit.get', obj: { index: 0 }, by: all.world.organisation.auditor });
    for (const index of [1, 2]) all.first.entries.push({ ...entryOf(all.first, index) });
    expect(await evidence()).toContain('2 entries that stand in the log a second time');
  });

  it.each<[string, (held: HeldLog) => unknown, string]>([
    [
      'evidence of other bytes [guard: audit-evidence-hash]',
      (held) => Object.assign(held.entries[1] ?? {}, { evidence: { base: '"@method": GET', signature: 'AAAA' } }),
      'its evidence is not the one whose hash it holds',
    ],
    [
      'a signature that is not good [guard: audit-evidence-signature]',
      (held) => changeEntry(held, 1, { who: { type: 'device', kid: all.world.organisation.invoker.signer.kid } }),
      'its evidence is not signed by the key it names',
    ],
    [
      'a key of something else than it names [guard: audit-evidence-kind]',
      (held) => changeEntry(held, 1, { who: { type: 'gateway', kid: all.world.organisation.author.signer.kid } }),
      'its evidence is signed by something else than a gateway',
    ],
    [
      'a keyid of somebody else [guard: audit-evidence-key]',
      async (held) => {
        const { author, invoker } = all.world.organisation;
        held.entries.pop();
        const keyid = `${invoker.urn}#${author.signer.kid}`;
        await held.add({ ...asked(), by: { urn: author.urn, signer: author.signer, keyid } });
      },
      'its evidence names another key',
    ],
    [
      'the nonce of another request [guard: audit-evidence-nonce]',
      (held) => changeEntry(held, 1, { req: 'A'.repeat(22) }),
      'its evidence is of another request',
    ],
    [
      'a request for something else [guard: audit-evidence-act]',
      (held) => changeEntry(held, 1, { act: 'label.all' }),
      'its evidence is a request for something else',
    ],
    [
      'a request about another prompt [guard: audit-evidence-path]',
      async (held) => {
        held.entries.pop();
        await held.add(deleted());
        changeEntry(held, 1, { obj: { prompt: mintId('prm') } });
      },
      'its evidence is a request about something else',
    ],
    [
      'an actor that cannot do it [guard: audit-actor]',
      (held) => {
        const { leaf } = entryOf(held, 1);
        const { req: _req, ev: _ev, ...rest } = JSON.parse(leaf) as Record<string, unknown>;
        held.entries[1] = { leaf: JSON.stringify({ ...rest, who: { type: 'service' } }), evidence: null };
      },
      'no service can have done that',
    ],
    [
      'a key, a change and no request [guard: audit-change-signed]',
      async (held) => {
        held.entries.pop();
        await held.add(deleted());
        const { req: _req, ev: _ev, ...rest } = JSON.parse(entryOf(held, 1).leaf) as Record<string, unknown>;
        held.entries[1] = { leaf: JSON.stringify(rest), evidence: null };
      },
      'it names who did it, and no request',
    ],
  ])('is refused with %s', async (_name, change, why) => {
    const held = all.first;
    await held.add(asked());
    await change(held);
    expect(await failure()).toBe(`evidence: 1 entry does not fit: entry 1: ${why}`);
  });
});

describe('a request', () => {
  it('is asked for any number of times, where it changes nothing or was refused', async () => {
    const { first } = all;
    await first.add(asked());
    forge(first, 1);
    await first.add(deleted());
    for (const _ of [1, 2]) forge(first, 3, { res: 'denied', why: 'forbidden', obj: {} });
    expect(await failure()).toBeUndefined();
  });

  it('stands for one change [guard: audit-request-once]', async () => {
    await all.first.add(deleted());
    forge(all.first, 1);
    expect(await failure()).toMatch(/^evidence: 1 entry does not fit: entry 2: its request stands for one change/);
  });

  it('stands for what one request can bring about [guard: audit-request-acts]', async () => {
    const { first, world } = all;
    const { owner, author } = world.organisation;
    await first.add({ ...deleted(), keeps: false });
    first.entries.push({ ...entryOf(first, 1) });
    changeEntry(first, 2, { id: mintId('aud'), act: 'grant.add', obj: { prompt: PROMPT, added: 1 } });
    const actor = author.signer.kid;
    await first.add({ act: 'audit.erase', obj: { log: 1, actor, below: 3, items: 2 }, by: owner });
    expect(await failure()).toMatch(/^evidence: 1 entry does not fit: entry 2: its request .* for something else$/);
  });

  it('moves as many labels as one push may bring, whoever invents more [guard: audit-request-labels]', async () => {
    const { first } = all;
    const made = { prompt: PROMPT, version: 1, chash: 'A'.repeat(43), grants: 1 } as const;
    await first.add({ act: 'version.create', obj: made, by: all.world.organisation.author });
    forge(first, 1, { act: 'prompt.create', obj: { prompt: PROMPT } });
    const move = (at: number) =>
      forge(first, 1, { act: 'label.move', obj: { prompt: PROMPT, label: `label-${at}`, seq: 1, version: 1 } });
    for (let at = 0; at < PUSHED_TAGS_MAX; at++) move(at);
    expect(await failure()).toBeUndefined();
    for (let at = 0; at < 300; at++) move(PUSHED_TAGS_MAX + at);
    expect(await failure()).toMatch(
      /^evidence: 300 entries do not fit: entry 19: its request stands for one change, and that moves at most 16 labels;/,
    );
  });

  it('stands for one change in all logs of a service', async () => {
    const { first } = all;
    await first.add(deleted());
    const head = await first.sign();
    const next = await all.log('vault', 2).begin({ origin: first.origin, head });
    all.vault.push(next);
    next.entries.push({ ...entryOf(first, 1) });
    await next.sign();
    // The same row again, as after a restore.
    expect(await all.failures()).toEqual([undefined, undefined, undefined]);
    changeEntry(next, 1, { id: mintId('aud') });
    await next.sign();
    await all.begin();
    all.vault = [first, next];
    expect((await all.failures())[0]).toContain('its request stands for one change');
  });
});

describe('behind an entry that does not fit', () => {
  const spoil = async () => {
    await all.first.add(deleted());
    for (const _ of [1, 2, 3]) forge(all.first, 1);
    await all.first.fill(4);
    await all.first.sign();
  };

  it('all others are told, and the head is kept', async () => {
    await spoil();
    const { logs, valid } = await all.auditor.audit.verify();
    expect(valid).toBe(false);
    expect(logs[0]?.misfits.map(({ index }) => index)).toEqual([2, 3, 4]);
    expect(logs[0]?.failure).toMatchObject({ check: 'evidence', entries: { first: 2, last: 2 } });
    expect(logs[0]?.checks.filter(({ state }) => state === 'failed').map(({ name }) => name)).toEqual(['evidence']);
    expect((await all.kept()).find(([origin]) => origin === all.first.origin)?.[1]).toBe(9);
  });

  it('an entry that is gone is told, and that the rest does not fit is told beside', async () => {
    await spoil();
    all.first.gone.add(7);
    const { logs } = await all.auditor.audit.verify();
    expect(logs[0]?.failure).toMatchObject({ check: 'entries', code: 'log_inconsistent' });
    expect(logs[0]?.checks.filter(({ state }) => state === 'failed').map(({ name }) => name)).toContain('entries');
  });

  it('an entry that was written anew is told, with those that do not fit', async () => {
    await spoil();
    const signed = all.first.checkpoint;
    await all.auditor.audit.verify();
    changeEntry(all.first, 7);
    await all.first.sign();
    expect(all.first.checkpoint).not.toBe(signed);
    const { logs } = await all.auditor.audit.verify();
    expect(logs[0]?.failure).toMatchObject({ check: 'kept-head', kind: 'fork' });
  });
});
