import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Needle } from './needles.js';
import { findIn, type Range, type Scan } from './scan.js';

/** Whether the memory of other processes can be read here: on Linux, by root. */
export function canReadMemory(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0;
}

/**
 * Looks for needles in the memory of a process, which stands still meanwhile and goes on afterwards. What is looked at is
 * what a core dump would hold; a dump itself has all that V8 has reserved, hundreds of times more than it uses.
 * @see proc(5), `/proc/pid/mem` and `/proc/pid/smaps`
 */
export async function scanMemory(pid: number, needles: readonly Needle[]): Promise<Scan> {
  process.kill(pid, 'SIGSTOP');
  try {
    await untilStopped(pid);
    const image = `/proc/${pid}/mem`;
    const ranges = rangesOf(await readFile(`/proc/${pid}/smaps`, 'utf8'));
    const { bytes, names } = await findIn(image, needles, { ranges });
    return { files: 1, bytes, found: names };
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

async function untilStopped(pid: number): Promise<void> {
  // In parentheses stands the name of the program, after it the state: T is stopped.
  while (!/\) T /.test(await readFile(`/proc/${pid}/stat`, 'utf8'))) await pause(5);
}

/** Every mapping that can be read and has a page in memory or in swap; the kernel's own, such as `[vdso]`, cannot. */
function rangesOf(smaps: string): Range[] {
  const ranges: Range[] = [];
  let current: Range | undefined;
  for (const line of smaps.split('\n')) {
    const [, from, to, permissions = '', name = ''] =
      /^([0-9a-f]+)-([0-9a-f]+) ([-rwxsp]{4}) \S+ \S+ \S+ *(.*)$/.exec(line) ?? [];
    if (from !== undefined && to !== undefined) {
      const at = Number.parseInt(from, 16);
      const isReadable = permissions.startsWith('r') && !name.startsWith('[v');
      current = isReadable ? { at, bytes: Number.parseInt(to, 16) - at } : undefined;
    } else if (current !== undefined && /^(Rss|Swap): +[1-9]/.test(line)) {
      ranges.push(current);
      current = undefined;
    }
  }
  return ranges;
}
