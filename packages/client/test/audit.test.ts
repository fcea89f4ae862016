import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { KeyRecord } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { AuditWorld, changeEntry, entryOf } from './audit-world.js';
import { HeldLog, logHandlers } from './held-log.js';
import { makeWorld } from './world.js';

// The audit log as the SDK verifies it, from services that are honest until a test tells them otherwise.

const TILE = 256;
let all: AuditWorld;
beforeAll(async () => {
  all = await AuditWorld.make();
});
afterAll(() => all.world.stop());
beforeEach(() => all.begin());

describe('verifying the services', () => {
  it('finds every log good, over several tiles', async () => {
    await all.fill(2 * TILE + 7);
    const seen: number[] = [];
    const verdict = await all.auditor.audit.verify({ onProgress: (entries) => seen.push(entries) });
    expect(verdict.logs.map(({ origin, valid, head }) => [origin, valid, head?.size])).toEqual([
      ['urn:bulla:acme:svc:vault/audit/1', true, 2 * TILE + 8],
      [`${all.world.organisation.responders[0].urn}/audit/1`, true, 1],
    ]);
    expect([verdict.valid, seen.length]).toEqual([true, 2 * TILE + 9]);
  });

  it.each([
    ['edited', 300, (held: HeldLog) => changeEntry(held, 300)],
    ['deleted', 301, (held: HeldLog) => held.gone.add(301)],
    ['cut off', 510, (held: HeldLog) => [...Array(10).keys()].forEach((at) => held.gone.add(510 + at))],
    ['reordered', 17, (held: HeldLog) => held.entries.splice(17, 2, entryOf(held, 18), entryOf(held, 17))],
    ['of the last tile deleted', 519, (held: HeldLog) => held.gone.add(519)],
  ])('names the first of entries that were %s: %i', async (_name, index, tamper) => {
    const held = await all.fill(2 * TILE + 7);
    tamper(held);
    expect(await all.failures()).toEqual([expect.stringMatching(new RegExp(`^entries: entry ${index}: `)), undefined]);
  });

  it('refuses a log that shows fewer entries than this machine saw [guard: audit-rollback]', async () => {
    const held = await all.fill(5);
    await all.auditor.audit.verify();
    held.entries.length = 4;
    await held.sign();
    expect(await all.failures()).toEqual(['kept-head: this machine saw 6 entries of this log, 2 more', undefined]);
  });

  it('takes a smaller head for late where the service shows that it has the rest, and does not keep it', async () => {
    const held = await all.fill(5);
    const late = held.checkpoint;
    const files = held.files;
    await all.fill(3);
    await all.auditor.audit.verify();
    [held.checkpoint, held.files] = [late, files];
    expect(await all.checks()).toMatchObject({
      'kept-head':
        'not_looked_for: this machine saw 9 entries of this log, 3 more: the service has them, and has not signed them here yet',
    });
    expect(await all.kept()).toContainEqual([held.origin, 9, expect.any(String)]);
  });

  it('refuses a log that was rewritten before what this machine saw', async () => {
    const held = await all.fill(5);
    await all.auditor.audit.verify();
    changeEntry(held, 2);
    await all.fill(1);
    expect(await all.failures()).toEqual([
      'kept-head: the log does not begin with the 6 entries that it had',
      undefined,
    ]);
  });

  it('refuses a log that is not there any more', async () => {
    await all.auditor.audit.verify();
    all.vault = [];
    expect(await all.failures()).toEqual(['loss: nobody shows this log any more: 1 entry had been signed', undefined]);
  });

  it('finds nothing good where there is no log at all', async () => {
    [all.vault, all.responder] = [[], []];
    expect(await all.auditor.audit.verify()).toMatchObject({ valid: false, logs: [] });
  });

  it('refuses a checkpoint by a key that is listed for something else [guard: audit-key-purpose]', async () => {
    const other = await makeWorld({ policy: {} });
    try {
      await other.organisation.publish((draft) => {
        const keys = draft.entities[other.organisation.vault.urn]?.keys ?? [];
        for (const record of keys)
          if (record.pur.includes('checkpoint')) {
            Object.assign(record, ELSEWHERE);
            delete record.log;
          }
      });
      const held = await new HeldLog(other.organisation, other.organisation.vault).begin();
      await held.sign();
      Object.assign(
        other.vault.service.lies,
        logHandlers(() => [held]),
      );
      const client = await other.client(other.organisation.owner);
      const verdict = await client.audit.verify({ services: [other.organisation.vault.urn] });
      expect(verdict.logs[0]?.failure).toMatchObject({ code: 'key_unknown', check: 'checkpoint' });
    } finally {
      await other.stop();
    }
  });
});

