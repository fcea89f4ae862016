import { deepEqual, equal } from 'node:assert/strict';
import { parseRoot } from '@bulla/crypto';
import { readLater } from './kit/refusals.js';
import { documentOf, requireSameJson } from './kit/tokens.js';

/** A root: the payload, then signature headers, one on each line. */
export async function fuzz(input: Uint8Array): Promise<boolean> {
  const token = documentOf(input);
  const parsed = await readLater(() => parseRoot(token));
  if (parsed === undefined) return false;
  equal(parsed.token, token);
  requireSameJson(parsed.encoded, parsed.payload);
  const { payload, signatures } = JSON.parse(token) as { payload: string; signatures: readonly object[] };
  equal(parsed.encoded, payload);
  deepEqual(
    parsed.signatures.map((one) => ({ protected: one.protected, signature: one.signature })),
    signatures,
  );
  return true;
}
