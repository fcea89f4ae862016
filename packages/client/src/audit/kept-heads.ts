import { decodeBase64url, encodeBase64url, equalBytes } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { entriesText } from './counted-entries.js';

/** The newest head of a log that this client verified; its root in base64url. */
export type KeptHead = readonly [origin: string, size: number, root: string];

/** The newest head of a log that was verified here, or undefined. */
export function keptHead(heads: readonly KeptHead[] | undefined, origin: string): TreeHead | undefined {
  const found = heads?.find(([of]) => of === origin);
  return found && { size: found[1], root: decodeBase64url(found[2]) };
}

/** The heads with a newer one; one that is not larger changes nothing, so what is kept only rises. */
export function withHead(
  heads: readonly KeptHead[] | undefined,
  origin: string,
  { size, root }: TreeHead,
): readonly KeptHead[] {
  const all = heads ?? [];
  const before = keptHead(all, origin);
  // guard: audit-head-rises
  if (before !== undefined && before.size >= size) return all;
  return [...all.filter(([of]) => of !== origin), [origin, size, encodeBase64url(root)]];
}

/** Whether two heads are one tree. */
export function isSameHead(one: TreeHead, other: TreeHead): boolean {
  return one.size === other.size && equalBytes(one.root, other.root);
}

/** That a log has what was seen of it before, in words. */
export function keptText(kept: TreeHead, head: TreeHead): string {
  if (isSameHead(kept, head)) return `the ${entriesText(kept.size)} that this machine saw before, and no more`;
  return `begins with the ${entriesText(kept.size)} that this machine saw before`;
}
