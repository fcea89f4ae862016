import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { Roll } from './roll.js';

const rollOf = (...members: string[]) => {
  const roll = new Roll<string>();
  return { roll, leaves: members.map((member) => roll.join(member)) };
};

describe('a roll', () => {
  it.each([
    ['nobody', [], ['a', 'b', 'c']],
    ['the first', [0], ['b', 'c']],
    ['one in the middle', [1], ['a', 'c']],
    ['the last', [2], ['a', 'b']],
    ['all but one', [2, 0], ['b']],
    ['everybody', [1, 0, 2], []],
  ])('has the others in their order when %s has left', (_name, gone, left) => {
    const { roll, leaves } = rollOf('a', 'b', 'c');
    for (const index of gone) leaves[index]?.();
    expect([...roll]).toEqual(left);
    expect([roll.size, roll.first]).toEqual([left.length, left[0]]);
    roll.join('d');
    expect([...roll]).toEqual([...left, 'd']);
  });

  it('is left once, however often it is said', () => {
    const { roll, leaves } = rollOf('a', 'b');
    leaves[0]?.();
    leaves[0]?.();
    expect([...roll]).toEqual(['b']);
    expect(roll.size).toBe(1);
  });

  it('names all who were there when it was asked, whoever leaves meanwhile', () => {
    const { roll, leaves } = rollOf('a', 'b', 'c');
    const named: string[] = [];
    for (const member of roll) {
      named.push(member);
      for (const leave of leaves) leave();
    }
    expect(named).toEqual(['a', 'b', 'c']);
    expect(roll.size).toBe(0);
  });

  it('has the same one as often as it came', () => {
    const { roll, leaves } = rollOf('a', 'a');
    leaves[1]?.();
    expect([...roll]).toEqual(['a']);
  });
});

/**
 * How many bytes of each object, of many of which 64 are here at once, go to the old generation. In a program of its own,
 * where what is collected, and when, is the same each time.
 */
const PROGRAM = `
  const { getHeapSpaceStatistics } = await import('node:v8');
  const { Roll } = await import(process.argv[1]);
  const roll = new Roll();
  const set = new Set();
  const ways = {
    roll: (object) => roll.join(object),
    set: (object) => (set.add(object), () => set.delete(object)),
  };
  const enter = ways[process.argv[2]];
  const oldBytes = () => getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space').space_used_size;
  const newObject = () => Array.from({ length: 128 }, (_, index) => index + 0.5);
  const leaves = Array.from({ length: 64 }, () => enter(newObject()));
  // Who is here now goes there, and what holds them.
  for (let count = 0; count < 8_000; count++) newObject();
  let bytes = 0;
  let before = oldBytes();
  for (let count = 0; count < 8_000; count++) {
    leaves[count % 64]();
    leaves[count % 64] = enter(newObject());
    if (count % 100 !== 0) continue;
    const now = oldBytes();
    bytes += Math.max(0, now - before);
    before = now;
  }
  process.stdout.write(String(bytes / 8_000));
`;
const FLAGS = ['--max-semi-space-size=1', '--single-threaded-gc', '--no-incremental-marking', '--no-warnings'];

describe('what has left', () => {
  const kept = (by: 'roll' | 'set'): number => {
    const roll = new URL('roll.ts', import.meta.url).href;
    const program = ['--input-type=module', '--eval', PROGRAM, roll, by];
    const { stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, ...FLAGS, ...program], {
      encoding: 'utf8',
    });
    if (!/^[0-9.]+$/.test(stdout)) throw new Error(stderr);
    return Number(stdout);
  };

  it('is kept by a set, and not by a roll [guard: roll-forgets]', () => {
    // Of a kilobyte.
    expect(kept('set')).toBeGreaterThan(512);
    expect(kept('roll')).toBeLessThan(64);
  });
});
