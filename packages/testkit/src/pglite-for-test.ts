import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { copyFolder, makeFolder } from './run-folders.js';
import { currentRun } from './test-run.js';

/** A folder for the embedded database of one test. */
export interface TestPglite {
  /** To open; not there yet where nothing was prepared: the test that opens it makes it. */
  readonly dataDir: string;
  /** Removes it, once it is closed. */
  readonly remove: () => Promise<void>;
}

/**
 * Makes a folder for a home with an embedded database in it: in memory where there is room. A test removes it; the next
 * run does where a test could not.
 */
export function folderForTest(name: string): string {
  return makeFolder(`${currentRun().prefix}_${name}-`);
}

/** Without `empty` the tables of the services are in it. */
export interface TestPgliteOptions {
  readonly empty?: boolean;
}

/**
 * A folder to open an embedded database in: a copy of one of the run, which takes a tenth of the time that a new one
 * takes. A test migrates it in either case: where all is done that does nothing.
 */
export function pgliteForTest(options: TestPgliteOptions = {}): TestPglite {
  const folder = folderForTest('pglite');
  const dataDir = join(folder, 'pglite');
  placePglite(dataDir, options);
  return { dataDir, remove: () => rm(folder, { recursive: true, force: true }) };
}

/**
 * Puts a copy of the embedded database of the run where a program expects its own, such as `<home>/pglite` of
 * `bulla up`. Does nothing in a process that belongs to no run: the program then makes its own.
 * @param dataDir is not there yet, but the folder that it is in is.
 */
export function placePglite(dataDir: string, { empty = false }: TestPgliteOptions = {}): void {
  const { pglite } = currentRun();
  const from = empty ? pglite?.empty : pglite?.migrated;
  if (from !== undefined) copyFolder(from, dataDir);
}
