import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { CHASH, NAME, SUB } from '../../test/tags.js';
import type { PositionRef } from '../organisation/freshness.js';
import type { ChainTuple } from './position.js';
import { followChain, positionHash, requireDescendant } from './position.js';

const of = { name: NAME, tag: 'production' };
const START: PositionRef = { seq: 3, pos: 'S'.repeat(42).concat('A') };
/** Three moves after the start, and where each leads. */
const tuples: ChainTuple[] = [];
let path: PositionRef[];

beforeAll(async () => {
  let { seq, pos } = START;
  path = [];
  for (const ver of [1, 0, 2]) {
    const tuple = { sub: SUB, ver, chash: ver === 0 ? '' : CHASH, prev: pos };
    seq += 1;
    pos = await positionHash({ ...of, ...tuple, seq });
    tuples.push(tuple);
    path.push({ seq, pos });
  }
});
const at = (index: number): PositionRef => path[index] ?? START;

describe('a position', () => {
  it('is the hash of what its tags share', async () => {
    const text = JSON.stringify([NAME, 'production', 4, SUB, 1, CHASH, START.pos]);
    expect(at(0).pos).toBe(createHash('sha256').update(text).digest('base64url'));
  });
});

describe('a chain', () => {
  it('leads from one position to the next', async () => {
    expect(await followChain(of, START, tuples)).toEqual(path);
    expect(await followChain(of, START, [])).toEqual([]);
  });

  it.each<[string, () => ChainTuple[]]>([
    ['in another order', () => tuples.toReversed()],
    ['with one left out', () => tuples.slice(1)],
    ['with a beginning within', () => tuples.map((tuple, index) => (index === 1 ? { ...tuple, prev: '' } : tuple))],
  ])('%s does not [guard: tag-chain]', async (_name, broken) => {
    await expect(followChain(of, START, broken())).rejects.toMatchObject({
      code: 'trust_rollback',
      check: 'tag-chain',
    });
  });
});

describe('a position that is shown', () => {
  it('is the one that is remembered, or comes after it', async () => {
    await requireDescendant(of, START, START, []);
    await requireDescendant(of, START, at(2), tuples);
    // What comes after it by now is of no interest.
    await requireDescendant(of, START, at(1), tuples);
    await expect(requireDescendant(of, at(1), at(2), tuples.slice(2))).resolves.toBeUndefined();
  });

  it.each<[string, () => [PositionRef, PositionRef, readonly ChainTuple[]], string]>([
    ['an older one [guard: tag-sequence]', () => [at(1), at(0), []], 'tag-sequence'],
    ['another of the same number [guard: tag-fork]', () => [at(1), { ...at(1), pos: START.pos }, []], 'tag-fork'],
    ['one that other moves lead to', () => [START, { seq: 6, pos: START.pos }, tuples], 'tag-chain'],
    ['one that too few moves lead to [guard: tag-descends]', () => [START, at(2), tuples.slice(0, 2)], 'tag-chain'],
    ['one that no moves lead to', () => [START, at(0), []], 'tag-chain'],
  ])('is refused if it is %s', async (_name, make, check) => {
    const [head, next, moves] = make();
    const refused = requireDescendant(of, head, next, moves);
    await expect(refused).rejects.toMatchObject({ code: 'trust_rollback', check });
  });
});
