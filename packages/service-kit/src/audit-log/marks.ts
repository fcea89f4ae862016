import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeBase64url, encodeBase64url, strictParse } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import * as z from 'zod';
import { SettingsError } from '../process/settings.js';

const MARK_MAX_BYTES = 4_096;

const Mark = z.strictObject({
  v: z.literal(1),
  origin: z.string().min(1).max(256),
  kid: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  size: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  root: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});

/** The newest head of a log that this machine has signed. */
export interface LogMark extends TreeHead {
  readonly origin: string;
  /** Of the key that signed it. */
  readonly kid: string;
}

/**
 * Where a signer keeps what it has signed, outside the database: a database that went back to a backup does not know
 * (protocol.md §8). One file for each organisation.
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

  /** @throws {Error} naming the file, if it is there and no mark: nothing may be signed then */
  async read(org: string): Promise<LogMark | undefined> {
    const path = this.#path(org);
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

  /** Returns when it is on the disk: only then may the signature leave the process. */
  async write(org: string, { origin, kid, size, root }: LogMark): Promise<void> {
    const path = this.#path(org);
    // Of processes that share the folder each has a file of its own until it takes its place. Containers share numbers of
    // processes.
    const draft = `${path}.${randomUUID()}`;
    await writeDurably(draft, JSON.stringify({ v: 1, origin, kid, size, root: encodeBase64url(root) }));
    await rename(draft, path);
    await syncFolder(this.#folder);
  }

  #path(org: string): string {
    return join(this.#folder, `${org}.json`);
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
