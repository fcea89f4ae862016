import { databaseForTest } from '@bulla/testkit';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { connectDatabase } from '../database/database.js';
import { EventLog } from '../observe/event-log.js';
import type { Chore } from './chores.js';
import { Chores } from './chores.js';

const DAY_MS = 86_400_000;
const lines: string[] = [];
const log = new EventLog({
  service: 'vault',
  level: 'debug',
  stream: { write: (line: string) => void lines.push(line) },
});
const failed: string[] = [];
const metrics = { choreFailures: { inc: ({ chore }: { chore: string }) => void failed.push(chore) } } as never;
const alone = { exclusively: (_name: string, work: () => Promise<void>) => work().then(() => true) };

function choresWith(database: typeof alone, ...all: (Partial<Chore> & Pick<Chore, 'run'>)[]): Chores {
  const chores = new Chores({ database, log, metrics });
  for (const one of all) chores.add({ name: 'sweep', everyMs: DAY_MS, ...one });
  return chores;
}

describe('a chore', () => {
  it('is done each time its interval is over, and not after the stop', async () => {
    jest.useFakeTimers();
    try {
      let done = 0;
      const chores = choresWith(alone, { everyMs: 1_000, run: async () => (done += 1) });
      await jest.advanceTimersByTimeAsync(5_000);
      expect(done).toBe(0);
      chores.start();
      await jest.advanceTimersByTimeAsync(3_500);
      expect(done).toBe(3);
      await chores.stop();
      await jest.advanceTimersByTimeAsync(5_000);
      expect(done).toBe(3);
    } finally {
      jest.useRealTimers();
    }
  });

  it('that fails is logged without its words, counted, and done again', async () => {
    let tries = 0;
    const run = () => Promise.reject(Object.assign(new Error(`zzCanary ${++tries}`), { code: '57P01' }));
    const chores = choresWith(alone, { run });
    await chores.do('sweep');
    await chores.do('sweep');
    expect(tries).toBe(2);
    expect(failed).toEqual(['sweep', 'sweep']);
    expect(lines.join('')).toContain('"event":"chore-failed","chore":"sweep","errorCode":"57P01"');
    expect(lines.join('')).not.toContain('zzCanary');
  });

  it('is not begun while it is at work, and a stop waits for its end', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let begun = 0;
    const chores = choresWith(alone, { run: () => ((begun += 1), promise) });
    const [first, second] = [chores.do('sweep'), chores.do('sweep')];
    let stopped = false;
    const stop = chores.stop().then(() => (stopped = true));
    await new Promise((next) => setImmediate(next));
    expect({ begun, stopped }).toEqual({ begun: 1, stopped: false });
    resolve();
    await Promise.all([first, second, stop]);
    expect({ begun, stopped }).toEqual({ begun: 1, stopped: true });
  });

  it('has a name of its own', async () => {
    const run = () => Promise.resolve();
    expect(() => choresWith(alone, { run }, { run })).toThrow('two chores called sweep');
    await expect(choresWith(alone, { run }).do('dust')).rejects.toThrow('no chore called dust');
  });
});

const server = await databaseForTest({ empty: true });
afterAll(() => server.drop());

(server.url === undefined ? describe.skip : describe)('of several processes on one database', () => {
  const open = (schema: string) =>
    connectDatabase({ from: { url: server.url ?? '' }, schema, migrations: {}, log, poolMax: 3 });

  const aMoment = () => new Promise((next) => setTimeout(next, 10));

  it('one does a chore at a time, and each does what is for each [guard: chore-alone]', async () => {
    const [one, other, elsewhere] = [open('vault'), open('vault'), open('responder')];
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = { times: 0, passed: false };
    const run = async () => ((done.times += 1), promise);
    try {
      const first = choresWith(one, { run }).do('sweep');
      while (done.times === 0) await aMoment();
      const second = choresWith(other, { run })
        .do('sweep')
        .then(() => (done.passed = true));
      while (!done.passed && done.times === 1) await aMoment();
      expect(done.times).toBe(1);
      // Another schema is another service's.
      const inThird = choresWith(elsewhere, { run }).do('sweep');
      const inEach = choresWith(other, { run, inEachProcess: true }).do('sweep');
      while (done.times < 3) await aMoment();
      resolve();
      await Promise.all([first, second, inThird, inEach]);
      await choresWith(other, { run }).do('sweep');
      expect(done.times).toBe(4);
    } finally {
      resolve();
      await Promise.all([one, other, elsewhere].map((database) => database.close()));
    }
  });
});
