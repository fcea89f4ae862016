import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '../output/system-errors.js';
import type { Finding } from './inspection.js';

const MODE_EXCEPTIONS = new Set(['pglite', 'pglite.new']);

/** Services that run put a file in the place of another meanwhile. */
function unlessGone(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}

/** Nobody else may read what is in the folder: a key that others could read is no longer a secret. */
export async function inspectModes(folder: string): Promise<Finding> {
  const loose: string[] = [];
  let count = 0;
  async function walk(path: string): Promise<void> {
    const entry = await lstat(path);
    count += 1;
    if ((entry.mode & 0o077) !== 0) loose.push(path);
    if (!entry.isDirectory()) return;
    for (const name of await readdir(path))
      if (!MODE_EXCEPTIONS.has(name)) await walk(join(path, name)).catch(unlessGone);
  }
  try {
    await walk(folder);
  } catch (error) {
    return {
      name: 'home',
      ok: false,
      detail: `${folder}: ${reasonOf(error)}`,
      fix: 'run `bulla up` or `bulla init` once, or set BULLA_HOME',
    };
  }
  if (loose.length === 0)
    return {
      name: 'home',
      ok: true,
      detail: `${folder}, ${count} files and folders for their owner alone`,
      data: { folder, entries: count },
    };
  return {
    name: 'home',
    ok: false,
    detail: `others may use ${loose.join(', ')}`,
    data: { folder, entries: count, loose },
    fix: `chmod -R go-rwx ${folder}`,
  };
}
