import { execFile, execFileSync } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Needle } from './needles.js';
import { findIn, type Range, type Scan } from './scan.js';

/** Whether core dumps of running processes can be taken here: by gdb, and with the right to look into others. */
export function canDumpCores(): boolean {
  try {
    execFileSync('gdb', ['--version'], { stdio: 'ignore' });
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}

/** Looks for needles in the memory of a process, which goes on afterwards. @param path of a file to make and remove */
export async function scanMemory(pid: number, path: string, needles: readonly Needle[]): Promise<Scan> {
  await promisify(execFile)('gcore', ['-o', path, String(pid)]);
  const core = `${path}.${pid}`;
  try {
    const { bytes, names } = await findIn(core, needles, await segmentsOf(core));
    return { files: 1, bytes, found: names };
  } finally {
    await rm(core);
  }
}

// ELF-64, little end first: what of its header is needed.
const HEADER_BYTES = 64;
const PT_LOAD = 1;
const PF_R = 4;

/** Where a core dump holds memory that the process could read; it reserves many times more than it has. */
async function segmentsOf(core: string): Promise<Range[]> {
  const file = await open(core);
  try {
    const header = (await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0)).buffer;
    const [offset, size, count] = [
      Number(header.readBigUInt64LE(32)),
      header.readUInt16LE(54),
      header.readUInt16LE(56),
    ];
    const table = (await file.read(Buffer.alloc(size * count), 0, size * count, offset)).buffer;
    return Array.from({ length: count }, (_, index) => table.subarray(index * size, (index + 1) * size))
      .filter((entry) => entry.readUInt32LE(0) === PT_LOAD && (entry.readUInt32LE(4) & PF_R) !== 0)
      .map((entry) => ({ at: Number(entry.readBigUInt64LE(8)), bytes: Number(entry.readBigUInt64LE(32)) }))
      .filter(({ bytes }) => bytes > 0);
  } finally {
    await file.close();
  }
}
