import { beforeAll, expect, it } from '@jest/globals';
import { TestLog } from '../../test/test-log.js';
import type { ReadTreeHash } from './merkle-proof.js';
import { makeInclusionProof, verifyConsistency, verifyInclusion } from './merkle-proof.js';

let log: TestLog;

beforeAll(async () => {
  log = await TestLog.counting(8);
});

it('half a leaf is not taken for the one before it', async () => {
  const claim = { leaf: log.leaf(0), head: log.head(2), proof: [log.leaf(1)] };
  await expect(verifyInclusion({ ...claim, index: 0 })).resolves.toBeUndefined();
  await expect(verifyInclusion({ ...claim, index: 0.5 })).rejects.toMatchObject({ check: 'inclusion' });
});

it('a tree of half a leaf more is no tree, neither beside itself nor before a larger one', async () => {
  const [one, two] = [log.leaf(0), log.head(2)];
  const half = { size: 2.5, root: two.root };
  await expect(verifyConsistency({ older: two, newer: two, proof: [] })).resolves.toBeUndefined();
  const refused = { code: 'log_inconsistent', check: 'consistency' };
  await expect(verifyConsistency({ older: half, newer: half, proof: [] })).rejects.toMatchObject(refused);
  const older = { size: 1.5, root: one };
  await expect(verifyConsistency({ older, newer: two, proof: [one, log.leaf(1)] })).rejects.toMatchObject(refused);
});

it('a proof is made of whole subtrees, each read once', async () => {
  const reads: string[] = [];
  const read: ReadTreeHash = (level, index) => {
    reads.push(`${level}/${index}`);
    return log.read(level, index);
  };
  await makeInclusionProof(0, 8, read);
  expect(reads).toEqual(['2/1', '1/1', '0/1']);
});
