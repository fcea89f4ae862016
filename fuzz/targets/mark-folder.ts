import { deepEqual } from 'node:assert/strict';
import { utf8 } from '@bulla/crypto';
import { parseMarkFolder } from '@bulla/crypto/log';
import { own } from './kit/input.js';
import { read } from './kit/refusals.js';

/** The file of a folder of marks that says whose it is. */
export function fuzz(input: Uint8Array): boolean {
  const folder = read(() => parseMarkFolder(own(input)));
  if (folder !== undefined) deepEqual(parseMarkFolder(utf8(JSON.stringify(folder))), folder);
  return folder !== undefined;
}
