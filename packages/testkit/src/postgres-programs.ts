import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isExecutable } from './executable.js';
import { readTestSettings } from './settings.js';

/** Debian keeps the server's programs out of PATH, one folder per major version. */
const DEBIAN_FOLDER = '/usr/lib/postgresql';

export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
}

/** The newest PostgreSQL server on this machine: PATH first, then Debian's folder. Undefined when there is none. */
export function findPostgres(
  path: readonly string[] = readTestSettings().path,
  debianFolder = DEBIAN_FOLDER,
): PostgresPrograms | undefined {
  for (const folder of [...path, ...debianVersions(debianFolder)]) {
    const programs = { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') };
    if (isExecutable(programs.initdb) && isExecutable(programs.postgres)) return programs;
  }
  return undefined;
}

/** An operating system user a server may run as. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * PostgreSQL refuses to run as root: the user to run it as instead.
 * @returns undefined when the present user will do.
 * @throws {Error} as root, where no such user exists.
 */
export function serverUser(ownUid = process.getuid?.(), name = 'postgres'): ServerUser | undefined {
  if (ownUid !== 0) return undefined;
  const id = (option: string) => Number(execFileSync('id', [option, name], { encoding: 'utf8', stdio: 'pipe' }));
  try {
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    throw new Error(`PostgreSQL does not run as root and there is no operating system user "${name}"`);
  }
}

function debianVersions(folder: string): string[] {
  try {
    const versions = readdirSync(folder).toSorted((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(folder, version, 'bin'));
  } catch {
    return [];
  }
}
