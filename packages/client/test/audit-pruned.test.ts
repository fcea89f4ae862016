import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { encodeBase64url } from '@bulla/crypto';
import { verifyBundle } from '../src/audit/bundle/verify-bundle.js';
import { AuditWorld } from './audit-world.js';
import type { HeldLog } from './held-log.js';
import { MemoryFolder } from './memory-folder.js';

// Logs whose first entries were kept long enough, and of which there are the hashes.

const TILE = 256;
const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
const OLD = daysAgo(320);
const LATER = daysAgo(7);
/** Old enough for what is said {@link LATER}, and not for what is said {@link SOON}. */
const YOUNG = daysAgo(105);
const SOON = daysAgo(30);
let all: AuditWorld;
let folder: MemoryFolder;

beforeAll(async () => {
  all = await AuditWorld.make();
});
afterAll(() => all.world.stop());
beforeEach(async () => {
  await all.begin();
  folder = new MemoryFolder();
});

/** Entries of some moment. */
async function write(held: HeldLog, count: number, t: string): Promise<void> {
  await held.fill(count, t);
  await held.sign();
}

/** Puts down that the first entries of a log go. */
async function say(held: HeldLog, count: number, { t = LATER, of = held, before = {} } = {}): Promise<void> {
  const root = encodeBase64url(held.head?.root ?? new Uint8Array(32));
  await held.add(
    { act: 'log.prune', obj: { log: of.number, first: 0, last: count - 1, size: count, root, ...before } },
    t,
  );
  await held.sign();
}

/** A log of three tiles and something, of which two tiles are gone. */
async function pruned(): Promise<HeldLog> {
  const held = all.first;
  await write(held, 2 * TILE + 20, OLD);
  await write(held, TILE, LATER);
  await say(held, 2 * TILE);
  held.pruned = 2 * TILE;
  return held;
}

const verifyFolder = () => verifyBundle(folder, { pin: all.world.organisation.pin, now: all.world.clock.now() });
const SAID = `512 entries are no longer kept, as entry 789 of urn:bulla:acme:svc:vault/audit/1 says; their hashes are; each of 278 entries is in the tree that is signed; the newest is of ${LATER}`;

