import { deepEqual, equal, ok } from 'node:assert/strict';
import { keyThumbprint } from '@bulla/crypto';
import { readPublicKeys } from '@bulla/crypto/key-files';
import { textOf } from './kit/input.js';
import { readLater } from './kit/refusals.js';
import { requireOneSpelling } from './kit/tokens.js';

/** A statement of public keys, as text: it is accepted with a good signature only. */
export async function fuzz(input: Uint8Array): Promise<boolean> {
  const token = textOf(input);
  const stated = await readLater(() => readPublicKeys(token));
  if (stated === undefined) return false;
  requireOneSpelling(token);
  const kids = stated.keys.map(({ kid }) => kid);
  ok(kids.includes(stated.kid));
  ok(stated.urn.startsWith(`urn:bulla:${stated.org}:`));
  deepEqual(kids, await Promise.all(stated.keys.map(({ jwk }) => keyThumbprint(jwk))));
  equal(new Set(kids).size, kids.length);
  return true;
}
