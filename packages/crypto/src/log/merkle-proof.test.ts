import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { flipBit, path, subproof, TestLog } from '../../test/test-log.js';
import { concatBytes, utf8 } from '../encoding/bytes.js';
import { emptyRoot, leafHash, nodeHash } from './merkle.js';
import type { ConsistencyClaim, InclusionClaim } from './merkle-proof.js';
import { makeConsistencyProof, makeInclusionProof, verifyConsistency, verifyInclusion } from './merkle-proof.js';

const SIZE = 128;
let log: TestLog;

beforeAll(async () => {
  log = await TestLog.counting(SIZE);
});

/** Awaited, that a claim is refused as one of its kind. */
async function expectRefused(check: 'inclusion' | 'consistency', verified: Promise<void>): Promise<void> {
  await expect(verified).rejects.toMatchObject({ code: 'log_inconsistent', check });
}

async function included(index: number, size: number): Promise<InclusionClaim> {
  const proof = await makeInclusionProof(index, size, log.read);
  return { leaf: log.leaf(index), index, head: log.head(size), proof };
}

async function consistent(older: number, newer: number): Promise<ConsistencyClaim> {
  const proof = await makeConsistencyProof(older, newer, log.read);
  return { older: log.head(older), newer: log.head(newer), proof };
}

const isGood = async (verified: Promise<void>) =>
  verified.then(
    () => true,
    () => false,
  );

describe('a proof', () => {
  const entries = Array.from({ length: 20 }, (_, index) => utf8(`entry ${index}`));

  it('of inclusion is the path that RFC 6962 defines', async () => {
    for (let size = 1; size <= entries.length; size++)
      for (let index = 0; index < size; index++)
        expect(await makeInclusionProof(index, size, log.read)).toEqual(await path(index, entries.slice(0, size)));
  });

  it('of consistency is the one that RFC 6962 defines', async () => {
    for (let newer = 1; newer <= entries.length; newer++)
      for (let older = 1; older <= newer; older++)
        expect(await makeConsistencyProof(older, newer, log.read)).toEqual(
          await subproof(older, entries.slice(0, newer), true),
        );
  });

  it('of inclusion verifies for every leaf of every tree', async () => {
    for (let size = 1; size <= SIZE; size++)
      for (let index = 0; index < size; index++) await verifyInclusion(await included(index, size));
    expect(log.frontier.size).toBe(SIZE);
  });

  it('of consistency verifies for every pair of trees', async () => {
    for (let newer = 0; newer <= SIZE; newer++)
      for (let older = 0; older <= newer; older++) await verifyConsistency(await consistent(older, newer));
    expect(log.frontier.size).toBe(SIZE);
  });

  it.each([
    ['a leaf after the last', 5, 5],
    ['a leaf of an empty tree', 0, 0],
    ['a leaf before the first', -1, 5],
    ['half a leaf', 0.5, 5],
    ['a leaf of a tree that cannot be', 0, 2 ** 53],
  ])('is not made for %s', async (_name, index, size) => {
    await expect(makeInclusionProof(index, size, log.read)).rejects.toMatchObject({ check: 'inclusion' });
    const claim = { leaf: log.leaf(0), index, head: { size, root: log.head(5).root }, proof: [] };
    await expectRefused('inclusion', verifyInclusion(claim));
  });

  it.each([
    ['begins with a larger one', 6, 5],
    ['begins with less than nothing', -1, 5],
    ['is larger than can be counted', 5, 2 ** 53],
  ])('is not made that a tree %s', async (_name, older, newer) => {
    await expect(makeConsistencyProof(older, newer, log.read)).rejects.toMatchObject({ check: 'consistency' });
    const { root } = log.head(5);
    await expectRefused(
      'consistency',
      verifyConsistency({ older: { size: older, root }, newer: { size: newer, root }, proof: [] }),
    );
  });
});

