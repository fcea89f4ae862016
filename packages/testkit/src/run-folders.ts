import { accessSync, constants, cpSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system in memory, which Linux has: a copied database takes a fifth of the time there. */
const MEMORY = '/dev/shm';
/** A database takes 40 megabytes, and a run has a few at a time. */
const ROOM_MIN_BYTES = 2 ** 31;

/** Makes a folder for databases that tests open; `prefix` is how its name begins. */
export function makeFolder(prefix: string, memory = MEMORY): string {
  return mkdtempSync(join(hasRoom(memory) ? memory : tmpdir(), prefix));
}

/** Removes folders that {@link makeFolder} made, by their names. */
export function removeFolders(wanted: (name: string) => boolean, memory = MEMORY): void {
  for (const place of [tmpdir(), ...(hasRoom(memory, 0) ? [memory] : [])]) {
    for (const name of readdirSync(place).filter(wanted)) rmSync(join(place, name), { recursive: true, force: true });
  }
}

/**
 * Copies a folder to a place that is not there yet. In one go: its many small files take several times as long when
 * each is waited for.
 */
export function copyFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true, errorOnExist: true, force: false });
}

function hasRoom(folder: string, bytesMin = ROOM_MIN_BYTES): boolean {
  try {
    accessSync(folder, constants.W_OK);
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= bytesMin;
  } catch {
    // Not Linux, or a container without it.
    return false;
  }
}
