import { deepEqual } from 'node:assert/strict';
import type { DerValue } from '../../packages/crypto/dist/key-files/der.js';
import {
  readBits,
  readDer,
  readPositive,
  readSequence,
  TAG,
  writeDer,
} from '../../packages/crypto/dist/key-files/der.js';
import { own } from './kit/input.js';
import { read } from './kit/refusals.js';

/** As much of DER as files of keys have. */
export function fuzz(input: Uint8Array): boolean {
  const bytes = own(input);
  const value = read(() => readDer(bytes));
  if (value === undefined) return false;
  deepEqual(writeDer(value.tag, value.content), bytes);
  if (value.tag === TAG.sequence) {
    const inner = read(() => readSequence(value));
    if (inner !== undefined) deepEqual(writeDer(TAG.sequence, ...inner.map(written)), bytes);
  }
  const bits = read(() => readBits(value));
  if (bits !== undefined) deepEqual(writeDer(TAG.bits, Uint8Array.of(0), bits), bytes);
  const number = read(() => readPositive(value));
  if (number !== undefined) deepEqual(Buffer.from(number), Buffer.from(value.content.slice(-number.length)));
  return true;
}

function written({ tag, content }: DerValue): Uint8Array {
  return writeDer(tag, content);
}
