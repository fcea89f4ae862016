import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { utf8 } from '@bulla/crypto';
import type { Bulla } from '../src/bulla.js';
import { verifyAnswerFile } from '../src/bulla.js';
import { contradicted, toldHead, withTold } from '../src/audit/told/told-heads.js';
import { verifyAnswerInBundle, verifyBundle } from '../src/audit/bundle/verify-bundle.js';
import type { Answer } from '../src/runs/answer.js';
import { MemoryTrustStore } from '../src/trust/trust-store.js';
import { AuditWorld, changeEntry } from './audit-world.js';
import type { HeldLog } from './held-log.js';
import { MemoryFolder } from './memory-folder.js';
import { draftOf } from './world.js';

// What answers tell of the log of their responder, held against each other and against the log.

let all: AuditWorld;
let asker: Bulla;
let log: HeldLog;
beforeAll(async () => {
  all = await AuditWorld.make();
  const author = await all.world.client();
  await author.prompts.push('claims/triage', 'text', draftOf('Sort: {{claim}}'), ['production']);
});
afterAll(() => all.world.stop());
beforeEach(async () => {
  await all.begin();
  all.world.responder.script.fin = {};
  [log] = all.responder as [HeldLog];
  // One machine, which asks and audits.
  asker = all.auditor;
});
afterEach(() => {
  all.world.responder.script.fin = {};
});

/** An answer that carries this note. */
function answerWith(checkpoint: string | null, by: Bulla = asker): Promise<Answer> {
  all.world.responder.script.head = () => checkpoint;
  return by.prompt('claims/triage').run({ claim: 'x' });
}

/** The signed note of a log with so many entries more. */
async function grown(of: HeldLog, more: number): Promise<string> {
  for (let at = 0; at < more; at++) await of.add({ act: 'prompt.list', obj: { items: at } });
  await of.sign();
  return of.checkpoint ?? '';
}

/** Another log under the same name, with the same number of entries. */
async function otherLog(size = log.entries.length): Promise<HeldLog> {
  const other = await all.log('responder').begin();
  await grown(other, size - 1);
  return other;
}

async function told(store = all.store): Promise<readonly number[]> {
  const state = await store.load('acme', all.world.organisation.pin);
  return (state?.told ?? []).map((note) => toldHead(note).size);
}

/** What verifying the services finds of the responder's log. */
async function live() {
  const { logs } = await all.auditor.audit.verify();
  const found = logs.find(({ origin }) => origin === log.origin);
  return { ...found, check: found?.checks.find(({ name }) => name === 'told-heads') };
}

const fork = { code: 'log_inconsistent', check: 'fork' };

