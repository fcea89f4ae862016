import type { ShownPosition } from '../src/labels/label-memory.js';

/** A position as its tags would prove it, named by its number; the first of its prompt unless changed. */
export function shown(change: Partial<ShownPosition> = {}): ShownPosition {
  const seq = change.seq ?? 1;
  return {
    name: 'claims/triage',
    label: 'latest',
    sub: 'urn:bulla:acme:prompt:one',
    version: seq,
    chash: `content ${seq}`,
    seq,
    prev: seq === 1 ? '' : `position ${seq - 1}`,
    pos: `position ${seq}`,
    expiresAt: 100,
    freshUntil: 100,
    signers: [],
    tags: [`tag ${seq}`],
    ...change,
  };
}
