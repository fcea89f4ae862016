import { constants, fstatSync, openSync, closeSync, readSync, realpathSync } from 'node:fs';
import { relative, isAbsolute, sep } from 'node:path';
import { RootKeyRefused } from './root-key-provider.js';

/** More than any of these files has. */
const BYTES_MAX = 4_096;

/** Where a file of a root key may be. */
export interface PrivatePlace {
  /** In production a copy of these folders must not hold key and data together. */
  readonly dataFolders: readonly string[];
  readonly production: boolean;
}

/**
 * Reads a small file that its owner alone can read.
 * @returns its bytes, which the caller wipes; undefined where there is none
 * @throws {RootKeyRefused} if others can read or write it, or it cannot be read, or lies where copies of the data come from
 */
export function readPrivateFile(path: string, place: PrivatePlace): Buffer | undefined {
  if (!isAbsolute(path)) throw new RootKeyRefused(`${path}: not a whole path; expected one that begins with /`);
  const descriptor = opened(path);
  if (descriptor === undefined) return undefined;
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new RootKeyRefused(`${path}: not a file`);
    // guard: root-file-mode
    if ((stat.mode & 0o077) !== 0)
      throw new RootKeyRefused(`${path}: others can read or write it; expected mode 0600: chmod 600 ${path}`);
    // guard: root-file-place
    if (place.production) refuseAmongData(path, place.dataFolders);
    if (stat.size > BYTES_MAX) throw new RootKeyRefused(`${path}: larger than ${BYTES_MAX} bytes`);
    const bytes = Buffer.alloc(stat.size);
    return bytes.subarray(0, readSync(descriptor, bytes));
  } finally {
    closeSync(descriptor);
  }
}

function opened(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new RootKeyRefused(`${path}: cannot be read (${code})`);
  }
}

function refuseAmongData(path: string, folders: readonly string[]): void {
  for (const folder of folders) {
    const below = relative(realOf(folder), realOf(path));
    if (below !== '..' && !below.startsWith(`..${sep}`) && !isAbsolute(below))
      throw new RootKeyRefused(
        `${path}: it lies in ${folder}, whose copies would hold key and data together; expected another folder in production`,
      );
  }
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
