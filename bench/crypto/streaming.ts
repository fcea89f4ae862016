import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const CHILD = join(import.meta.dirname, 'stream-child.js');
const MIB = 1024;
/** So much is kept on purpose in a second run: if its memory does not show that, nothing shows anything. */
const KEPT_MIB = 192;

/** A stream that was sealed and opened at once, in a process of its own. */
export interface Streamed {
  readonly mib: number;
  /** The most memory of the process at once, beyond what it had before. */
  readonly growthMiB: number;
  /** The same of a run of which nothing was let go, of {@link KEPT_MIB} MiB. */
  readonly keptGrowthMiB: number;
  readonly seconds: number;
}

/** @throws {Error} if a run that keeps everything would not have been noticed */
export async function measureStream(mib: number = MIB): Promise<Streamed> {
  const { growthMiB, seconds } = await stream(mib, false);
  const kept = await stream(KEPT_MIB, true);
  if (kept.growthMiB < KEPT_MIB * 0.9) {
    throw new Error(`${KEPT_MIB} MiB that were kept were taken for ${kept.growthMiB.toFixed(0)} MiB`);
  }
  return { mib, growthMiB, keptGrowthMiB: kept.growthMiB, seconds };
}

async function stream(mib: number, keep: boolean): Promise<{ growthMiB: number; seconds: number }> {
  const child = fork(CHILD, [String(mib), keep ? 'keep' : 'drop']);
  const told = once(child, 'message') as Promise<[{ growthMiB: number; seconds: number }]>;
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`the stream ended with ${String(code)}`);
  });
  const [result] = await Promise.race([told, gone]);
  return result;
}
