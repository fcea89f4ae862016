import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Problem } from '@bulla/contract';
import { keptHead, withHead } from '../src/audit/kept-heads.js';
import { AuditWorld, changeEntry, entryOf } from './audit-world.js';
import { HeldLog } from './held-log.js';
import { MemoryFolder } from './memory-folder.js';

// The audit log as the SDK reads it and remembers its newest heads.

let all: AuditWorld;
beforeAll(async () => {
  all = await AuditWorld.make();
});
afterAll(() => all.world.stop());
beforeEach(() => all.begin());

describe('the newest checkpoints', () => {
  it('are kept when they go on from what was seen, and only then [guard: audit-head-rises]', async () => {
    const held = await all.fill(3);
    const first = await all.auditor.audit.checkpoints();
    const same = await all.auditor.audit.checkpoints();
    await all.fill(2);
    const grown = await all.auditor.audit.checkpoints();
    held.entries.pop();
    expect([first, same, grown].map(([one]) => one?.standing)).toEqual(['new', 'same', 'grown']);
    expect(await all.kept()).toEqual([[held.origin, 6, expect.any(String)]]);
    const heads = await all.kept();
    expect(withHead(heads, held.origin, { size: 5, root: new Uint8Array(32) })).toBe(heads);
    expect(keptHead(heads, held.origin)?.size).toBe(6);
  });

  it('are late where the service shows that they are, and are not kept then', async () => {
    const held = await all.fill(3);
    const late = held.checkpoint;
    await all.fill(2);
    await all.auditor.audit.checkpoints();
    held.checkpoint = late;
    expect((await all.auditor.audit.checkpoints())[0]?.standing).toBe('behind');
    expect(await all.kept()).toEqual([[held.origin, 6, expect.any(String)]]);
  });

  it('are refused where two of one size differ', async () => {
    const held = await all.fill(3);
    await all.auditor.audit.checkpoints();
    changeEntry(held, 2);
    await held.sign();
    await expect(all.auditor.audit.checkpoints()).rejects.toMatchObject({ code: 'log_inconsistent', check: 'fork' });
  });

  it('are refused where they do not go on from what was seen [guard: audit-head-consistent]', async () => {
    const held = await all.fill(3);
    await all.auditor.audit.checkpoints();
    changeEntry(held, 2);
    await all.fill(2);
    await expect(all.auditor.audit.checkpoints()).rejects.toMatchObject({ code: 'log_inconsistent', check: 'fork' });
  });

  it('are refused where entries were taken away', async () => {
    const held = await all.fill(3);
    await all.auditor.audit.checkpoints();
    held.entries.pop();
    await held.sign();
    await expect(all.auditor.audit.checkpoints()).rejects.toMatchObject({
      code: 'log_inconsistent',
      check: 'rollback',
    });
  });

  it('are refused under the name of another log [guard: audit-origin]', async () => {
    const { responders } = all.world.organisation;
    all.vault = [await new HeldLog(all.world.organisation, responders[0]).begin()];
    await all.sign();
    await expect(all.auditor.audit.checkpoints()).rejects.toMatchObject({ code: 'log_inconsistent', check: 'origin' });
  });
});

describe('one entry', () => {
  it('is shown to be in the tree that is signed, with its evidence', async () => {
    const [held] = all.vault;
    await held?.add({ act: 'prompt.list', obj: { items: 1 }, by: all.world.organisation.author });
    await held?.sign();
    const entry = await all.auditor.audit.get(1);
    expect(entry).toMatchObject({ index: 1, log: 1, entry: { act: 'prompt.list' }, head: { size: 2 } });
    expect(entry.evidence?.base).toContain('"@method": GET');
  });

  it('is refused where the log does not hold it [guard: audit-entry-included]', async () => {
    const held = await all.fill(3);
    changeEntry(held, 2);
    const { leaf } = entryOf(held, 2);
    all.world.vault.service.lies['audit.get'] = ({ params }) => ({
      body: { index: Number(params['index']), at: '2026-11-25T00:00:00.000Z', leaf, evidence: null },
    });
    try {
      await expect(all.auditor.audit.get(2)).rejects.toMatchObject({ code: 'log_inconsistent', check: 'inclusion' });
    } finally {
      all.serve();
    }
  });

  it('that is newer than the newest checkpoint is shown without that', async () => {
    const held = await all.fill(3);
    await held.add({ act: 'prompt.list', obj: { items: 9 } });
    expect((await all.auditor.audit.get(4)).head).toBeUndefined();
  });
});