describe('a head that an answer brings', () => {
  it('is kept once, and a smaller one is late and no error', async () => {
    const small = log.checkpoint;
    const large = await grown(log, 3);
    for (const note of [large, large, small]) await answerWith(note);
    expect(await told()).toEqual([4, 1]);
  });

  it('is missed where the directory lists a key for it, in an answer that failed too [guard: reply-head-missing]', async () => {
    const missing = { code: 'head_missing', check: 'reply-checkpoint' };
    await expect(answerWith(null)).rejects.toMatchObject(missing);
    all.world.responder.script.fin = { finish: 'error', err: { code: 'upstream_unavailable' } };
    await expect(answerWith(null)).rejects.toMatchObject(missing);
    expect(await told()).toEqual([]);
  });

  it('refuses the answer where another of its size was told, and both are kept [guard: told-fork]', async () => {
    await answerWith(await grown(log, 3));
    const other = await otherLog();
    await expect(answerWith(other.checkpoint)).rejects.toMatchObject(fork);
    expect(await told()).toEqual([4, 4]);
    all.world.responder.script.head = () => log.checkpoint;
    all.world.responder.script.fin = {
      finish: 'error',
      err: { code: 'upstream_unavailable' },
    };
    await expect(asker.prompt('claims/triage').run({ claim: 'x' })).rejects.toMatchObject({
      code: 'upstream_unavailable',
    });
    all.world.responder.script.fin = {};
    await expect(answerWith((await otherLog()).checkpoint)).rejects.toMatchObject(fork);
  });

  it('refuses the answer where another of its size was verified', async () => {
    await grown(log, 3);
    await all.auditor.audit.verify();
    await answerWith(log.checkpoint);
    expect(await told()).toEqual([]);
    await expect(answerWith((await otherLog()).checkpoint)).rejects.toMatchObject(fork);
    expect(await told()).toEqual([4]);
  });

  it('refuses the answer where it is not good', async () => {
    const note = (log.checkpoint ?? '').replace('\n1\n', '\n2\n');
    await expect(answerWith(note)).rejects.toMatchObject({ code: 'signature_invalid', check: 'reply-checkpoint' });
    await expect(answerWith(all.first.checkpoint)).rejects.toMatchObject({
      code: 'log_inconsistent',
      check: 'reply-checkpoint-origin',
    });
    expect(await told()).toEqual([]);
  });

  it('is not washed out by telling more [guard: told-first-kept]', async () => {
    const notes: string[] = [];
    for (let size = 1; size <= 20; size++) notes.push(await grown(log, 1));
    let state: { readonly told?: readonly string[] } = {};
    for (const note of notes) state = withTold(state, toldHead(note));
    const sizes = (state.told ?? []).map((note) => toldHead(note).size);
    expect(sizes).toEqual([...Array.from({ length: 15 }, (_, at) => at + 2), 21]);
    // A smaller one that was not among them is left out, a contradicting one never.
    expect(withTold(state, toldHead(notes[17] ?? ''))).toBe(state);
    const other = toldHead((await otherLog(21)).checkpoint ?? '');
    expect(withTold(state, other).told?.length).toBe(17);
  });

  it('is kept of the sixteen logs of a service that were told first, and of the newest [guard: told-newest-log]', async () => {
    let state: { readonly told?: readonly string[] } = {};
    const tell = (one: HeldLog) => (state = withTold(state, toldHead(one.checkpoint ?? '')));
    const logOf = async (number: number, more = 0) => {
      const one = await all.log('responder', number).begin();
      await grown(one, more);
      return one;
    };
    for (let number = 1; number <= 20; number++) tell(await logOf(number));
    const origins = () => (state.told ?? []).map((note) => toldHead(note).origin);
    const numbers = () => origins().map((origin) => Number(origin.split('/').at(-1)));
    expect(numbers()).toEqual([...Array.from({ length: 16 }, (_, at) => at + 1), 20]);
    // Of a log between them nothing is kept in the place of the newest, and of that as much as of any.
    const before = state;
    expect(tell(await logOf(19))).toBe(before);
    tell(await logOf(20, 2));
    expect(numbers().slice(16)).toEqual([20, 20]);
    expect(contradicted(state, toldHead((await logOf(20, 2)).checkpoint ?? ''))).toBeDefined();
  });
});