/** What a key for checkpoints may not be, and another key of the service is. */
const ELSEWHERE: Partial<KeyRecord> = { pur: ['http'] };

describe('what a log says', () => {
  it.each([
    [
      'is of another organisation [guard: audit-entry-organisation]',
      1,
      { org: 'other' },
      'it is of another organisation',
    ],
    [
      'does not begin it [guard: audit-log-begin]',
      0,
      { act: 'prompt.list', obj: { items: 1 } },
      'a log begins with log.begin',
    ],
    ['begins another one [guard: audit-log-number]', 0, { obj: { log: 2 } }, 'it begins log 2, and this is log 1'],
    ['is nothing that is known', 1, { act: 'moon.rise' }, 'it is not an entry as this version of Bulla knows them'],
  ])('is refused where an entry %s', async (_name, index, members, why) => {
    const held = await all.fill(2);
    changeEntry(held, index, members);
    await held.sign();
    expect(await all.failures()).toEqual([expect.stringContaining(`entries: entry ${index}: ${why}`), undefined]);
  });

  it('is refused where a later log is silent about the one before', async () => {
    all.vault.push(await all.log('vault', 2).begin());
    await all.sign();
    const [first, second] = await all.failures();
    expect([first, second]).toEqual([undefined, 'entries: entry 0: it does not say what became of the log before']);
  });

  const REST = '; that the rest is as it was says only the key of this log, which has ended';

  it('may be that the log before lost its end, which a person has to accept', async () => {
    const first = await all.fill(5);
    const lost = await all.fill(4);
    const head = lost.head ?? (await lost.sign());
    first.entries.length = 6;
    await first.sign();
    all.vault.push(await all.log('vault', 2).begin({ origin: first.origin, head }));
    await all.vault[1]?.sign();
    expect(await all.checks()).toMatchObject({
      loss: `failed: 10 entries had been signed: 4 lost${REST}`,
    });
    const { logs } = await all.auditor.audit.verify();
    await all.auditor.audit.acceptLosses(logs.flatMap(({ losses }) => losses));
    expect((await all.checks())['loss']).toContain(
      `not_looked_for: 10 entries had been signed: 4 lost${REST}; accepted on `,
    );
    expect((await all.auditor.audit.verify()).valid).toBe(true);
  });

  it('must be what the log before was, as far as that is there', async () => {
    const first = await all.fill(5);
    const head = first.head ?? (await first.sign());
    all.vault.push(await all.log('vault', 2).begin({ origin: first.origin, head }));
    await all.vault[1]?.sign();
    changeEntry(first, 2);
    await first.sign();
    expect(await all.failures()).toEqual(['kept-head: the log has two trees of 6 entries', undefined, undefined]);
  });

  it('tells of a log that is gone', async () => {
    await withoutFirst((head) => head);
    expect(await all.checks()).toEqual({
      loss: 'failed: nobody shows this log any more: 6 entries had been signed',
    });
  });

  it('tells of what this machine saw, where that was more', async () => {
    await withoutFirst((head) => ({ ...head, size: 3 }));
    expect((await all.failures())[0]).toBe('loss: nobody shows this log any more: 6 entries had been signed');
  });
});

/** Takes the first log away that this machine saw; the second says of it what it is told to. */
async function withoutFirst(said: (head: TreeHead) => TreeHead): Promise<void> {
  const first = await all.fill(5);
  const head = first.head ?? (await first.sign());
  await all.auditor.audit.verify();
  all.vault = [await all.log('vault', 2).begin({ origin: first.origin, head: said(head) })];
  await all.sign();
}
