import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Needle } from './needles.js';

const PIECE_BYTES = 4 * 1024 * 1024;
const ZEROS = Buffer.alloc(PIECE_BYTES + 65_536);

export interface Scan {
  readonly files: number;
  readonly bytes: number;
  /** `file: spelling`, for every needle that was found. */
  readonly found: readonly string[];
}

/**
 * Looks for needles in every file below some folders, and in some files.
 * @param skip says which paths are left out, such as the client's own output.
 */
export async function scan(
  paths: readonly string[],
  needles: readonly Needle[],
  skip: (path: string) => boolean = () => false,
): Promise<Scan> {
  let files = 0;
  let bytes = 0;
  const found: string[] = [];
  const piece = pieceFor(needles);
  for (const path of (await Promise.all(paths.map(filesBelow))).flat()) {
    if (skip(path)) continue;
    const file = await findIn(path, needles, { piece });
    files += 1;
    bytes += file.bytes;
    found.push(...file.names.map((name) => `${path}: ${name}`));
  }
  return { files, bytes, found };
}

/** A part of a file. */
export interface Range {
  readonly at: number;
  readonly bytes: number;
}

/** Which parts of a file are looked at, one by one: the whole of it unless given. And memory to read it into. */
interface Reading {
  readonly ranges?: readonly Range[];
  readonly piece?: Buffer;
}

const overlapOf = (needles: readonly Needle[]) => Math.max(...needles.map(({ bytes }) => bytes.length)) - 1;
/** For all files of a scan: thousands of these, most for a small file, keep the garbage collector at work. */
const pieceFor = (needles: readonly Needle[]) => Buffer.allocUnsafeSlow(overlapOf(needles) + PIECE_BYTES);

/**
 * Looks for needles in a file, piece by piece: the memory of a process does not fit into a buffer. Each piece begins
 * with the end of the one before.
 */
export async function findIn(
  path: string,
  needles: readonly Needle[],
  { ranges = [{ at: 0, bytes: Infinity }], piece = pieceFor(needles) }: Reading = {},
): Promise<{ bytes: number; names: string[] }> {
  const overlap = overlapOf(needles);
  const names = new Set<string>();
  let total = 0;
  const file = await open(path);
  try {
    for (const { at, bytes } of ranges) {
      let kept = 0;
      for (let read = 0; read < bytes; ) {
        const { bytesRead } = await file.read(piece, kept, Math.min(PIECE_BYTES, bytes - read), at + read);
        if (bytesRead === 0) break;
        read += bytesRead;
        total += bytesRead;
        const filled = piece.subarray(0, kept + bytesRead);
        // Most of what a process has was never used.
        const isEmpty = filled.equals(ZEROS.subarray(0, filled.length));
        if (!isEmpty) for (const needle of needles) if (filled.includes(needle.bytes)) names.add(needle.name);
        kept = Math.min(overlap, filled.length);
        piece.copyWithin(0, filled.length - kept, filled.length);
      }
    }
    return { bytes: total, names: [...names] };
  } finally {
    await file.close();
  }
}

async function filesBelow(path: string): Promise<string[]> {
  const info = await stat(path);
  if (info.isFile()) return [path];
  if (!info.isDirectory()) return [];
  const names = await readdir(path);
  return (await Promise.all(names.map((name) => filesBelow(join(path, name))))).flat();
}
