import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Needle } from './needles.js';

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
  for (const path of (await Promise.all(paths.map(filesBelow))).flat()) {
    if (skip(path)) continue;
    const content = await readFile(path);
    files += 1;
    bytes += content.length;
    for (const needle of needles) if (content.includes(needle.bytes)) found.push(`${path}: ${needle.name}`);
  }
  return { files, bytes, found };
}

async function filesBelow(path: string): Promise<string[]> {
  const info = await stat(path);
  if (info.isFile()) return [path];
  if (!info.isDirectory()) return [];
  const names = await readdir(path);
  return (await Promise.all(names.map((name) => filesBelow(join(path, name))))).flat();
}
