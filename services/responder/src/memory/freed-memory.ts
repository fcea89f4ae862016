import type { Environment, EventLog } from '@bulla/service-kit';
import { LogEvent } from '@bulla/service-kit';

/** Copies of what was opened may stay in memory that the C library got back: GLIBC_TUNABLES is not set. */
const FREED_MEMORY_KEPT = new LogEvent('freed-memory-kept', 'warn');

/** Overwrite what is freed; and keep nothing freed in a cache that is not overwritten. */
const PERTURB = /(?:^|:)glibc\.malloc\.perturb=(\d+)(?=:|$)/;
const NO_CACHE = /(?:^|:)glibc\.malloc\.tcache_count=0(?=:|$)/;

/**
 * Whether the C library overwrites memory that it gets back (docs/decisions/2026-11-25-memory-after-runs.md). It reads
 * its settings once, before Node starts, so that a process cannot ask for it any more.
 * @param environment as the process was started with it
 */
export function isFreedMemoryOverwritten({ GLIBC_TUNABLES: tunables = '' }: Environment): boolean {
  const byte = Number(PERTURB.exec(tunables)?.[1] ?? 0);
  return byte % 256 !== 0 && NO_CACHE.test(tunables);
}

/** Says so where copies of what was opened may stay in memory after they were freed. */
export function warnOfFreedMemory(environment: Environment, log: EventLog): void {
  // guard: memory-warning
  if (!isFreedMemoryOverwritten(environment)) log.write(FREED_MEMORY_KEPT);
}