describe('verifying the services', () => {
  it('finds what was told in the tree, and keeps the verified head in its place', async () => {
    await answerWith(log.checkpoint);
    await answerWith(await grown(log, 3));
    await grown(log, 300);
    expect((await live()).check).toEqual({
      name: 'told-heads',
      state: 'passed',
      detail: '2 heads that answers brought are in this tree',
    });
    expect(await told()).toEqual([]);
    expect(await all.kept()).toContainEqual([log.origin, 304, expect.any(String)]);
  });

  it('refuses another log than those who asked were told of [guard: told-in-tree]', async () => {
    const shown = await otherLog(4);
    await answerWith(shown.checkpoint);
    await grown(log, 8);
    const { valid, failure } = await live();
    expect(valid).toBe(false);
    expect(failure).toMatchObject({ code: 'log_inconsistent', check: 'told-heads', kind: 'fork' });
    expect(failure?.checkpoints).toEqual([shown.checkpoint]);
    expect(failure?.message).toContain('does not begin with the 4 entries that an answer told of');
    // It is not forgotten.
    expect((await live()).valid).toBe(false);
  });

  it('refuses a log of which two trees of one size were told, however small it is here [guard: told-two-trees]', async () => {
    const [one, other] = [await otherLog(6), await otherLog(6)];
    await answerWith(one.checkpoint);
    await expect(answerWith(other.checkpoint)).rejects.toMatchObject(fork);
    const { failure } = await live();
    expect(failure).toMatchObject({ check: 'told-heads', kind: 'fork' });
    expect(failure?.checkpoints).toEqual([one.checkpoint, other.checkpoint]);
  });

  it('takes a smaller log for late where the service has what was told, and keeps that', async () => {
    const [late, files] = [log.checkpoint, log.files];
    await answerWith(await grown(log, 3));
    [log.checkpoint, log.files] = [late, files];
    const { valid, check } = await live();
    expect(valid).toBe(true);
    expect(check?.detail).toBe(
      'answers told of 4 entries of this log, 3 more: the service has them, and has not signed them here yet',
    );
    expect(await told()).toEqual([4]);
    const seen = await all.auditor.audit.checkpoints(log.origin.split('/')[0]);
    expect(seen[0]?.standing).toBe('behind');
  });

  it('forgets what is lost of a log that has ended, once the next says that it had as much [guard: told-covered]', async () => {
    await answerWith(await grown(log, 3));
    const { head, origin } = log;
    log.entries.length = 2;
    await log.sign();
    const next = await all.log('responder', 2).begin(head && { origin, head });
    await next.sign();
    all.responder.push(next);
    expect(await told()).toEqual([4]);
    await live();
    expect(await told()).toEqual([]);
  });

  it('refuses a log that has lost what was told [guard: told-rollback]', async () => {
    await answerWith(await grown(log, 3));
    log.entries.length = 3;
    await log.sign();
    expect((await live()).failure).toMatchObject({
      check: 'told-heads',
      kind: 'rollback',
      message: 'answers told of 4 entries of this log, 1 more',
    });
    await expect(all.auditor.audit.checkpoints(log.origin.split('/')[0])).rejects.toMatchObject({ check: 'rollback' });
  });

  it('refuses a log of which answers tell and that the service does not show', async () => {
    const hidden = await all.log('responder', 2).begin();
    await hidden.sign();
    await answerWith(hidden.checkpoint);
    const { logs, valid } = await all.auditor.audit.verify();
    expect(valid).toBe(false);
    expect(logs.find(({ origin }) => origin === hidden.origin)?.failure).toMatchObject({ kind: 'lost' });
  });

  it('refuses a newest checkpoint that contradicts what was told [guard: audit-told-seen]', async () => {
    await all.auditor.audit.checkpoints(log.origin.split('/')[0]);
    await grown(log, 3);
    await answerWith((await otherLog()).checkpoint);
    await answerWith((await otherLog(6)).checkpoint);
    await grown(log, 3);
    log.entries.length = 4;
    await log.sign();
    await expect(all.auditor.audit.checkpoints(log.origin.split('/')[0])).rejects.toMatchObject(fork);
  });
});

