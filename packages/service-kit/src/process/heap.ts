import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** V8 lets a larger heap grow by itself. */
const SMALL_BYTES = 1024 ** 3;

/** Settings of V8 for a service. Node takes neither of them from `NODE_OPTIONS`, and both count at any time. */
export function settleHeap(): void {
  growSmallHeap();
  keepNewYoung();
}

/**
 * Lets a small heap grow to twice what lives in it before the old of it is collected. By itself V8 lets it grow by a third
 * where it sees 512 MiB, and a responder under load then spends a seventh of its time on that. Near its limit it is
 * collected sooner all the same.
 */
function growSmallHeap(): void {
  if (getHeapStatistics().heap_size_limit < SMALL_BYTES) setFlagsFromString('--heap-growing-percent=100');
}

/**
 * Has V8 make nothing old at once because what was made at the same place before lived on. Here that depends on how long the
 * database takes, and what is made old keeps alive all that it points to, until the old is collected: of each request
 * everything from then on (docs/decisions/2026-12-15-what-is-new-stays-young.md).
 */
function keepNewYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
