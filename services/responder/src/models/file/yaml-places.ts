import type { Document } from 'yaml';
import { isMap, isNode, isScalar, isSeq } from 'yaml';

/**
 * Where in the text of YAML a value begins, or its key; of what is absent, what would hold it.
 * @returns the offset, in UTF-16 code units from 0.
 */
export function offsetIn(document: Document, path: readonly PropertyKey[], part: 'value' | 'key' = 'value'): number {
  let key: unknown;
  let value: unknown = document.contents;
  for (const step of path) {
    if (isSeq(value) && typeof step === 'number') {
      [key, value] = [undefined, value.items[step]];
      continue;
    }
    const pair = isMap(value)
      ? value.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step))
      : undefined;
    if (pair === undefined) return beginningOf(key) ?? beginningOf(value) ?? 0;
    ({ key, value } = pair);
  }
  return (part === 'key' ? undefined : beginningOf(value)) ?? beginningOf(key) ?? 0;
}

function beginningOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
