import { readFileSync } from 'node:fs';

/** The most memory that a process ever had at once (`VmHWM`), in MiB. */
export function peakMemoryMiB(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
