import { deepEqual, equal } from 'node:assert/strict';
import type { Route } from '@bulla/contract';
import { ROUTES } from '@bulla/contract';
import { strictParseBody } from '@bulla/crypto';
import { own } from './kit/input.js';
import { read } from './kit/refusals.js';

const routes: readonly Route[] = Object.values(ROUTES);
const bodies = [...new Set(routes.flatMap(({ body }) => body ?? []))];

/** The body of a request, against the schema of every route that takes one. */
export function fuzz(input: Uint8Array): boolean {
  const value = read(() => strictParseBody(own(input), { maxBytes: 65_536, maxValues: 4096 }));
  if (value === undefined) return false;
  let accepted = false;
  for (const schema of bodies) {
    const result = schema.safeParse(value);
    if (!result.success) continue;
    accepted = true;
    // What a handler works with is read from its own spelling as the same.
    const again = schema.safeParse(JSON.parse(JSON.stringify(result.data)));
    equal(again.success, true);
    deepEqual(again.data, result.data);
  }
  return accepted;
}
