import type { Bytes } from '@bulla/crypto';
import { encodeHex } from '@bulla/crypto';
import { makeConsistencyProof, makeInclusionProof, verifyConsistency, verifyInclusion } from '@bulla/crypto/log';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { TestLog } from './test-log.js';
import { readVectors } from './vectors.js';

describe('the vectors of Certificate Transparency', () => {
  interface Vectors {
    readonly leaves: readonly string[];
    readonly empty: string;
    readonly roots: readonly string[];
    readonly inclusion: readonly { index: number; size: number; proof: readonly string[] }[];
    readonly consistency: readonly { older: number; newer: number; proof: readonly string[] }[];
  }
  const vectors = readVectors('certificate-transparency/ct-merkle.json') as Vectors;
  const bytesOf = (hex: string): Bytes => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
  let ct: TestLog;

  beforeAll(async () => {
    ct = await TestLog.of(vectors.leaves.map(bytesOf));
  });

  it('have these roots', () => {
    const roots = [vectors.empty, ...vectors.roots];
    expect(roots.map((_, size) => encodeHex(ct.head(size).root))).toEqual(roots);
  });

  it.each(vectors.inclusion)('prove leaf $index of $size', async ({ index, size, proof }) => {
    expect((await makeInclusionProof(index, size, ct.read)).map(encodeHex)).toEqual(proof);
    await verifyInclusion({ leaf: ct.leaf(index), index, head: ct.head(size), proof: proof.map(bytesOf) });
  });

  it.each(vectors.consistency)('prove that $newer leaves begin with $older', async ({ older, newer, proof }) => {
    expect((await makeConsistencyProof(older, newer, ct.read)).map(encodeHex)).toEqual(proof);
    await verifyConsistency({ older: ct.head(older), newer: ct.head(newer), proof: proof.map(bytesOf) });
  });
});
