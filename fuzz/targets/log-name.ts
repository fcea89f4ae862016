import { equal } from 'node:assert/strict';
import { originOf, parseOrigin } from '@bulla/crypto/log';
import { textOf } from './kit/input.js';

/** The name of a log of a service, with its pin or from before keys had numbers. */
export function fuzz(input: Uint8Array): boolean {
  const text = textOf(input);
  const name = parseOrigin(text);
  if (name !== undefined) equal(originOf(name), text);
  return name !== undefined;
}
