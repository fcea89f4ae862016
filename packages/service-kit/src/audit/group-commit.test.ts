import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { OutcomeUnknown } from '../database/outcome.js';
import type { Sender } from './group-commit.js';
import { GroupCommit } from './group-commit.js';

const refusal = (code: string) => Object.assign(new Error('refused'), { code });
const lost = () => new OutcomeUnknown(new Error('Connection terminated unexpectedly'));

type Step = 'write' | 'conflict' | Error;

/** A database of names that writes each once. What it is told to do with a batch that holds a name, it does. */
class Scripted implements Sender<string, string> {
  readonly sent: (readonly string[])[] = [];
  readonly written = new Set<string>();
  readonly lockTimeouts: number[] = [];
  looks = 0;
  /** What happens to the batches that hold a name, in their order; in the end they are written. */
  readonly script = new Map<string, Step[]>();
  /** A batch with an unknown outcome is written all the same. */
  isWrittenWhereLost = false;
  /** How often reading fails. */
  looksLost = 0;
  #held: Promise<void> | undefined;

  /** Whatever is sent from now on waits for what is returned. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = promise;
    return () => {
      this.#held = undefined;
      resolve();
    };
  }

  async send(rows: readonly string[], lockTimeoutMs: number): Promise<readonly string[]> {
    this.sent.push(rows);
    this.lockTimeouts.push(lockTimeoutMs);
    await this.#held;
    const steps = rows.map((row) => this.script.get(row)?.shift());
    const wrong = steps.find((step) => step instanceof Error);
    if (wrong instanceof OutcomeUnknown && this.isWrittenWhereLost) this.#write(rows);
    if (wrong !== undefined) throw wrong;
    return this.#write(rows, steps);
  }

  async look(rows: readonly string[]): Promise<readonly (string | undefined)[]> {
    this.looks++;
    if (this.looksLost-- > 0) throw new Error('Connection terminated');
    return Promise.resolve(rows.map((row) => (this.written.has(row) ? `found ${row}` : undefined)));
  }

  isWritten(verdict: string): boolean {
    return verdict.startsWith('wrote');
  }

  #write(rows: readonly string[], steps: readonly unknown[] = []): string[] {
    return rows.map((row, index) => {
      if (steps[index] === 'conflict' || this.written.has(row)) return `known ${row}`;
      this.written.add(row);
      return `wrote ${row}`;
    });
  }
}

function group() {
  const sender = new Scripted();
  const commits = new GroupCommit(sender);
  const submit = (row: string, keys: readonly string[] = [row], length = 1) => commits.submit(row, keys, length);
  /** What each is told; the first is on its way before the others come. */
  const submitAll = async (...rows: readonly string[]) =>
    (await Promise.allSettled(rows.map((row) => submit(row)))).map((told) =>
      told.status === 'fulfilled' ? told.value : (told.reason as { code?: string; message: string }),
    );
  return { sender, submit, submitAll };
}