describe('verifying a folder', () => {
  let folder: MemoryFolder;
  beforeEach(async () => {
    folder = new MemoryFolder();
    await grown(log, 3);
    await (await all.world.client(all.world.organisation.owner)).audit.export(folder);
  });
  const options = () => ({ pin: all.world.organisation.pin, now: all.world.clock.now(), store: all.store });
  const offline = async () => {
    const { logs } = await verifyBundle(folder, options());
    return logs.find(({ origin }) => origin === log.origin);
  };

  it('says that it is older than what answers told, refuses it nothing, and keeps what is newer', async () => {
    await answerWith(log.checkpoint);
    await answerWith(await grown(log, 2));
    const found = await offline();
    expect(found?.valid).toBe(true);
    expect(found?.checks.find(({ name }) => name === 'told-heads')).toEqual({
      name: 'told-heads',
      state: 'not_looked_for',
      detail:
        '1 head that an answer brought is in this tree; answers told of 6 entries of this log, 2 more: this is older, and nothing here shows that those continue it',
    });
    expect(await told()).toEqual([6]);
  });

  it('refuses it where what was told contradicts it', async () => {
    await answerWith((await otherLog(3)).checkpoint);
    expect((await offline())?.failure).toMatchObject({ check: 'told-heads', kind: 'fork' });
  });

  const inFolder = async (answer: Answer) => {
    const file = utf8(answer.toFile());
    const { answer: found } = await verifyAnswerInBundle(file, folder, { ...options(), store: undefined });
    return found.entries.find(({ name }) => name === 'log-checkpoint');
  };

  it('holds it against what one answer tells, with nothing else at hand [guard: audit-answer-told]', async () => {
    expect(await inFolder(await answerWith(log.checkpoint))).toEqual({
      name: 'log-checkpoint',
      state: 'passed',
      detail: `${log.origin} begins with the 4 entries that the answer tells of`,
    });
    const stranger = await all.world.client(all.world.organisation.invoker, { store: new MemoryTrustStore() });
    const other = await answerWith((await otherLog(2)).checkpoint, stranger);
    expect(await inFolder(other)).toMatchObject({
      state: 'failed',
      detail: expect.stringContaining('does not begin with the 2 entries that an answer told of') as unknown,
    });
  });

  it('says that it is from before the answer [guard: audit-answer-older]', async () => {
    expect(await inFolder(await answerWith(await grown(log, 2)))).toMatchObject({
      state: 'failed',
      detail: `${log.origin} has 4 entries here and had 6 entries before this answer: it is from before, or lost some`,
    });
  });

  it('says that it has no log of which the answer tells', async () => {
    const second = await all.log('responder', 2).begin();
    await second.sign();
    expect(await inFolder(await answerWith(second.checkpoint))).toMatchObject({
      state: 'failed',
      detail: `there is no ${second.origin} to look into, and the answer tells of it`,
    });
  });
});

describe('verifying an answer file', () => {
  const verify = (answer: Answer, store = all.store) =>
    verifyAnswerFile(answer.toFile(), all.world.organisation.pin, {
      now: all.world.clock.now(),
      remembered: { org: 'acme', store },
    });
  const elsewhere = () => all.world.client(all.world.organisation.invoker, { store: new MemoryTrustStore() });

  it('keeps what it tells, and refuses it where that contradicts what is known [guard: told-fork-file]', async () => {
    await asker.audit.checkpoints();
    const answer = await answerWith(await grown(log, 3), await elsewhere());
    expect((await verify(answer)).valid).toBe(true);
    expect(await told()).toEqual([4]);
    const other = await answerWith((await otherLog()).checkpoint, await elsewhere());
    const { verdict, failure, checks, answer: proved } = await verify(other);
    expect([verdict, proved]).toEqual(['REFUSED', undefined]);
    expect(failure).toMatchObject(fork);
    expect(checks.at(-1)).toMatchObject({ name: 'checkpoint', state: 'failed' });
    expect(await told()).toEqual([4, 4]);
    // Where nothing is remembered nothing is begun, and nothing contradicts it.
    const none = new MemoryTrustStore();
    expect((await verify(other, none)).valid).toBe(true);
    expect(await none.load('acme', all.world.organisation.pin)).toBeUndefined();
  });

  it('is of no log that was changed afterwards', async () => {
    await asker.audit.checkpoints();
    const answer = await answerWith(await grown(log, 3), await elsewhere());
    await verify(answer);
    changeEntry(log, 2);
    await grown(log, 1);
    expect((await live()).failure).toMatchObject({ check: 'told-heads', kind: 'fork' });
  });
});
