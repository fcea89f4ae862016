import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it, for their owner alone. Node's own way to do that never ends where the system says of
 * a folder that nobody can make that it is not there, as Linux does below /proc.
 * @returns the first that was not there
 * @throws what the system says
 */
export async function makeFolders(path: string): Promise<string | undefined> {
  const missing: string[] = [];
  for (let at = path; !(await isFolder(at)) && at !== dirname(at); at = dirname(at)) missing.unshift(at);
  let first: string | undefined;
  for (const folder of missing) {
    try {
      await mkdir(folder, { mode: 0o700 });
      first ??= folder;
    } catch (error) {
      // Somebody may have been faster.
      if (!(await isFolder(folder))) throw error;
    }
  }
  return first;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
