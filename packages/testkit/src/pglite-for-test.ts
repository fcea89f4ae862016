import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { currentRun } from './test-run.js';

/** A folder for the embedded database of one test. */
export interface TestPglite {
  /** To open; not there yet where nothing was prepared: whoever opens it makes it. */
  readonly dataDir: string;
  /** Removes it, once it is closed. */
  readonly remove: () => Promise<void>;
}

/** Without `empty` the tables of the services are in it. */
export interface TestPgliteOptions {
  readonly empty?: boolean;
}

/**
 * A folder to open an embedded database in: a copy of one of the run, which takes a tenth of the time that a new one
 * takes. A test migrates it in either case: where all is done that does nothing.
 */
export async function pgliteForTest(options: TestPgliteOptions = {}): Promise<TestPglite> {
  const folder = await mkdtemp(join(tmpdir(), `${currentRun().prefix}_pglite-`));
  const dataDir = join(folder, 'pglite');
  await placePglite(dataDir, options);
  return { dataDir, remove: () => rm(folder, { recursive: true, force: true }) };
}

/**
 * Puts a copy of the embedded database of the run where a program expects its own, such as `<home>/pglite` of
 * `bulla up`. Does nothing in a process that belongs to no run: the program then makes its own.
 * @param dataDir is not there yet, but the folder that it is in is.
 */
export async function placePglite(dataDir: string, { empty = false }: TestPgliteOptions = {}): Promise<void> {
  const { pglite } = currentRun();
  const from = empty ? pglite?.empty : pglite?.migrated;
  if (from !== undefined) await cp(from, dataDir, { recursive: true, errorOnExist: true, force: false });
}