describe('a log whose first entries are gone', () => {
  it('is good where it says so itself, from the service and from an export that was made after', async () => {
    const held = await pruned();
    const { requests } = all.world.vault.service;
    const before = requests.length;
    const seen: number[] = [];
    const verdict = await all.auditor.audit.verify({ onProgress: (entries) => seen.push(entries) });
    expect(verdict.logs[0]).toMatchObject({
      valid: true,
      prunedEntries: 2 * TILE,
      head: { size: held.entries.length },
    });
    expect(verdict.logs[0]?.checks.find(({ name }) => name === 'entries')).toMatchObject({
      state: 'passed',
      detail: SAID,
    });
    expect(seen.at(-1)).toBe(held.entries.length - 2 * TILE + 1);
    // What the service says it has no more is not asked for.
    expect(requests.slice(before).filter(({ name }) => name === 'audit.bundle' || name === 'audit.get')).toHaveLength(
      2,
    );
    await all.auditor.audit.export(folder);
    expect(folder.files.has('logs/vault-1/tile/entries/001')).toBe(false);
    expect(folder.files.has('logs/vault-1/tile/0/001')).toBe(true);
    const found = await verifyFolder();
    expect(found.valid).toBe(true);
    expect(found.logs[0]?.checks.find(({ name }) => name === 'entries')?.detail).toBe(SAID);
  });

  it('is whole in an export that was made before and brought up to date since', async () => {
    const held = all.first;
    await write(held, 2 * TILE + 20, OLD);
    await all.auditor.audit.export(folder);
    await write(held, TILE, LATER);
    await say(held, 2 * TILE);
    held.pruned = 2 * TILE;
    await all.auditor.audit.export(folder);
    const found = await verifyFolder();
    expect(found.logs[0]).toMatchObject({ valid: true, prunedEntries: 0 });
    // With a gap, where that was long ago.
    folder.files.delete('logs/vault-1/tile/entries/001');
    expect((await verifyFolder()).logs[0]).toMatchObject({ valid: true, prunedEntries: TILE });
  });

  it('goes on from what this machine saw before', async () => {
    const held = all.first;
    await write(held, TILE + 20, OLD);
    await all.auditor.audit.verify();
    await write(held, TILE, LATER);
    await say(held, TILE);
    held.pruned = TILE;
    expect(await all.checks()).toMatchObject({
      'kept-head': 'passed: begins with the 277 entries that this machine saw before',
    });
  });

  it('has hashes still, and is refused without one', async () => {
    await pruned();
    await all.auditor.audit.export(folder);
    folder.files.delete('logs/vault-1/tile/0/001');
    expect((await verifyFolder()).logs[0]?.failure).toMatchObject({
      kind: 'missing',
      entries: { first: 256, last: 511 },
    });
  });

  it('is refused where no log says that they go, or not so many [guard: audit-pruned-said]', async () => {
    const held = all.first;
    await write(held, 2 * TILE + 20, OLD);
    await write(held, 5, LATER);
    held.pruned = TILE;
    const why = 'and no log of the service says that they were kept long enough';
    expect(await all.failures()).toEqual([
      `entries: entries 0 to 255: the log has hashes of them and not the entries, ${why}`,
      undefined,
    ]);
    await say(held, TILE);
    expect(await all.failures()).toEqual([undefined, undefined]);
    held.pruned = 2 * TILE;
    expect(await all.failures()).toEqual([
      `entries: entries 0 to 511: the log has hashes of them and not the entries, ${why}`,
      undefined,
    ]);
  });

  it('is refused where they were too young to go [guard: audit-pruned-old]', async () => {
    const held = all.first;
    await write(held, 2 * TILE + 20, YOUNG);
    await say(held, TILE, { t: SOON });
    held.pruned = TILE;
    const why = 'and they were not 90 days old when the log said that they go';
    expect(await all.failures()).toEqual([
      `entries: entries 0 to 255: the log has hashes of them and not the entries, ${why}`,
      undefined,
    ]);
    await say(held, TILE);
    expect(await all.failures()).toEqual([undefined, undefined]);
  });

  it('is as old as what was written after, where that says so [guard: audit-prune-behind]', async () => {
    const held = all.first;
    await write(held, 2 * TILE + 20, YOUNG);
    await say(held, TILE);
    await write(held, 1, daysAgo(104));
    held.pruned = TILE;
    expect((await all.failures())[0]).toContain('they were not 90 days old');
  });

  it('is refused where its end is gone, whatever it says', async () => {
    const held = all.first;
    await write(held, TILE - 1, OLD);
    await write(held, TILE - 1, OLD);
    await say(held, 2 * TILE);
    await all.auditor.audit.export(folder);
    folder.files.delete('logs/vault-1/tile/entries/000');
    expect((await verifyFolder()).valid).toBe(true);
    folder.files.delete('logs/vault-1/tile/entries/001');
    expect((await verifyFolder()).valid).toBe(false);
    await write(held, 3, LATER);
    await all.auditor.audit.export(folder);
    for (const path of folder.files.keys()) if (path.includes('entries/002')) folder.files.delete(path);
    expect((await verifyFolder()).logs[0]?.failure).toMatchObject({
      kind: 'missing',
      entries: { first: 512, last: 514 },
    });
  });
});

describe('a log that another followed', () => {
  async function followed() {
    const first = all.first;
    await write(first, TILE + 20, OLD);
    const head = await first.sign();
    const next = await all.log('vault', 2).begin({ origin: first.origin, head });
    all.vault.push(next);
    await write(next, TILE + 5, OLD);
    return {
      first,
      next,
      before: { before: { origin: first.origin, size: head.size, root: encodeBase64url(head.root) } },
    };
  }

  it('may be pruned as the newer one says', async () => {
    const { first, next } = await followed();
    await say(next, TILE, { of: first });
    first.pruned = TILE;
    const { logs, valid } = await all.auditor.audit.verify();
    expect(valid).toBe(true);
    expect(logs[0]?.checks.find(({ name }) => name === 'entries')?.detail).toContain(
      '256 entries are no longer kept, as entry 262 of urn:bulla:acme:svc:vault/audit/2 says',
    );
  });

  it('is found though the entry that names it is gone [guard: audit-prune-before]', async () => {
    const { next, before } = await followed();
    await say(next, TILE, { before });
    next.pruned = TILE;
    const checks = (await all.auditor.audit.verify()).logs[1]?.checks;
    expect(checks?.find(({ name }) => name === 'log-before')?.detail).toContain(
      'begins anew after urn:bulla:acme:svc:vault/audit/1',
    );
    all.vault.shift();
    expect((await all.auditor.audit.verify()).logs[0]?.origin).toBe('urn:bulla:acme:svc:vault/audit/1');
    await say(next, TILE);
    expect(await all.failures()).toContain('entries: entry 263: it does not say what became of the log before');
  });
});
