import { setTimeout as pause } from 'node:timers/promises';
import type { UsageCounts } from '@bulla/client';
import type { Completion } from './kills-history.js';
import type { LogEntry, LogPlace } from './log-verified.js';
import { verifiedEntries } from './log-verified.js';

/** What the vault says of all runs. */
export type Counted = Pick<UsageCounts, 'runs' | 'failed'>;

const REPORTED_WITHIN_MS = 60_000;

/**
 * Waits until the vault has been told what ended.
 * @param read what the vault says now.
 * @returns what of it is not so
 */
export async function findMiscounted(
  responder: LogPlace,
  completions: readonly Completion[],
  read: () => Promise<Counted>,
): Promise<string[]> {
  for (const last = performance.now() + REPORTED_WITHIN_MS; ; await pause(500)) {
    const counted = await read();
    const faults = miscounted(await verifiedEntries(responder, []), completions, counted);
    // What ended last is on its way.
    if (faults.length === 0 || performance.now() > last) return faults;
  }
}

/**
 * An answer whose end is in the log is counted, once; one that was given up may be. Nothing else is: what a killed process
 * had begun never ended.
 */
export function miscounted(
  entries: readonly Pick<LogEntry, 'act' | 'res' | 'obj'>[],
  completions: readonly Pick<Completion, 'jti'>[],
  { runs, failed }: Counted,
): string[] {
  const ends = entries.filter(({ act }) => act === 'invocation.finish');
  const answered = ends.filter(({ res }) => res === 'ok').length;
  return [
    ...(runs - failed === answered ? [] : [`${answered} answers ended, and ${runs - failed} are counted`]),
    ...(runs <= ends.length ? [] : [`${ends.length} runs ended, and ${runs} are counted`]),
    ...(runs <= completions.length ? [] : [`${completions.length} runs called the model, and ${runs} are counted`]),
  ];
}