describe('entries that were listed', () => {
  const listedBy = async () => {
    const entries = [];
    const services = await all.auditor.audit.services();
    for await (const entry of all.auditor.audit.list({ services, order: 'oldest-first' })) entries.push(entry);
    return entries;
  };

  it('are shown to be in the signed trees of all logs, but for those that are newer', async () => {
    const first = await all.fill(20);
    const head = first.head ?? (await first.sign());
    all.vault.push(await all.log('vault', 2).begin({ origin: first.origin, head }));
    await all.sign();
    await all.vault[1]?.add({ act: 'prompt.list', obj: { items: 1 } });
    const entries = await listedBy();
    const proved = await all.auditor.audit.prove(entries);
    expect(proved.map(({ head: of, ...entry }) => [entry, of?.size])).toEqual(
      entries.map((entry) => {
        if (entry.service !== first.origin.split('/')[0]) return [entry, 1];
        if (entry.log === 1) return [entry, 21];
        return [entry, entry.index === 0 ? 1 : undefined];
      }),
    );
    expect(await all.auditor.audit.prove([])).toEqual([]);
  });

  it('are refused where a log does not hold one of them [guard: audit-listed-included]', async () => {
    const held = await all.fill(3);
    const entries = await listedBy();
    expect(await all.auditor.audit.prove(entries)).toHaveLength(5);
    changeEntry(held, 2);
    await expect(all.auditor.audit.prove(await listedBy())).rejects.toMatchObject({
      code: 'log_inconsistent',
      check: 'inclusion',
    });
  });
});

describe('a list', () => {
  it('goes over pages, logs and services, newest first or oldest first', async () => {
    const first = await all.fill(250);
    const head = first.head ?? (await first.sign());
    all.vault.push(await all.log('vault', 2).begin({ origin: first.origin, head }));
    await all.sign();
    const places: string[] = [];
    for await (const { log: number, index } of all.auditor.audit.list()) places.push(`${number}/${index}`);
    expect([places.length, places[0], places[1], places.at(-1)]).toEqual([252, '2/0', '1/250', '1/0']);
    const services = await all.auditor.audit.services();
    const ofAll: string[] = [];
    for await (const { service } of all.auditor.audit.list({ services, order: 'oldest-first' })) ofAll.push(service);
    expect(ofAll.length).toBe(253);
  });

  it('asks for no service that the directory does not list [guard: audit-service-listed]', async () => {
    const other = 'urn:bulla:acme:svc:responder:elsewhere';
    await expect(all.auditor.audit.list({ services: [other] }).next()).rejects.toMatchObject({
      code: 'validation_failed',
      message: expect.stringContaining('it lists urn:bulla:acme:svc:vault') as unknown,
    });
  });

  it('goes on from an index', async () => {
    await all.fill(5);
    const found: number[] = [];
    for await (const { index } of all.auditor.audit.from(3, {})) found.push(index);
    expect(found).toEqual([3, 4, 5]);
  });
});

describe('a service that is asked too often', () => {
  it('is waited for, as often as it says so', async () => {
    await all.fill(3);
    const { lies } = all.world.vault.service;
    const honest = lies['audit.bundle'];
    let refusals = 5;
    lies['audit.bundle'] = (incoming) => {
      if (refusals-- > 0) throw new Problem('rate_limited', { retryAfterSeconds: 0 });
      return honest?.(incoming) ?? {};
    };
    expect((await all.auditor.audit.verify()).valid).toBe(true);
    expect(refusals).toBeLessThan(0);
    all.serve();
  });
});

describe('a service that does not answer', () => {
  it('hides no other, and lets nothing be good', async () => {
    const own = await AuditWorld.make();
    try {
      await own.begin();
      const hasty = await own.world.client(own.world.organisation.owner, { retries: 0 });
      await own.world.responder.service.stop();
      const { valid, logs, unreached } = await hasty.audit.verify();
      expect([valid, logs.map((one) => one.valid)]).toEqual([false, [true]]);
      const { urn } = own.world.organisation.responders[0];
      expect(unreached).toMatchObject([{ service: urn, error: { code: 'transport_failed' } }]);
      const folder = new MemoryFolder();
      expect(await hasty.audit.export(folder)).toMatchObject({ logs: [{ size: 1 }], unreached: [{ service: urn }] });
      expect(folder.files.has('logs/vault-1/checkpoint')).toBe(true);
    } finally {
      await own.world.vault.service.stop();
    }
  });
});
