import type { Run } from './variant.js';

/** What was done in one stretch of time. */
export interface Stretch {
  readonly operations: number;
  /** Seconds of processor time, user and system, of all threads of the process. */
  readonly cpuSeconds: number;
  /** The same of the thread that runs JavaScript alone. */
  readonly mainSeconds: number;
}

const MICROSECONDS = 1_000_000;

/** So many at once, each of which begins anew when it is done, until the time is over and all have ended. */
export async function repeat(run: Run, concurrency: number, seconds: number): Promise<Stretch> {
  // The garbage of an earlier measurement must not be collected in this stretch.
  globalThis.gc?.();
  const cpu = process.cpuUsage();
  const main = process.threadCpuUsage();
  const endMs = performance.now() + seconds * 1000;
  let operations = 0;
  const client = async () => {
    while (performance.now() < endMs) {
      await run();
      operations += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  const sumOf = ({ user, system }: NodeJS.CpuUsage) => (user + system) / MICROSECONDS;
  return {
    operations,
    cpuSeconds: sumOf(process.cpuUsage(cpu)),
    mainSeconds: sumOf(process.threadCpuUsage(main)),
  };
}
