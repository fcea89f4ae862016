import { setTimeout as pause } from 'node:timers/promises';

/** Longest wait after a round that failed. */
const RETRY_MS = 60_000;
/** A user who stops it does not wait longer than this for the last round. */
const LAST_MS = 10_000;

export interface RoundsOptions {
  /** Does one round, says what came of it, and whether it went well; it throws nothing. */
  readonly round: () => Promise<boolean>;
  readonly everyMs: number;
  /** Whether a round was done just now, and well; undefined where none was. */
  readonly begun?: boolean;
  readonly signal: AbortSignal;
  /** Waits; ends early, and well, when the signal comes. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * One round at the start, one each period, and one at the end. After one that failed the next comes within a minute, at a
 * moment of chance: renewers that failed together do not come back together.
 */
export async function goRound({ round, everyMs, begun, signal, wait = waitFor }: RoundsOptions): Promise<void> {
  let went = begun ?? (await round());
  while (!signal.aborted) {
    await wait(went ? everyMs : Math.min(everyMs, RETRY_MS * (0.5 + Math.random() / 2)), signal);
    if (!signal.aborted) went = await round();
  }
  await Promise.race([round(), pause(LAST_MS, undefined, { ref: false })]);
}

async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await pause(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
