import type { AuditCheckpoints, AuditEntry, AuditEntryPage, AuditProofs, AuditRecord } from '@bulla/contract';
import { parseLeaf } from '@bulla/contract';
import { decodeBase64url, digestB64u, mintId, utf8 } from '@bulla/crypto';
import type { NoteKey } from '@bulla/crypto/log';
import { originOf, pinInOrigin, leafHash, noteKeyOf, verifyConsistency, verifyInclusion } from '@bulla/crypto/log';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type { SignedClient } from '../src/testing.js';
import { verifiedLog } from './log-reader.js';
import { stores } from './stores.js';
import type { Tiny } from './tiny-vault.js';
import { startTiny } from './tiny-vault.js';

const ENTRIES = '/api/v1/audit/entries';

describe.each(stores)('the audit log of a service on %s', (store) => {
  let tiny: Tiny;
  let key: NoteKey;
  beforeAll(async () => {
    tiny = await startTiny({ on: store, limits: { auditIntervalMs: 20 } });
    await tiny.service.listen();
    const [record] = tiny.acme.vault.entity.keys.filter(({ pur }) => pur.includes('checkpoint'));
    if (record === undefined) throw new Error('the directory lists no key for checkpoints');
    key = await noteKeyOf(
      originOf({ urn: tiny.acme.vault.urn, number: 1, pin: pinInOrigin(tiny.acme.pin) }),
      record.jwk,
    );
  });
  afterAll(() => tiny.stop());

  /** Decisions one after the other, or so many at once. */
  const make = async (count: number, { by = tiny.owner, atOnce = 1 } = {}) => {
    const ids = Array.from({ length: count }, () => mintId('prm'));
    const create = async (id: string) => {
      const { status } = await by.post('/api/v1/prompts', { id, name: 'claims/triage', type: 'text' });
      expect(status).toBe(201);
    };
    for (let at = 0; at < count; at += atOnce) await Promise.all(ids.slice(at, at + atOnce).map(create));
    await written();
    return ids;
  };

  /** Waits until all that was decided is in the log, and signed. */
  const written = async () => {
    for (;;) {
      const { rows } = await sql<{ n: number }>`select (select count(*) from tiny.audit_outbox)
        + (select count(*) from tiny.audit_log where checkpoint_size < size) as n`.execute(tiny.database.db);
      if (rows[0]?.n === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };

  const list = async (query = '', client: SignedClient = tiny.auditor) => {
    const { status, body } = await client.get(`${ENTRIES}${query}`);
    expect(status).toBe(200);
    return body as AuditEntryPage;
  };
  const leavesOf = ({ data }: AuditEntryPage) => data.map(({ leaf }) => parseLeaf(leaf));

  it('has every decision, and verifies from its tiles as other logs do', async () => {
    const crowd = await make(256, { atOnce: 32 });
    const ids = await make(44);
    const { entries, checkpoint } = await verifiedLog(tiny.auditor, key);
    expect(entries[0]).toMatchObject({ act: 'log.begin', org: 'acme' });
    const created = entries.filter(({ act }) => act === 'prompt.create');
    const made = created.map(({ obj }) => (obj as { prompt: string }).prompt);
    expect(made.slice(0, 256).toSorted()).toEqual(crowd.toSorted());
    expect(made.slice(256)).toEqual(ids);
    expect(checkpoint.size).toBe(entries.length);
    expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length);
  });

  it('lists the newest first, page by page, or goes on from a place', async () => {
    const ids = await make(5);
    const first = await list('?limit=2&act=prompt.create');
    const named = (page: AuditEntryPage) => leavesOf(page).map(({ obj }) => (obj as { prompt: string }).prompt);
    expect(named(first)).toEqual([ids[4], ids[3]]);
    const second = await list(`?limit=2&act=prompt.create&cursor=${first.next_cursor}`);
    expect(named(second)).toEqual([ids[2], ids[1]]);
    const [oldest] = (await list('?limit=1&from=0')).data;
    expect(oldest?.index).toBe(0);
    const place = (second.data[1]?.index ?? 0) - 1;
    const onward = await list(`?from=${place}&limit=3&act=prompt.create`);
    expect(named(onward)).toEqual([ids[0], ids[1], ids[2]]);
    const further = await list(`?from=${place}&limit=3&act=prompt.create&cursor=${onward.next_cursor}`);
    expect(named(further)).toEqual([ids[3], ids[4]]);
  });

  it('finds by who, what, which, when and how it ended', async () => {
    const [id = ''] = await make(1);
    const invoker = tiny.clientOf(tiny.acme.invoker);
    expect((await invoker.post('/api/v1/prompts', { id, name: 'a', type: 'text' })).status).toBe(403);
    await written();
    const last = async (query: string) => leavesOf(await list(`?limit=1&${query}`))[0];
    expect(await last(`object=${id}`)).toMatchObject({ act: 'prompt.create', res: 'ok', obj: { prompt: id } });
    const own = await last('object=' + id);
    expect(await last(`object=${own?.id}`)).toEqual(own);
    const denied = { act: 'prompt.create', res: 'denied', why: 'forbidden', who: { kid: tiny.acme.invoker.sig.kid } };
    expect(await last(`actor=${tiny.acme.invoker.sig.kid}`)).toMatchObject(denied);
    expect(await last('result=denied')).toMatchObject(denied);
    const [entry] = (await list('?limit=1&result=denied')).data;
    const at = entry?.at ?? '';
    const after = new Date(Date.parse(at) + 1).toISOString();
    expect(leavesOf(await list(`?limit=1&result=denied&since=${at}&until=${after}`))).toHaveLength(1);
    expect(leavesOf(await list(`?limit=1&result=denied&since=${after}`))).toHaveLength(0);
    expect(leavesOf(await list(`?limit=1&act=prompt.create&until=2020-01-01T00:00:00.000Z`))).toHaveLength(0);
  });

  it('shows of an entry what its caller signed, and where it stands', async () => {
    const [id] = await make(1);
    const [entry] = (await list(`?object=${id}`)).data as [AuditEntry];
    const { body } = await tiny.auditor.get(`${ENTRIES}/${entry.index}`);
    const { leaf, evidence } = body as AuditRecord;
    const { ev } = parseLeaf(leaf) as { ev?: string };
    if (evidence === null) throw new Error('without evidence');
    const [base, signature] = [utf8(evidence.base), decodeBase64url(evidence.signature)];
    expect(await digestB64u(Uint8Array.from([...base, ...signature]))).toBe(ev);
    expect(evidence.base).toContain('"@path": /api/v1/prompts');
    const algorithm = { name: 'RSA-PSS', hash: 'SHA-256' };
    const owner = await crypto.subtle.importKey('jwk', tiny.acme.owner.sig.publicJwk as never, algorithm, true, [
      'verify',
    ]);
    expect(await crypto.subtle.verify({ name: 'RSA-PSS', saltLength: 32 }, owner, signature, base)).toBe(true);
    const { checkpoint } = await verifiedLog(tiny.auditor, key);
    const older = { size: 2, root: checkpoint.root };
    const query = `size=${checkpoint.size}&entry=${entry.index}&older=${older.size}`;
    const proofs = (await tiny.auditor.get(`/api/v1/audit/proofs?${query}`)).body as AuditProofs;
    const proof = (proofs.inclusion ?? []).map(decodeBase64url);
    await verifyInclusion({ leaf: await leafHash(utf8(leaf)), index: entry.index, head: checkpoint, proof });
    expect(proofs.consistency?.length).toBeGreaterThan(0);
    const same = (await tiny.auditor.get(`/api/v1/audit/proofs?size=${checkpoint.size}&older=${checkpoint.size}`)).body;
    expect(same).toEqual({ consistency: [] });
    await verifyConsistency({ older: checkpoint, newer: checkpoint, proof: [] });
  });

  it('has evidence erased by an owner, of one key and up to a moment, and says so [guard: org-audit-erase]', async () => {
    const author = tiny.clientOf(tiny.acme.author);
    const [before = ''] = await make(1, { by: author });
    await new Promise((resolve) => setTimeout(resolve, 5));
    const [own = ''] = await make(1);
    const [after = ''] = await make(1, { by: author });
    const entryOf = async (id: string) => {
      const [entry] = (await list(`?object=${id}`)).data;
      if (entry === undefined) throw new Error('it is not in the log');
      return entry;
    };
    const [first, second, third] = [await entryOf(before), await entryOf(own), await entryOf(after)];
    const evidenceOf = async ({ index }: AuditEntry) =>
      ((await tiny.auditor.get(`${ENTRIES}/${index}`)).body as AuditRecord).evidence;
    const { kid } = tiny.acme.author.sig;
    const path = `/api/v1/audit/evidence?actor=${kid}&until=${second.at}`;
    for (const member of [tiny.acme.auditor, tiny.acme.author, tiny.acme.invoker])
      expect((await tiny.clientOf(member).delete(path)).status).toBe(403);
    // Another organisation erases nothing here, though its log is long enough.
    const other = tiny.clientOf(tiny.other.owner);
    while (((await list('?limit=1', other).catch(() => ({ data: [] }))).data[0]?.index ?? 0) <= third.index)
      await make(64, { by: other, atOnce: 32 });
    expect(await other.delete(`/api/v1/audit/evidence?actor=${kid}`)).toMatchObject({
      status: 200,
      body: { erased: 0 },
    });
    expect(await evidenceOf(first)).not.toBeNull();
    const erased = await tiny.owner.delete(path);
    expect(erased).toMatchObject({ status: 200, body: { below: second.index, more: false } });
    expect((erased.body as { erased: number }).erased).toBeGreaterThan(0);
    expect([await evidenceOf(first), await entryOf(before)]).toEqual([null, first]);
    expect([await evidenceOf(second), await evidenceOf(third)]).not.toContain(null);
    expect(await tiny.owner.delete(path)).toMatchObject({ body: { erased: 0, below: second.index } });
    await written();
    const [, said] = leavesOf(await list('?act=audit.erase&limit=2'));
    const obj = { log: 1, actor: kid, below: second.index, items: (erased.body as { erased: number }).erased };
    expect(said).toMatchObject({ act: 'audit.erase', res: 'ok', who: { kid: tiny.acme.owner.sig.kid }, obj });
    expect((await verifiedLog(tiny.auditor, key)).entries.length).toBeGreaterThan(0);
  });

  it('keeps what shows who had something erased [guard: erasure-stays]', async () => {
    const { kid } = tiny.acme.owner.sig;
    const erase = () => tiny.owner.delete(`/api/v1/audit/evidence?actor=${kid}`);
    await make(1);
    expect((await erase()).status).toBe(200);
    await written();
    const [said] = (await list('?act=audit.erase&limit=1')).data;
    expect((await erase()).body).toMatchObject({ more: false });
    const { evidence } = (await tiny.auditor.get(`${ENTRIES}/${said?.index}`)).body as AuditRecord;
    expect(evidence).not.toBeNull();
  });

  it('writes down who reads it, and comes to an end for one who follows it', async () => {
    await make(1);
    const before = (await list('?limit=1&act=audit.list')).data[0]?.index ?? 0;
    await list('?limit=3');
    await written();
    const [read] = leavesOf(await list(`?from=${before + 1}&act=audit.list&limit=1`));
    expect(read).toMatchObject({ act: 'audit.list', who: { kid: tiny.acme.auditor.sig.kid }, obj: { items: 3 } });
    const count = async () => {
      await written();
      return (
        (
          await sql<{ n: number }>`select max(idx) as n from tiny.audit_entry where org = 'acme'`.execute(
            tiny.database.db,
          )
        ).rows[0]?.n ?? 0
      );
    };
    const size = await count();
    for (let at = size; ; at = size) {
      const page = await list(`?from=${at}`);
      if (page.next_cursor === null) break;
    }
    const next = await count();
    expect(next - size).toBeLessThanOrEqual(1);
    await list(`?from=${next}`);
    expect(await count()).toBe(next);
  });

  it('shows the other logs where SQL wrote no checkpoint and no name of one [guard: checkpoint-shape]', async () => {
    await make(1);
    const shown = async () => {
      const { status, body } = await tiny.auditor.get('/api/v1/audit/checkpoint');
      const { data } = body as Partial<AuditCheckpoints>;
      return [status, data?.map(({ log, checkpoint }) => [log, checkpoint !== null])];
    };
    expect(await shown()).toEqual([200, [[1, true]]]);
    const plant = (log: number, origin: string) =>
      sql`insert into tiny.audit_log (org, log, origin, size, root, frontier, checkpoint, checkpoint_size)
        select org, ${log}::integer, ${origin}::text, size, root, frontier, 'x', size from tiny.audit_log where org = 'acme' and log = 1`.execute(
        tiny.database.db,
      );
    await plant(8, 'urn:bulla:acme:svc:vault/audit/8');
    await plant(9, 'no name');
    expect(await shown()).toEqual([
      200,
      [
        [1, true],
        [8, false],
      ],
    ]);
    await sql`delete from tiny.audit_log where log > 1`.execute(tiny.database.db);
  });

  it('is for auditors and admins of its organisation alone [guard: org-audit-entry]', async () => {
    const [id] = await make(1);
    for (const path of [
      ENTRIES,
      `${ENTRIES}/0`,
      '/api/v1/audit/checkpoint',
      '/api/v1/audit/tile/0/0',
      '/api/v1/audit/bundles/0',
      '/api/v1/audit/proofs?size=1',
    ]) {
      expect([path, (await tiny.clientOf(tiny.acme.invoker).get(path)).status]).toEqual([path, 403]);
    }
    const other = tiny.clientOf(tiny.other.owner);
    expect((await other.post('/api/v1/prompts', { id: mintId('prm'), name: 'b', type: 'text' })).status).toBe(201);
    await written();
    expect(leavesOf(await list(`?object=${id}`, other))).toEqual([]);
    expect(new Set(leavesOf(await list('?limit=200', other)).map(({ org }) => org))).toEqual(new Set(['other']));
  });

  it.each([
    ['an entry that is not there', `${ENTRIES}/99999999`, 404],
    ['a log that is not there', `${ENTRIES}?log=7`, 404],
    ['a tile that is not so wide', '/api/v1/audit/tile/0/99', 404],
    ['a bundle that is not so wide', '/api/v1/audit/bundles/99', 404],
    ['a proof of a tree that is not there', '/api/v1/audit/proofs?size=99999999', 404],
    ['a proof of an entry behind the tree', '/api/v1/audit/proofs?size=2&entry=2', 404],
    ['a proof from a larger tree', '/api/v1/audit/proofs?size=2&older=3', 404],
    ['no size', '/api/v1/audit/proofs', 400],
    ['a level that no log has', '/api/v1/audit/tile/7/0', 400],
    ['a width of nothing', '/api/v1/audit/tile/0/0?width=0', 400],
    ['an index with a sign', `${ENTRIES}/+1`, 400],
    ['an act that is no word', `${ENTRIES}?act=DROP`, 400],
    ['a cursor of its own', `${ENTRIES}?cursor=e30`, 400],
    ['a moment that is none', `${ENTRIES}?since=yesterday`, 400],
  ])('has no answer to %s', async (_name, path, status) => {
    expect(await tiny.auditor.get(path)).toMatchObject({ status });
  });
});

describe('a service whose audit log is behind', () => {
  it('does nothing new until it is written again, and says so [guard: audit-lag]', async () => {
    const tiny = await startTiny({ auditLagMaxSeconds: 20, limits: { auditIntervalMs: 20 } });
    await tiny.service.listen();
    const create = () => tiny.owner.post('/api/v1/prompts', { id: mintId('prm'), name: 'a/b', type: 'text' });
    expect((await create()).status).toBe(201);
    await sql`alter table tiny.audit_entry add constraint full_up check (act = 'log.begin') not valid`.execute(
      tiny.database.db,
    );
    let last = await create();
    // Not by the clock of the database alone, which may have jumped.
    await sql`update tiny.audit_outbox set at = at - interval '1 hour'`.execute(tiny.database.db);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await create()).status).toBe(201);
    for (let tries = 0; tries < 200 && last.status === 201; tries++) {
      tiny.clock.advance(2);
      await new Promise((resolve) => setTimeout(resolve, 20));
      last = await create();
    }
    const detail = 'the audit log is behind: nothing is done that it could not tell';
    expect(last).toMatchObject({ status: 503, body: { code: 'overloaded', detail } });
    // Its own trouble is no news of others.
    expect(
      (await tiny.clientOf(tiny.other.owner).post('/api/v1/prompts', { id: mintId('prm'), name: 'a/b', type: 'text' }))
        .status,
    ).toBe(201);
    await sql`alter table tiny.audit_entry drop constraint full_up`.execute(tiny.database.db);
    let back = await create();
    for (let tries = 0; tries < 200 && back.status !== 201; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      back = await create();
    }
    expect(back.status).toBe(201);
    expect(tiny.log.filter((line) => line.includes('chore-failed')).length).toBeGreaterThan(0);
    await tiny.stop();
  });
});

describe('reading the audit log', () => {
  it('takes points of the key and the organisation of the reader, and of no other', async () => {
    const tiny = await startTiny({
      rates: { keyPerSecond: 2, organisationPerSecond: 3 },
      limits: { auditIntervalMs: 20 },
    });
    // Twelve for a key and eighteen for an organisation, by a clock that stands still.
    const statuses = async (client: typeof tiny.auditor, count: number) => {
      const found: number[] = [];
      for (let n = 0; n < count; n++) found.push((await client.get('/api/v1/audit/checkpoint')).status);
      return found;
    };
    expect(await statuses(tiny.auditor, 13)).toEqual([...Array.from({ length: 12 }, () => 200), 429]);
    expect(await statuses(tiny.owner, 7)).toEqual([...Array.from({ length: 6 }, () => 200), 429]);
    expect(await statuses(tiny.clientOf(tiny.other.owner), 1)).toEqual([200]);
    await tiny.stop();
  });
});
