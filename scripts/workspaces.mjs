import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Absolute path of the repository, without a trailing slash. */
export const repository = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

/**
 * Every workspace of the repository, found on disk, so that a new one cannot be forgotten anywhere.
 * @returns {{ name: string, folder: string, group: string }[]} such as { name: 'crypto', folder: 'packages/crypto', group: 'packages' }
 */
export function workspaces() {
  return ['packages', 'services'].flatMap((group) =>
    readdirSync(`${repository}/${group}`)
      .filter((name) => existsSync(`${repository}/${group}/${name}/package.json`))
      .map((name) => ({ name, folder: `${group}/${name}`, group })),
  );
}
