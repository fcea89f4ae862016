import { equal } from 'node:assert/strict';
import type { Bytes } from '@bulla/crypto';
import { verifyConsistency, verifyInclusion } from '@bulla/crypto/log';
import { linesOf, own, textOf } from './kit/input.js';
import { readLater } from './kit/refusals.js';

const HASH_BYTES = 32;

/** Proofs over trees of any shape: two numbers on the first line, then hashes. Nobody can reach the root. */
export async function fuzz(input: Uint8Array): Promise<boolean> {
  const [numbers = new Uint8Array(), bytes = new Uint8Array()] = linesOf(input, 2);
  const [index = 0, size = 0] = textOf(numbers).split(' ').map(Number);
  const [leaf = new Uint8Array(), ...proof] = hashesOf(own(bytes));
  const head = { size, root: new Uint8Array(HASH_BYTES) };
  const included = await readLater(async () => {
    await verifyInclusion({ leaf: own(leaf), index, head, proof });
    return true;
  });
  equal(included, undefined);
  const older = { size: index, root: own(leaf) };
  const consistent = await readLater(async () => {
    await verifyConsistency({ older, newer: head, proof });
    return true;
  });
  // A head is consistent with itself, whatever its root; nothing else leads to this one.
  const isSameHead = index === size && proof.length === 0 && equalBytes(older.root, head.root);
  equal(consistent, isSameHead ? true : undefined);
  return false;
}

function equalBytes(one: Bytes, other: Bytes): boolean {
  return Buffer.compare(one, other) === 0;
}

function hashesOf(bytes: Bytes): Bytes[] {
  return Array.from({ length: Math.ceil(bytes.length / HASH_BYTES) }, (_, at) =>
    bytes.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}
