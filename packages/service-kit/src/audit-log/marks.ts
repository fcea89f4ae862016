import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeBase64url, encodeBase64url, strictParse } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import * as z from 'zod';
import { SettingsError } from '../process/settings.js';
import { numberOf } from './log-head.js';

const MARK_MAX_BYTES = 4_096;

const Mark = z.strictObject({
  v: z.literal(1),
  origin: z.string().min(1).max(256),
  kid: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  size: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  root: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});

/** A head of a log that this machine has signed, or was about to. */
export interface LogMark extends TreeHead {
  readonly origin: string;
  /** Of the key that signed it. */
  readonly kid: string;
}

/** A mark that is on the disk. */
export interface KeptMark extends LogMark {
  /** Name of its file, which never changes and is never written again. */
  readonly file: string;
}

/**
 * Where signers keep what they have signed, outside the database: a database that went back to a backup does not know
 * (protocol.md §8). Several processes may share the folder. Each mark is a file of its own, so that one who slept writes
 * over nobody's, and one who comes later sees all that were written meanwhile. No lock is needed, and none can be left
 * behind.
 */
export class LogMarks {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the folder. @throws {SettingsError} if nothing can be written in it */
  async prepare(): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await access(this.#folder, constants.W_OK);
    } catch {
      throw new SettingsError([
        `BULLA_AUDIT_MARKS: nothing can be written in ${this.#folder}; name a folder that keeps what is in it`,
      ]);
    }
  }

  /**
   * All marks of an organisation, the newest last: what may be signed has to continue each of them.
   * @throws {Error} naming the file, if one is no mark: nothing may be signed then
   */
  async read(org: string): Promise<KeptMark[]> {
    const marks: KeptMark[] = [];
    for (const file of await this.#filesOf(org)) {
      const mark = await this.#readFile(file);
      if (mark !== undefined) marks.push({ ...mark, file });
    }
    return marks.toSorted((one, other) => numberOf(one.origin) - numberOf(other.origin) || one.size - other.size);
  }

  /** Puts a mark beside those that are there. When this returns it is on the disk. */
  async write(org: string, mark: LogMark): Promise<KeptMark> {
    const { origin, kid, size, root } = mark;
    const file = `${org}.${randomUUID()}.json`;
    const path = join(this.#folder, file);
    const draft = `${path}.draft`;
    await writeDurably(draft, JSON.stringify({ v: 1, origin, kid, size, root: encodeBase64url(root) }));
    await rename(draft, path);
    await syncFolder(this.#folder);
    return { ...mark, file };
  }

  /**
   * Takes away the marks that another continues: only then may the signature of its tree leave the process.
   * @param continued what {@link read} gave before the head was read.
   * @returns false if another process has put a mark beside them since: all stay then, and nothing may be signed
   */
  async supersede(org: string, continued: readonly KeptMark[], { file: own }: KeptMark): Promise<boolean> {
    const known = new Set([own, ...continued.map(({ file }) => file)]);
    // Of two who write at one moment, the later at least sees the mark of the other.
    if ((await this.#filesOf(org)).some((file) => !known.has(file))) return false;
    for (const { file } of continued) await rm(join(this.#folder, file), { force: true });
    return true;
  }

  async #filesOf(org: string): Promise<string[]> {
    const names = await readdir(this.#folder);
    return names.filter((name) => name.startsWith(`${org}.`) && name.endsWith('.json'));
  }

  /** Undefined if another process has taken it away: a newer one is there then. */
  async #readFile(file: string): Promise<LogMark | undefined> {
    const path = join(this.#folder, file);
    const bytes = await readFile(path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    });
    if (bytes === undefined) return undefined;
    try {
      const { origin, kid, size, root } = Mark.parse(strictParse(bytes, { maxBytes: MARK_MAX_BYTES }));
      return { origin, kid, size, root: decodeBase64url(root) };
    } catch (error) {
      throw new Error(
        `${path} is not a mark of the audit log; move it away, and give the service a new key for checkpoints (docs/guide/deploy.md, The audit logs after a restore)`,
        { cause: error },
      );
    }
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
