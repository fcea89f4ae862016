import { randomUUID } from 'node:crypto';
import { access, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Bytes } from '@bulla/crypto';
import type { BundleFolder } from '../../audit/bundle/bundle-folder.js';
import { HomeError } from '../home/home.js';

/** Largest file of exported logs: a directory. */
const FILE_MAX_BYTES = 32 * 1024 * 1024;

/** A folder on disk that exported logs are written to and read from. */
export class AuditFolder implements BundleFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  readonly has = async (path: string): Promise<boolean> => {
    try {
      await access(this.#at(path));
      return true;
    } catch {
      return false;
    }
  };

  /** @throws {HomeError} if it cannot be read, or is not a file of the size that one of exported logs may have */
  readonly read = async (path: string): Promise<Bytes | undefined> => {
    try {
      const file = await open(this.#at(path));
      try {
        const about = await file.stat();
        // guard: audit-folder-size
        if (!about.isFile() || about.size > FILE_MAX_BYTES)
          throw new HomeError(
            `${this.#at(path)} is no file of exported logs: they have at most ${FILE_MAX_BYTES} bytes`,
          );
        return new Uint8Array(await file.readFile());
      } finally {
        await file.close();
      }
    } catch (error) {
      if (isCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw refused('read', this.#at(path), error);
    }
  };

  readonly list = async (path: string): Promise<readonly string[]> => {
    try {
      return await readdir(this.#at(path));
    } catch (error) {
      if (isCode(error, 'ENOENT', 'ENOTDIR')) return [];
      throw refused('read', this.#at(path), error);
    }
  };

  /** By temporary file, fsync and rename: after a crash the old or the new file is there, whole. */
  readonly write = async (path: string, bytes: Bytes): Promise<void> => {
    const target = this.#at(path);
    const temporary = `${target}.${randomUUID()}.tmp`;
    try {
      await mkdir(dirname(target), { recursive: true });
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw refused('write', target, error);
    }
  };

  #at(path: string): string {
    return join(this.path, ...path.split('/'));
  }
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(String((error as NodeJS.ErrnoException).code));
}

function refused(what: 'read' | 'write', path: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined || error instanceof HomeError ? error : new HomeError(`cannot ${what} ${path} (${code})`);
}
