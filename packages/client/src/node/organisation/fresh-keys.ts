import type { KeyFile, SuiteId } from '@bulla/crypto';
import type { Home } from '../home/home.js';
import { HomeError } from '../home/home.js';
import type { FileKey } from '../home/key-file.js';
import { makeKey, readKeyFile, writeKeyFile } from '../home/key-file.js';

/** A file of keys, wherever it lies. */
export interface KeyPlace {
  readonly home: Home;
  readonly name: string;
}

/**
 * Writes a file of fresh keys for the entity of another: one for each use, for the purposes of the newest there and of
 * its suite, unless another is given. Nothing is overwritten, and the other file stays as it is.
 * @throws {HomeError} if there is nothing to go by, or a file is there already
 */
export async function writeFreshKeys(like: KeyPlace, to: KeyPlace, suite?: SuiteId): Promise<KeyFile> {
  const path = to.home.path(to.name);
  if ((await to.home.read(to.name)) !== undefined) throw new HomeError(`${path} is there already: nothing was written`);
  const before = await readKeyFile(like.home, like.name);
  if (before === undefined) throw new HomeError(`there is no file ${like.home.path(like.name)}`);
  const keys: FileKey[] = [];
  for (const use of ['sig', 'enc'] as const) {
    const newest = before.keys.find((key) => key.use === use);
    if (newest !== undefined) keys.push(await makeKey(suite ?? newest.suite, use, newest.pur));
  }
  const fresh: KeyFile = { ...before, keys };
  await writeKeyFile(to.home, to.name, fresh);
  return fresh;
}