describe('an inclusion proof', () => {
  const place = fc
    .integer({ min: 2, max: SIZE })
    .chain((size) => fc.tuple(fc.nat({ max: size - 1 }), fc.constant(size)));

  it('is refused after any bit was flipped [guard: inclusion-root]', () =>
    fc.assert(
      fc.asyncProperty(place, fc.nat(), async ([index, size], at) => {
        const claim = await included(index, size);
        const hashes = [claim.leaf, claim.head.root, ...claim.proof];
        const bit = at % (hashes.length * 256);
        const [leaf, root, ...proof] = hashes.map((hash, which) =>
          which === bit >> 8 ? flipBit(hash, bit & 255) : hash,
        );
        if (leaf === undefined || root === undefined) throw new Error('there are two hashes at least');
        await expectRefused('inclusion', verifyInclusion({ ...claim, leaf, head: { size, root }, proof }));
      }),
      { numRuns: 300 },
    ));

  it('is refused for every other leaf of its tree', async () => {
    for (const size of [2, 3, 7, 8, 21])
      for (let index = 0; index < size; index++) {
        const claim = await included(index, size);
        for (let other = 0; other < size; other++)
          expect(await isGood(verifyInclusion({ ...claim, index: other }))).toBe(other === index);
      }
  });

  it('is refused under the head of every other size', () =>
    fc.assert(
      fc.asyncProperty(place, fc.integer({ min: 1, max: SIZE }), async ([index, size], other) => {
        fc.pre(other !== size);
        await expectRefused('inclusion', verifyInclusion({ ...(await included(index, size)), head: log.head(other) }));
      }),
      { numRuns: 300 },
    ));

  it('is refused with a hash more, a hash less, or two exchanged', () =>
    fc.assert(
      fc.asyncProperty(place, fc.nat(), fc.nat(), async ([index, size], from, to) => {
        const claim = await included(index, size);
        const { proof } = claim;
        const [a, b] = [from % proof.length, to % proof.length];
        const swapped = proof.with(a, proof[b] ?? claim.leaf).with(b, proof[a] ?? claim.leaf);
        const changed = [proof.toSpliced(a, 1), proof.toSpliced(a, 0, claim.leaf), ...(a === b ? [] : [swapped])];
        for (const one of changed) await expectRefused('inclusion', verifyInclusion({ ...claim, proof: one }));
      }),
      { numRuns: 200 },
    ));

  it.each([31, 33, 0])('is refused with a hash of %i bytes', async (length) => {
    const claim = await included(3, 8);
    const odd = new Uint8Array(length);
    await expectRefused('inclusion', verifyInclusion({ ...claim, leaf: odd }));
    await expectRefused('inclusion', verifyInclusion({ ...claim, head: { size: 8, root: odd } }));
    await expectRefused('inclusion', verifyInclusion({ ...claim, proof: claim.proof.with(1, odd) }));
  });

  it('is refused for a leaf after the only one [guard: inclusion-index]', async () => {
    const [head, leaf] = [log.head(1), log.leaf(0)];
    await verifyInclusion({ leaf, index: 0, head, proof: [] });
    await expectRefused('inclusion', verifyInclusion({ leaf, index: 1, head, proof: [] }));
  });

  it('is refused with the border between two hashes moved [guard: inclusion-hash-length]', async () => {
    const [left, right] = [log.leaf(0), log.leaf(1)];
    const claim = { index: 0, head: log.head(2) };
    await verifyInclusion({ ...claim, leaf: left, proof: [right] });
    const moved = { leaf: left.slice(0, -1), proof: [concatBytes(left.slice(-1), right)] };
    await expectRefused('inclusion', verifyInclusion({ ...claim, ...moved }));
  });

  it('is refused with a hash more than its place needs, even one that leads to the root [guard: inclusion-too-long]', async () => {
    const claim = { leaf: log.leaf(1), proof: [log.leaf(0)] };
    await verifyInclusion({ ...claim, index: 1, head: log.head(2) });
    await expectRefused('inclusion', verifyInclusion({ ...claim, index: 0, head: { ...log.head(2), size: 1 } }));
  });

  it('is refused for an inner node that is shown as a leaf [guard: inclusion-too-short]', async () => {
    const [left, right] = [log.leaf(0), log.leaf(1)];
    const proof = (await makeInclusionProof(0, 4, log.read)).slice(1);
    const node = await nodeHash(left, right);
    await expectRefused('inclusion', verifyInclusion({ leaf: node, index: 0, head: log.head(4), proof }));
    const joined = await leafHash(concatBytes(left, right));
    await expectRefused('inclusion', verifyInclusion({ leaf: joined, index: 0, head: log.head(4), proof }));
    // The node would fit a tree half as high, which no checkpoint says: only size and root together are signed.
    await verifyInclusion({ leaf: node, index: 0, head: { ...log.head(4), size: 2 }, proof });
  });
});

