import { parseDirectory } from '@bulla/crypto';
import type { Home } from '../home/home.js';
import { HomeError } from '../home/home.js';
import { versionName } from './replaced-documents.js';
import { seenAtHome } from './seen-documents.js';

/** Hashes of an organisation's directories from version 1 on, from the party that keeps them for everybody. */
export type KeptHashes = (org: string) => Promise<readonly string[]>;

/**
 * The hashes of all directories before a version: as this folder's owner has seen them, else out of the documents that
 * were replaced here, else from elsewhere.
 * @throws {HomeError} if one is known nowhere
 */
export async function hashesBefore(
  home: Home,
  org: string,
  version: number,
  elsewhere?: KeptHashes,
): Promise<readonly string[]> {
  const seen = (await seenAtHome(home, org))?.memory;
  const hashes: string[] = [...(seen?.hashes ?? [])].slice(0, version - 1);
  let kept: readonly string[] | undefined;
  for (let missing = hashes.length + 1; missing < version; missing++) {
    const hash = seen?.directory.version === missing ? seen.directory.hash : await storedHash(home, org, missing);
    kept ??= hash === undefined ? await elsewhere?.(org) : undefined;
    const found = hash ?? kept?.[missing - 1];
    if (found === undefined) {
      throw new HomeError(
        `the hash of directory ${missing} of ${org} is not known here: restore ${versionName(`org/${org}`, 'directory', missing)} from a backup of ${home.folder}`,
      );
    }
    hashes.push(found);
  }
  return hashes;
}

/** Of the document itself, or as the one after it names it. */
async function storedHash(home: Home, org: string, version: number): Promise<string | undefined> {
  const documentOf = (of: number) => home.read(versionName(`org/${org}`, 'directory', of));
  const own = await documentOf(version);
  if (own !== undefined) return (await parseDirectory(own)).hash;
  const next = await documentOf(version + 1);
  return next === undefined ? undefined : (await parseDirectory(next)).payload.prev;
}
