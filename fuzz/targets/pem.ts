import { deepEqual } from 'node:assert/strict';
import { formatPem, parsePem } from '../../packages/crypto/dist/key-files/pem.js';
import { textOf } from './kit/input.js';
import { read } from './kit/refusals.js';

/** Text armour. */
export function fuzz(input: Uint8Array): boolean {
  const blocks = read(() => parsePem(textOf(input)));
  if (blocks !== undefined) deepEqual(parsePem(blocks.map(formatPem).join('')), blocks);
  return blocks !== undefined;
}