describe('a consistency proof', () => {
  const pair = fc
    .integer({ min: 2, max: SIZE })
    .chain((newer) => fc.tuple(fc.integer({ min: 1, max: newer - 1 }), fc.constant(newer)));

  it('is refused after any bit was flipped [guard: consistency-newer-root]', () =>
    fc.assert(
      fc.asyncProperty(pair, fc.nat(), async ([from, to], at) => {
        const claim = await consistent(from, to);
        const hashes = [claim.older.root, claim.newer.root, ...claim.proof];
        const bit = at % (hashes.length * 256);
        const [older, newer, ...proof] = hashes.map((hash, which) =>
          which === bit >> 8 ? flipBit(hash, bit & 255) : hash,
        );
        if (older === undefined || newer === undefined) throw new Error('there are two hashes at least');
        await expectRefused(
          'consistency',
          verifyConsistency({ older: { size: from, root: older }, newer: { size: to, root: newer }, proof }),
        );
      }),
      { numRuns: 300 },
    ));

  it('is refused for every other pair of trees', () =>
    fc.assert(
      fc.asyncProperty(pair, pair, async ([from, to], [older, newer]) => {
        fc.pre(from !== older || to !== newer);
        const { proof } = await consistent(from, to);
        await expectRefused(
          'consistency',
          verifyConsistency({ older: log.head(older), newer: log.head(newer), proof }),
        );
      }),
      { numRuns: 300 },
    ));

  it('is refused with a hash more, a hash less, two exchanged, or the trees exchanged', () =>
    fc.assert(
      fc.asyncProperty(pair, fc.nat(), fc.nat(), async ([from, to], first, second) => {
        const claim = await consistent(from, to);
        const { proof, older, newer } = claim;
        const [a, b] = [first % proof.length, second % proof.length];
        const swapped = proof.with(a, proof[b] ?? older.root).with(b, proof[a] ?? older.root);
        const changed = [proof.toSpliced(a, 1), proof.toSpliced(a, 0, older.root), [], ...(a === b ? [] : [swapped])];
        for (const one of changed) await expectRefused('consistency', verifyConsistency({ ...claim, proof: one }));
        await expectRefused('consistency', verifyConsistency({ older: newer, newer: older, proof }));
        const roots = { older: { ...older, root: newer.root }, newer: { ...newer, root: older.root } };
        await expectRefused('consistency', verifyConsistency({ ...roots, proof }));
      }),
      { numRuns: 200 },
    ));

  it('is refused for a log that was rewritten [guard: consistency-older-root]', async () => {
    const rewritten = await TestLog.of(Array.from({ length: 12 }, (_, at) => utf8(`entry ${at === 2 ? 'two' : at}`)));
    const proof = await makeConsistencyProof(6, 12, rewritten.read);
    await expectRefused('consistency', verifyConsistency({ older: log.head(6), newer: rewritten.head(12), proof }));
    await verifyConsistency({ older: rewritten.head(6), newer: rewritten.head(12), proof });
  });

  it.each([31, 33, 0])('is refused with a hash of %i bytes', async (length) => {
    const claim = await consistent(3, 8);
    const odd = new Uint8Array(length);
    await expectRefused('consistency', verifyConsistency({ ...claim, older: { size: 3, root: odd } }));
    await expectRefused('consistency', verifyConsistency({ ...claim, newer: { size: 8, root: odd } }));
    await expectRefused('consistency', verifyConsistency({ ...claim, proof: claim.proof.with(1, odd) }));
  });

  it('is refused with the border between two hashes moved [guard: consistency-hash-length]', async () => {
    const [left, right] = [log.leaf(0), log.leaf(1)];
    const newer = log.head(2);
    await verifyConsistency({ older: { size: 1, root: left }, newer, proof: [right] });
    const proof = [concatBytes(left.slice(-1), right)];
    await expectRefused(
      'consistency',
      verifyConsistency({ older: { size: 1, root: left.slice(0, -1) }, newer, proof }),
    );
  });

  it('is refused for a tree that became smaller and kept its root [guard: consistency-order]', async () => {
    const { root } = log.head(2);
    const claim = { older: { size: 2, root }, newer: { size: 1, root }, proof: [] };
    await expectRefused('consistency', verifyConsistency(claim));
  });

  it('is empty from the empty tree, which has one root only [guard: consistency-empty]', async () => {
    const [older, newer] = [log.head(0), log.head(7)];
    await verifyConsistency({ older, newer, proof: [] });
    await expectRefused('consistency', verifyConsistency({ older, newer, proof: [log.leaf(0)] }));
    await expectRefused('consistency', verifyConsistency({ older: { size: 0, root: log.leaf(0) }, newer, proof: [] }));
  });

  it('is empty from a tree to itself, which has one root only [guard: consistency-equal-size]', async () => {
    const head = log.head(7);
    await verifyConsistency({ older: head, newer: head, proof: [] });
    await expectRefused('consistency', verifyConsistency({ older: head, newer: head, proof: [head.root] }));
    await expectRefused(
      'consistency',
      verifyConsistency({ older: head, newer: { size: 7, root: await emptyRoot() }, proof: [] }),
    );
  });
});
