import { deepEqual, equal } from 'node:assert/strict';
import type { KeyMaterial } from '@bulla/crypto';
import type { KeyFormat } from '@bulla/crypto/key-files';
import { keyThumbprint } from '@bulla/crypto';
import { exportKeys, importKeys, importPublicKeys } from '@bulla/crypto/key-files';
import { own } from './kit/input.js';
import { readLater } from './kit/refusals.js';

const kidsOf = (keys: readonly KeyMaterial[]) => keys.map(({ kid }) => kid).toSorted();

/** A file of keys: PEM, DER, JWK, JWK Set or one of Bulla. */
export async function fuzz(input: Uint8Array): Promise<boolean> {
  const file = own(input);
  const keys = await readLater(() => importKeys(file));
  const shown = await readLater(() => importPublicKeys(file));
  const isPrivate = keys?.some(({ privateJwk }) => privateJwk !== undefined) ?? true;
  // Nothing of a private key is ever passed on as the public half of somebody.
  equal(shown !== undefined, !isPrivate);
  if (keys === undefined) return false;
  for (const { kid, publicJwk } of keys) {
    equal(await keyThumbprint(publicJwk), kid);
    equal(JSON.stringify(publicJwk).includes('"d"'), false);
  }
  for (const format of ['pem', 'jwk'] satisfies KeyFormat[]) {
    const again = await importKeys(
      await exportKeys(keys.slice(0, 2), { format, half: isPrivate ? 'private' : 'public' }),
    );
    deepEqual(kidsOf(again), kidsOf(keys.slice(0, 2)));
  }
  return true;
}
