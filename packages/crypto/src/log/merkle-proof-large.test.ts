import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Bytes } from '../encoding/bytes.js';
import { utf8 } from '../encoding/bytes.js';
import { emptyRoot, leafHash, nodeHash, TREE_SIZE_MAX } from './merkle.js';
import { makeConsistencyProof, makeInclusionProof, verifyConsistency, verifyInclusion } from './merkle-proof.js';

const REFUSED = { code: 'log_inconsistent' };

describe('trees too large to build', () => {
  /** All leaves are the same but one: every perfect subtree is known without its leaves. */
  async function sparse(marked: number): Promise<(level: number, index: number) => Promise<Bytes>> {
    const same = [await leafHash(utf8('same'))];
    const special = [await leafHash(utf8('marked'))];
    for (let level = 0; level < 53; level++) {
      const [one, other] = [same[level], special[level]];
      if (one === undefined || other === undefined) throw new Error('levels are made in order');
      same.push(await nodeHash(one, one));
      const isRight = Math.floor(marked / 2 ** level) % 2 === 1;
      special.push(isRight ? await nodeHash(one, other) : await nodeHash(other, one));
    }
    return async (level, index) => {
      const hash = (Math.floor(marked / 2 ** level) === index ? special : same)[level];
      if (hash === undefined) throw new Error('no such level');
      return hash;
    };
  }

  /** The root of a tree that begins with an empty one, read off its proof: all of its peaks, from right to left. */
  async function rootOf(size: number, read: (level: number, index: number) => Promise<Bytes>): Promise<Bytes> {
    let root: Bytes | undefined;
    for (let level = 0, rest = size; rest > 0; level++, rest = Math.floor(rest / 2)) {
      if (rest % 2 === 0) continue;
      const peak = await read(level, rest - 1);
      root = root === undefined ? peak : await nodeHash(peak, root);
    }
    return root ?? emptyRoot();
  }

  const large = fc.integer({ min: 2, max: TREE_SIZE_MAX });

  it('have proofs of inclusion that verify at one place only', () =>
    fc.assert(
      fc.asyncProperty(large, fc.maxSafeNat(), fc.maxSafeNat(), async (size, at, elsewhere) => {
        const [index, other] = [at % size, elsewhere % size];
        fc.pre(index !== other);
        const read = await sparse(index);
        const claim = {
          leaf: await read(0, index),
          index,
          head: { size, root: await rootOf(size, read) },
          proof: await makeInclusionProof(index, size, read),
        };
        await verifyInclusion(claim);
        await expect(verifyInclusion({ ...claim, index: other })).rejects.toMatchObject(REFUSED);
      }),
      {
        numRuns: 60,
        examples: [
          [TREE_SIZE_MAX, TREE_SIZE_MAX - 1, 0],
          [2 ** 32 + 1, 2 ** 32, 0],
        ],
      },
    ));

  it('have proofs of consistency that verify', () =>
    fc.assert(
      fc.asyncProperty(large, large, fc.maxSafeNat(), async (one, two, marked) => {
        const [older, newer] = [Math.min(one, two), Math.max(one, two)];
        const read = await sparse(marked);
        const heads = {
          older: { size: older, root: await rootOf(older, read) },
          newer: { size: newer, root: await rootOf(newer, read) },
        };
        const proof = await makeConsistencyProof(older, newer, read);
        fc.pre(proof.length > 0);
        await verifyConsistency({ ...heads, proof });
        await expect(verifyConsistency({ ...heads, proof: proof.slice(1) })).rejects.toMatchObject(REFUSED);
      }),
      { numRuns: 60, examples: [[2 ** 31, 2 ** 32 + 1, 5]] },
    ));
});
