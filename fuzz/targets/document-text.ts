import { equal } from 'node:assert/strict';
import { parseDirectory, parsePolicy, parseRoot } from '@bulla/crypto';
import { textOf } from './kit/input.js';
import { readLater } from './kit/refusals.js';
import { requireSameJson } from './kit/tokens.js';

/** The text of a signed document of any kind, in the JSON serialisation. */
export async function fuzz(input: Uint8Array): Promise<boolean> {
  const token = textOf(input);
  let accepted = 0;
  for (const parse of [parseRoot, parsePolicy, parseDirectory]) {
    const parsed = await readLater(async (): Promise<{ encoded: string; payload: unknown }> => parse(token));
    if (parsed === undefined) continue;
    accepted++;
    equal(JSON.stringify(JSON.parse(token)), token);
    requireSameJson(parsed.encoded, parsed.payload);
  }
  // A document of one kind is not of another kind.
  equal(accepted > 1, false);
  return accepted > 0;
}
