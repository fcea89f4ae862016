import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { SharedReads } from './shared-reads.js';

describe('reads that are shared', () => {
  let shared: SharedReads<number>;
  /** Reads that have begun, each with how it ends. */
  let begun: PromiseWithResolvers<number>[];
  beforeEach(() => {
    [shared, begun] = [new SharedReads(), []];
  });
  const read = () => {
    const going = Promise.withResolvers<number>();
    begun.push(going);
    return going.promise;
  };

  it('begin at once where none is on its way, and remember nothing', async () => {
    const first = shared.run('a', read);
    expect(begun).toHaveLength(1);
    begun[0]?.resolve(1);
    expect(await first).toBe(1);
    await turn();
    const second = shared.run('a', read);
    expect(begun).toHaveLength(2);
    begun[1]?.resolve(2);
    expect(await second).toBe(2);
  });

  it('begin after all who share them have asked [guard: shared-reads-later]', async () => {
    const first = shared.run('a', read);
    const others = [shared.run('a', read), shared.run('a', read)];
    await turn();
    // What is on its way may have been read before they asked.
    expect(begun).toHaveLength(1);
    begun[0]?.resolve(1);
    expect(await first).toBe(1);
    await turn();
    expect(begun).toHaveLength(2);
    const later = shared.run('a', read);
    begun[1]?.resolve(2);
    expect(await Promise.all(others)).toEqual([2, 2]);
    await turn();
    begun[2]?.resolve(3);
    expect([await later, begun.length]).toEqual([3, 3]);
  });

  it('are those of one thing', async () => {
    const both = [shared.run('a', read), shared.run('b', read)];
    expect(begun).toHaveLength(2);
    for (const [index, one] of begun.entries()) one.resolve(index);
    expect(await Promise.all(both)).toEqual([0, 1]);
  });

  it('fail for those who share them, and for nobody else', async () => {
    const first = shared.run('a', read);
    const others = [shared.run('a', read), shared.run('a', read)].map((one) => one.catch(String));
    begun[0]?.resolve(1);
    await first;
    await turn();
    begun[1]?.reject(new Error('gone'));
    expect(await Promise.all(others)).toEqual(['Error: gone', 'Error: gone']);
    await turn();
    const later = shared.run('a', read);
    begun[2]?.resolve(3);
    expect(await later).toBe(3);
  });

  it('go on after one that failed', async () => {
    const first = shared.run('a', read).catch(String);
    const second = shared.run('a', read);
    begun[0]?.reject(new Error('gone'));
    expect(await first).toBe('Error: gone');
    await turn();
    begun[1]?.resolve(2);
    expect(await second).toBe(2);
  });

  it('wait no longer than a quarter of a second for one that is slow', async () => {
    const slow = shared.run('a', read);
    const second = shared.run('a', read);
    while (begun.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    begun[1]?.resolve(2);
    expect(await second).toBe(2);
    begun[0]?.resolve(1);
    expect(await slow).toBe(1);
  });
});
