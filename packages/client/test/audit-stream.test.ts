import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Problem } from '@bulla/contract';
import { encodeBase64url } from '@bulla/crypto';
import { resend } from '../src/audit-stream/resend.js';
import type { Delivery } from '../src/audit-stream/stream-sink.js';
import { AuditWorld, changeEntry, entryOf } from './audit-world.js';
import type { HeldLog } from './held-log.js';
import { HeldSink, HeldStream } from './stream-parts.js';

// A stream over services that are honest until a test tells them otherwise, into a sink that does as it is told.

let all: AuditWorld;
let stream: HeldStream;
beforeAll(async () => {
  all = await AuditWorld.make();
});
afterAll(() => all.world.stop());
beforeEach(async () => {
  all.serve();
  await all.begin();
  stream = new HeldStream(all);
});

const upTo = (count: number, from = 0) => Array.from({ length: count - from }, (_, at) => `vault#${from + at}`);
const ofVault = () => stream.sink.taken.filter((place) => place.startsWith('vault'));
const refused = (status = 400): Delivery => ({
  kind: 'refused',
  reason: `the sink answered ${status}`,
  tooLarge: status === 413,
});
const away: Delivery = { kind: 'away', reason: 'nothing listens there' };

describe('a stream', () => {
  it('passes every entry of every log on, in order and once, and goes on where it was', async () => {
    await all.fill(450);
    await stream.run();
    expect(stream.sink.taken).toHaveLength(452);
    expect(ofVault()).toEqual(upTo(451));
    expect(stream.sink.taken).toContain('responder:eu1#0');
    expect(stream.journal.at['vault']).toBe('1#451');
    expect(Math.max(...stream.sink.batches)).toBe(64);
    await all.fill(3);
    await stream.run();
    expect(ofVault()).toEqual(upTo(454));
    expect(stream.events.at(-1)).toEqual({ event: 'ended', sent: 3, dead_letters: 0 });
  });

  it('goes on with a log beside one of a higher number that has not begun [guard: stream-log-begun]', async () => {
    await all.fill(2);
    await stream.run();
    all.vault.push(all.log('vault', 9));
    await stream.run();
    await all.fill(2);
    await stream.run();
    expect(ofVault()).toEqual(upTo(5));
  });

  it('sends nothing that is not signed yet', async () => {
    await all.first.add({ act: 'prompt.list', obj: { items: 1 } });
    await stream.run();
    expect(ofVault()).toEqual(upTo(1));
  });

  it('begins with what comes next if it is told so, and then leaves nothing out', async () => {
    await all.fill(300);
    await stream.run({ fromNow: true });
    expect(ofVault()).toEqual([]);
    await all.fill(2);
    await stream.run({ fromNow: true });
    expect(ofVault()).toEqual(upTo(303, 301));
  });

  it('begins there for good, though it is not sure that anything arrived', async () => {
    stream.sink.unsureBytes = 1_000_000;
    stream.sink.atClose = 'unsure';
    await all.fill(5);
    await stream.run({ fromNow: true });
    expect(stream.journal.at['vault']).toBe('1#6');
    await all.fill(2);
    await stream.run({ fromNow: true });
    await stream.run({ fromNow: true });
    expect(ofVault()).toEqual([...upTo(8, 6), ...upTo(8, 6)]);
  });

  it('begins with nothing where the tiles are not those of the tree that is signed [guard: stream-frontier]', async () => {
    const held = await all.fill(5);
    held.files.set('tile/0/000.p/6', new Uint8Array(6 * 32));
    await expect(stream.run({ fromNow: true })).rejects.toMatchObject({ code: 'log_inconsistent', check: 'root' });
  });

  it('follows a log that begins anew, and says what was lost of the one before', async () => {
    const held = await all.fill(5);
    await stream.run();
    await held.add({ act: 'prompt.list', obj: { items: 9 } });
    const lost = await held.sign();
    held.entries.pop();
    const before = { origin: held.origin, head: lost };
    const late = await held.sign();
    expect(late.size).toBe(6);
    all.vault.push(await all.log('vault', 2).begin(before));
    await all.sign();
    await stream.run();
    expect(ofVault()).toEqual([...upTo(6), 'vault/2#0']);
    expect(stream.events).toContainEqual({ event: 'entries-lost', origin: held.origin, entries: 1 });
    expect(stream.journal.at['vault']).toBe('2#1');
  });

  const TILE = 256;
  /** Nine months later it says that its first tile goes. */
  const prune = async (held: HeldLog, t = '2026-11-25T00:00:00.000Z') => {
    const { size = 0, root = new Uint8Array(32) } = held.head ?? {};
    const obj = { log: 1, first: 0, last: TILE - 1, size, root: encodeBase64url(root) };
    await held.add({ act: 'log.prune', obj }, t);
    await held.sign();
    held.pruned = TILE;
  };
  const old = async (count: number) => {
    for (let at = 0; at < count; at++)
      await all.first.add({ act: 'prompt.list', obj: { items: at } }, '2026-01-10T00:00:00.000Z');
    await all.sign();
    return all.first;
  };

  it('goes on behind entries that are no longer kept, and says how many those were', async () => {
    const held = await old(TILE + 10);
    await prune(held);
    await stream.run();
    expect(stream.events).toContainEqual({ event: 'entries-pruned', origin: held.origin, entries: TILE });
    expect(ofVault()).toEqual(upTo(held.entries.length, TILE));
  });

  it('goes on so where it has sent some of them', async () => {
    await old(10);
    await stream.run();
    const held = await old(TILE);
    await prune(held);
    await stream.run();
    expect(stream.events).toContainEqual({ event: 'entries-pruned', origin: held.origin, entries: TILE - 11 });
    expect(ofVault()).toEqual([...upTo(11), ...upTo(held.entries.length, TILE)]);
  });

  it('sends nothing behind entries that nothing says may go', async () => {
    const held = await old(TILE + 10);
    held.pruned = TILE;
    await expect(stream.run()).rejects.toMatchObject({ code: 'log_inconsistent', check: 'missing' });
    expect(ofVault()).toEqual([]);
  });

  it('sends nothing of a log that gives more as gone than went [guard: stream-pruned]', async () => {
    const held = await old(3 * TILE);
    await prune(held);
    const { origin, checkpoint } = held;
    let looks = 0;
    // Its first word is to the stream, the next to who verifies the log.
    all.world.vault.service.lies['audit.checkpoint'] = () => ({
      body: { data: [{ log: 1, origin, checkpoint, first: looks++ === 0 ? 2 * TILE : TILE }] },
    });
    await expect(stream.run()).rejects.toMatchObject({ code: 'log_inconsistent', check: 'missing' });
    expect(ofVault()).toEqual([]);
  });

  it('sends nothing behind tiles that are not those of the signed tree [guard: stream-frontier-within]', async () => {
    await prune(await old(3 * TILE));
    const { lies } = all.world.vault.service;
    const { 'audit.tile': honest } = lies;
    if (honest === undefined) throw new Error('it shows no tiles');
    // To who verifies the log it shows three hashes of that level.
    lies['audit.tile'] = (asked) =>
      asked.params['level'] === '1' && asked.query.get('width') === '1'
        ? { body: { hashes: encodeBase64url(new Uint8Array(32)) } }
        : honest(asked);
    await expect(stream.run()).rejects.toMatchObject({ code: 'log_inconsistent', check: 'root' });
    expect(ofVault()).toEqual([]);
  });

  it('sends the rest of a log that is over before the next one', async () => {
    const held = await all.fill(5);
    const head = await held.sign();
    all.vault.push(await all.log('vault', 2).begin({ origin: held.origin, head }));
    await all.sign();
    await stream.run();
    expect(ofVault()).toEqual([...upTo(6), 'vault/2#0']);
    expect(stream.told).not.toContain('entries-lost');
  });

  it('passes an entry on that cannot be what anybody asked for, and marks it [guard: stream-misfit-marked]', async () => {
    await all.fill(4);
    changeEntry(all.first, 2, { act: 'prompt.delete', obj: { prompt: 'prm_01k9z3q8e4fxq9m3y7t5w6v8na' } });
    await all.first.sign();
    const misfits: unknown[] = [];
    stream.sink.answer = (batch) => {
      misfits.push(...batch.flatMap(({ index, misfit }) => (misfit === undefined ? [] : [[index, misfit]])));
      return { kind: 'taken' };
    };
    await stream.run();
    expect(ofVault()).toEqual(upTo(5));
    expect(misfits).toEqual([[2, 'no service can have done that']]);
    expect(stream.events).toContainEqual({
      event: 'misfit',
      origin: all.first.origin,
      index: 2,
      message: 'no service can have done that',
    });
  });

  it('goes on with the next log where entries of the one before do not fit', async () => {
    await all.fill(3);
    changeEntry(all.first, 1, { act: 'prompt.delete', obj: { prompt: 'prm_01k9z3q8e4fxq9m3y7t5w6v8na' } });
    const head = await all.first.sign();
    all.vault.push(await all.log('vault', 2).begin({ origin: all.first.origin, head }));
    await all.vault[1]?.sign();
    await stream.run();
    expect(ofVault()).toEqual([...upTo(4), 'vault/2#0']);
  });

  it('goes on with the others while a service does not answer', async () => {
    await all.fill(2);
    all.world.responder.service.lies['audit.checkpoint'] = () => {
      throw new Problem('overloaded');
    };
    await expect(stream.run()).rejects.toMatchObject({ code: 'overloaded' });
    expect(ofVault()).toEqual(upTo(3));
    expect(stream.told.filter((event) => event === 'service-away')).toHaveLength(1);
    all.serve();
    await stream.run();
    expect(stream.sink.taken).toContain('responder:eu1#0');
  });

  it('ends where a service refuses it [guard: stream-only-away]', async () => {
    all.world.vault.service.lies['audit.checkpoint'] = () => {
      throw new Problem('forbidden');
    };
    const ended = stream.run({ once: false, wait: waitAndEnd(3) });
    await expect(ended).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('nothing of a log leaves', () => {
  const refusal = (check: string) => expect.objectContaining({ code: 'log_inconsistent', check });

  it.each([
    ['edited', () => changeEntry(all.first, 3)],
    ['reordered', () => all.first.entries.splice(2, 2, entryOf(all.first, 3), entryOf(all.first, 2))],
    ['put in the place of another', () => all.first.entries.splice(2, 1, entryOf(all.first, 3))],
  ])('where an entry was %s [guard: stream-entries-signed]', async (_name, tamper) => {
    await all.fill(6);
    tamper();
    await expect(stream.run()).rejects.toEqual(refusal('entry'));
    expect(ofVault()).toEqual([]);
  });

  it('behind what was sent, where an entry was edited later', async () => {
    await all.fill(3);
    await stream.run();
    await all.fill(3);
    await all.auditor.audit.checkpoints();
    changeEntry(all.first, 5);
    all.world.vault.service.lies['audit.prove'] = () => {
      throw new Problem('not_found');
    };
    await expect(stream.run()).rejects.toEqual(refusal('entry'));
    expect(ofVault()).toEqual(upTo(4));
  });

  it('where what was sent is not what it begins with any more, though this machine forgot it', async () => {
    await all.fill(3);
    await stream.run();
    changeEntry(all.first, 1);
    await all.fill(3);
    await forget();
    await expect(stream.run()).rejects.toEqual(refusal('entry'));
    expect(ofVault()).toEqual(upTo(4));
  });

  it('where what was sent was taken away, though this machine forgot it [guard: stream-rollback]', async () => {
    await all.fill(3);
    await stream.run();
    all.first.entries.length = 3;
    await all.first.sign();
    await forget();
    await expect(stream.run()).rejects.toEqual(refusal('rollback'));
  });

  it('where what was sent was rewritten, though this machine forgot it', async () => {
    await all.fill(3);
    await stream.run();
    changeEntry(all.first, 2);
    await all.first.sign();
    await forget();
    await expect(stream.run()).rejects.toEqual(refusal('rollback'));
  });

  it('where the log that was sent is not shown any more [guard: stream-log-gone]', async () => {
    const head = await all.first.sign();
    all.vault.push(await all.log('vault', 2).begin({ origin: all.first.origin, head }));
    await all.sign();
    await stream.run();
    all.vault.pop();
    await forget();
    await expect(stream.run()).rejects.toEqual(refusal('missing'));
  });

  it('where a log that is over is not good any more, though all of it was sent [guard: stream-ended-logs]', async () => {
    const held = await all.fill(3);
    await stream.run();
    all.vault.push(await all.log('vault', 2).begin({ origin: held.origin, head: await held.sign() }));
    await all.vault[1]?.sign();
    changeEntry(held, 1);
    await expect(stream.run()).rejects.toEqual(refusal('entry'));
    expect(ofVault()).toEqual(upTo(4));
  });

  it.each([
    ['skips one [guard: stream-gap]', [0, 1, 3, 4, 5, 5], 'missing'],
    ['begins later', [1, 2], 'missing'],
    ['has nothing', [], 'missing'],
    ['ends early [guard: stream-cut]', [0, 1, 2], 'missing'],
  ])('where the list of entries %s', async (_name, indexes, check) => {
    await all.fill(5);
    all.world.vault.service.lies['audit.list'] = () => ({
      body: {
        data: indexes.map((index) => ({ index, at: T, leaf: entryOf(all.first, index).leaf })),
        next_cursor: null,
      },
    });
    await expect(stream.run()).rejects.toEqual(refusal(check));
    expect(ofVault()).toEqual([]);
  });

  it.each([
    ['is of another organisation [guard: stream-entry-judged]', { org: 'other' }],
    ['begins a log', { act: 'log.begin', obj: { log: 1 } }],
    ['is nothing that is known', { act: 'moon.rise' }],
  ])('where an entry that is signed %s', async (_name, members) => {
    await all.fill(2);
    changeEntry(all.first, 2, members);
    await all.first.sign();
    await expect(stream.run()).rejects.toEqual(refusal('entry-form'));
    expect(ofVault()).toEqual([]);
  });

  it.each([
    ['with white space', (leaf: string) => leaf.replace('{"v":1', '{"v": 1')],
    ['with a member twice', (leaf: string) => leaf.replace('{"v":1', '{"v":2,"v":1')],
  ])('where an entry that is signed is spelt %s [guard: stream-spelling]', async (_name, spell) => {
    await all.fill(2);
    const held = entryOf(all.first, 2);
    all.first.entries[2] = { ...held, leaf: spell(held.leaf) };
    await all.first.sign();
    await expect(stream.run()).rejects.toEqual(refusal('entry-form'));
    expect(ofVault()).toEqual([]);
  });
});

/** The newest heads that this machine verified are gone; the place of the stream is not. */
async function forget(): Promise<void> {
  const { world } = all;
  all.auditor = await world.client(world.organisation.owner);
}

const T = '2026-11-25T00:00:00.000Z';

describe('a sink', () => {
  it('that is away gets everything when it is back, after longer and longer waits', async () => {
    await all.fill(2);
    let tries = 0;
    stream.sink.answer = () => (++tries <= 9 ? away : { kind: 'taken' });
    await stream.run({ once: false, wait: waitAndEnd(10) });
    expect(ofVault()).toEqual(upTo(3));
    const [first] = stream.events;
    expect(first).toMatchObject({ event: 'sink-away', reason: 'nothing listens there', behind: 3 });
    expect(stream.told.filter((event) => event === 'sink-back')).toHaveLength(1);
    for (const [at, ms] of stream.waits.slice(0, 9).entries()) {
      const most = Math.min(1_000 * 2 ** at, 60_000);
      expect([ms >= most / 2, ms <= most]).toEqual([true, true]);
    }
  });

  it.each([
    [5_000_000, 300_000],
    [90_000, 90_000],
  ])('that asks for %i ms gets %i ms', async (retryAfterMs, waited) => {
    let tries = 0;
    stream.sink.answer = () => (++tries === 1 ? { ...away, retryAfterMs } : { kind: 'taken' });
    await stream.run();
    expect(stream.waits[0]).toBe(waited);
  });

  it('that stays away is given up by a stream that is to end by itself [guard: stream-once-gives-up]', async () => {
    stream.sink.answer = () => away;
    const ended = stream.run({
      wait: (ms) => {
        stream.waits.push(ms);
        if (stream.waits.length > 20) stream.ending.abort();
        return Promise.resolve();
      },
    });
    await expect(ended).rejects.toMatchObject({ code: 'transport_failed', check: 'sink' });
    expect([stream.waits.length, stream.journal.places]).toEqual([4, []]);
  });

  it('that is away does not keep the stream from ending when it is told to', async () => {
    stream.sink.answer = () => away;
    await stream.run({ once: false, wait: waitAndEnd(1) });
    expect([stream.sink.taken, stream.journal.places]).toEqual([[], []]);
  });

  it('that refuses one entry has all others, and the one is a dead letter', async () => {
    await all.fill(40);
    stream.sink.answer = (batch) =>
      batch.some(({ index, origin }) => index === 17 && origin === all.first.origin) ? refused() : { kind: 'taken' };
    await stream.run();
    expect(ofVault()).toEqual(upTo(41).filter((place) => place !== 'vault#17'));
    expect(stream.journal.letters).toEqual([
      {
        v: 1,
        at: expect.any(String),
        origin: all.first.origin,
        index: 17,
        reason: 'the sink answered 400',
        leaf: entryOf(all.first, 17).leaf,
      },
    ]);
    expect(stream.journal.at['vault']).toBe('1#41');
    expect(stream.events.at(-1)).toEqual({ event: 'ended', sent: 41, dead_letters: 1 });
  });

  it('that calls batches too large gets smaller ones from then on', async () => {
    await all.fill(255);
    stream.sink.answer = (batch) => (batch.length > 10 ? refused(413) : { kind: 'taken' });
    await stream.run();
    expect(ofVault()).toEqual(upTo(256));
    expect(stream.journal.letters).toEqual([]);
    const [first = 0, ...rest] = stream.sink.batches;
    expect(first).toBe(64);
    expect(Math.max(...rest.slice(-5))).toBeLessThanOrEqual(10);
  });

  it('gets what it does not have for certain again, once the connection has ended', async () => {
    stream.sink.unsureBytes = 1_000_000;
    await all.fill(100);
    stream.sink.answer = () => {
      if (stream.sink.batches.length !== 2) return { kind: 'taken' };
      stream.sink.end = 'unsure';
      return { kind: 'ended', reason: 'it broke the connection' };
    };
    await stream.run();
    expect(ofVault()).toEqual([...upTo(64), ...upTo(101)]);
    expect(stream.events).toContainEqual({ event: 'sent-again', reason: 'it broke the connection', entries: 64 });
    expect(stream.journal.at['vault']).toBe('1#101');
  });

  it('that ends a connection in order gets nothing again', async () => {
    stream.sink.unsureBytes = 1_000_000;
    await all.fill(10);
    let rounds = 0;
    const wait = async () => {
      stream.sink.end = 'sure';
      if (++rounds === 1) await all.fill(1);
      else stream.ending.abort();
    };
    await stream.run({ once: false, wait });
    expect(ofVault()).toEqual(upTo(12));
    expect(stream.told).toEqual(['ended']);
  });

  it('that does not end in order leaves the place where it is sure', async () => {
    stream.sink.unsureBytes = 1_000_000;
    stream.sink.atClose = 'unsure';
    await all.fill(10);
    await stream.run();
    expect([ofVault(), stream.journal.places]).toEqual([upTo(11), []]);
  });
});

/** Waits nowhere, and ends the stream at a wait. */
function waitAndEnd(at: number) {
  return (ms: number) => {
    stream.waits.push(ms);
    if (stream.waits.length >= at) stream.ending.abort();
    return Promise.resolve();
  };
}

describe('dead letters', () => {
  async function makeLetters(): Promise<void> {
    await all.fill(4);
    stream.sink.answer = (batch) => (batch.some(({ index }) => index > 1) ? refused() : { kind: 'taken' });
    await stream.run();
    expect(stream.journal.letters.map(({ index }) => index)).toEqual([2, 3, 4]);
  }
  const again = (sink: HeldSink) =>
    resend(stream.journal.letters, {
      sink,
      signal: stream.ending.signal,
      onAway: () => Promise.resolve(),
      wait: () => Promise.resolve(),
    });

  it('go again, and what the sink refuses stays', async () => {
    await makeLetters();
    const sink = new HeldSink();
    sink.answer = ([entry]) => (entry?.index === 3 ? refused(422) : { kind: 'taken' });
    const { sent, left } = await again(sink);
    expect([sent, sink.taken]).toEqual([2, ['vault#2', 'vault#4']]);
    expect(left).toEqual([{ ...stream.journal.letters[1], reason: 'the sink answered 422' }]);
  });

  it('all stay where it is not sure that they arrived [guard: resend-unsure]', async () => {
    await makeLetters();
    const sink = new HeldSink();
    sink.atClose = 'unsure';
    expect(await again(sink)).toEqual({ sent: 0, left: stream.journal.letters });
  });

  it('all stay where the connection ends', async () => {
    await makeLetters();
    const sink = new HeldSink();
    sink.answer = ([entry]) => (entry?.index === 4 ? { kind: 'ended', reason: 'gone' } : { kind: 'taken' });
    expect(await again(sink)).toEqual({ sent: 0, left: stream.journal.letters });
  });

  it('stay where the sink is away', async () => {
    await makeLetters();
    const sink = new HeldSink();
    sink.answer = () => away;
    await expect(again(sink)).rejects.toMatchObject({ code: 'transport_failed', check: 'sink' });
  });
});
