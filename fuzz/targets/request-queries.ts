import { deepEqual } from 'node:assert/strict';
import type { Route } from '@bulla/contract';
import { ROUTES } from '@bulla/contract';
import { linesOf, textOf } from './kit/input.js';

const routes: readonly Route[] = Object.values(ROUTES);
const schemas = [...new Set(routes.flatMap(({ params, query, headers }) => [params, query, headers]))].filter(
  (schema) => schema !== undefined,
);

/** A query as it stands in a target, against the schema of all that is not in a body: query, path and headers. */
export function fuzz(input: Uint8Array): boolean {
  const [line = new Uint8Array()] = linesOf(input, 2);
  const value = Object.fromEntries(new URLSearchParams(textOf(line)));
  let accepted = false;
  for (const schema of schemas) {
    const result = schema.safeParse(value);
    if (!result.success) continue;
    accepted = true;
    const again = schema.safeParse(
      Object.fromEntries(Object.entries(result.data).map(([name, one]) => [name, String(one)])),
    );
    if (again.success) deepEqual(again.data, result.data);
  }
  return accepted;
}