describe('writes that come together', () => {
  it('go at once where none is on its way, and else together in the next, in their order', async () => {
    const { sender, submit, submitAll } = group();
    const first = submit('a');
    expect(sender.sent).toEqual([['a']]);
    expect(await submitAll('b', 'c', 'd')).toEqual(['wrote b', 'wrote c', 'wrote d']);
    expect(await first).toBe('wrote a');
    await submit('e');
    expect(sender.sent).toEqual([['a'], ['b', 'c', 'd'], ['e']]);
  });

  it('are never together where they share a key, and do not overtake each other', async () => {
    const { sender, submit } = group();
    const told = Promise.all([
      submit('a', ['nonce 1']),
      submit('b', ['nonce 1', 'key 1']),
      submit('c', ['key 1', 'key 2']),
      submit('d', ['key 2']),
      submit('e', ['key 3']),
    ]);
    expect(await told).toEqual(['wrote a', 'wrote b', 'wrote c', 'wrote d', 'wrote e']);
    expect(sender.sent).toEqual([['a'], ['b', 'e'], ['c'], ['d']]);
  });

  it('are no more than sixty-four in one batch, nor longer than a mebibyte, unless one alone is', async () => {
    const { sender, submit } = group();
    const rows = Array.from({ length: 150 }, (_, index) => `row ${index}`);
    await Promise.all([submit('first'), ...rows.map((row) => submit(row))]);
    expect(sender.sent.map((sent) => sent.length)).toEqual([1, 64, 64, 22]);
    sender.sent.length = 0;
    await pause(1);
    const long = [1, 600_000, 600_000, 2_000_000, 400_000];
    await Promise.all(long.map((length, index) => submit(`long ${index}`, [], length)));
    expect(sender.sent).toEqual([['long 0'], ['long 1', 'long 4'], ['long 2'], ['long 3']]);
  });

  it('are told each what became of it', async () => {
    const { sender, submitAll } = group();
    sender.script.set('c', ['conflict']);
    expect(await submitAll('a', 'b', 'c', 'd')).toEqual(['wrote a', 'wrote b', 'known c', 'wrote d']);
  });

  it.each(['23514', 'P0001', '40P01', '22012'])(
    'are halved where they fail with %s, until the one that is to blame is alone',
    async (code) => {
      const { sender, submitAll } = group();
      sender.script.set(
        'e',
        Array.from({ length: 9 }, () => refusal(code)),
      );
      const told = await submitAll('first', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
      expect(told.filter((one) => typeof one === 'string')).toHaveLength(8);
      expect(told[5]).toMatchObject({ code });
      expect(sender.sent.slice(1).map((sent) => sent.join(''))).toEqual([
        'abcdefgh',
        'abcd',
        'efgh',
        'ef',
        'e',
        'f',
        'gh',
      ]);
    },
  );

  it('are refused all at once where the server has no room or goes down', async () => {
    const { sender, submitAll } = group();
    sender.script.set('b', [refusal('53100')]);
    const told = await submitAll('first', 'a', 'b', 'c');
    expect(told).toMatchObject(['wrote first', { code: '53100' }, { code: '53100' }, { code: '53100' }]);
    expect(sender.sent).toHaveLength(2);
  });

  it('go each alone where one of them waits for a lock, which holds nobody else up', async () => {
    const { sender, submit, submitAll } = group();
    sender.script.set('b', [refusal('55P03'), refusal('55P03')]);
    const told = await submitAll('first', 'a', 'b', 'c');
    expect(told).toMatchObject(['wrote first', 'wrote a', { code: '55P03' }, 'wrote c']);
    expect(sender.lockTimeouts).toEqual([100, 100, 1_900, 1_900, 1_900]);
    expect(await submit('d')).toBe('wrote d');
  });

  it('do not wait for a batch that hangs', async () => {
    const { sender, submit } = group();
    const release = sender.hold();
    const hanging = submit('a');
    const behind = submit('b');
    expect(sender.sent).toEqual([['a']]);
    await pause(300);
    expect(sender.sent).toEqual([['a'], ['b']]);
    release();
    expect(await Promise.all([hanging, behind])).toEqual(['wrote a', 'wrote b']);
  });
});

describe('writes of which it is not known whether they were done', () => {
  it('are looked for before anybody is told', async () => {
    const { sender, submitAll } = group();
    sender.isWrittenWhereLost = true;
    sender.script.set('a', [lost()]);
    expect(await submitAll('first', 'a', 'b')).toEqual(['wrote first', 'found a', 'found b']);
    expect([sender.sent.length, sender.looks]).toEqual([2, 1]);
  });

  it('are sent again where they are not there', async () => {
    const { sender, submitAll } = group();
    sender.script.set('a', [lost()]);
    expect(await submitAll('first', 'a', 'b')).toEqual(['wrote first', 'wrote a', 'wrote b']);
    expect(sender.sent).toEqual([['first'], ['a', 'b'], ['a'], ['b']]);
  });

  it('are looked for once more where what was sent first comes in between [guard: group-doubtful]', async () => {
    const { sender, submit } = group();
    sender.script.set('a', [lost()]);
    const look = sender.look.bind(sender);
    // The first look comes too early: the server is still at it.
    sender.look = async (rows) => {
      const found = await look(rows);
      for (const row of rows) sender.written.add(row);
      return found;
    };
    expect(await submit('a')).toBe('found a');
    expect(sender.sent).toEqual([['a'], ['a']]);
  });

  it('are not said to be refused where something else keeps them from being written again', async () => {
    const { sender, submit } = group();
    sender.script.set('a', [lost(), 'conflict']);
    await expect(submit('a')).rejects.toThrow('Connection terminated unexpectedly');
  });

  it('are looked for over a second connection where the first is broken too', async () => {
    const { sender, submit } = group();
    sender.isWrittenWhereLost = true;
    sender.script.set('a', [lost()]);
    sender.looksLost = 1;
    expect(await submit('a')).toBe('found a');
  });

  it('are said to be so where the database cannot be asked', async () => {
    const { sender, submitAll } = group();
    sender.isWrittenWhereLost = true;
    sender.script.set('a', [lost()]);
    sender.looksLost = 2;
    const told = await submitAll('first', 'a', 'b');
    expect(told.slice(1)).toMatchObject([{ message: 'Connection terminated unexpectedly' }, { message: /terminated/ }]);
  });

  it('harm nobody else where one of them breaks each connection that it comes to', async () => {
    const { sender, submitAll } = group();
    sender.script.set('c', Array.from({ length: 9 }, lost));
    const told = await submitAll('first', 'a', 'b', 'c', 'd');
    expect(told).toMatchObject(['wrote first', 'wrote a', 'wrote b', { message: /terminated/ }, 'wrote d']);
  });

  it('are told so when everything is closed while they wait', async () => {
    const { sender, submitAll } = group();
    const closed = new Error('Cannot use a pool after calling end on the pool');
    for (const row of ['a', 'b', 'c'])
      sender.script.set(
        row,
        Array.from({ length: 9 }, () => closed),
      );
    const told = await submitAll('a', 'b', 'c');
    expect(told).toEqual([closed, closed, closed]);
  });
});
