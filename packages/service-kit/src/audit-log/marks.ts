import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, link, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeBase64url, equalBytes, strictParse, utf8 } from '@bulla/crypto';
import type { MarkFolder, TreeHead } from '@bulla/crypto/log';
import {
  leafHash,
  MARK_FOLDER_FILE,
  parseCheckpoint,
  parseMarkFolder,
  parseNote,
  parseOrigin,
} from '@bulla/crypto/log';
import * as z from 'zod';
import { SettingsError } from '../process/settings.js';

const MARK_MAX_BYTES = 262_144;

const Mark = z.strictObject({
  v: z.literal(2),
  note: z.string().min(1).max(8_192),
  first: z.string().min(1).max(65_535).optional(),
});

/** Of a log whose key bears no number: such are written no more. */
const OldMark = z.strictObject({
  v: z.literal(1),
  origin: z.string().min(1).max(256),
  kid: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  size: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  root: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});

/** A head of a log that this service has signed, or was about to. */
export interface LogMark extends TreeHead {
  readonly origin: string;
}

/** What is put into a mark: a signed note, and with the first one of a log the leaf of its first entry. */
export interface NewMark {
  readonly note: string;
  readonly first?: string | undefined;
}

/** A file of the folder of marks that counts for nothing; until a person moves it away, nothing is signed. */
export class BadMark extends Error {
  override readonly name = 'BadMark';
  readonly file: string;
  readonly why: 'malformed' | 'unsigned';

  constructor(why: 'malformed' | 'unsigned', file: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.why = why;
    this.file = file;
  }
}

/** A mark that is on the disk. */
export interface KeptMark extends LogMark {
  /** Name of its file, which never changes and is never written again. */
  readonly file: string;
  /** Counts from 1. */
  readonly number: number;
  /** Undefined in a mark of a log whose key bears no number. */
  readonly note: string | undefined;
  readonly first: string | undefined;
}

/**
 * Where signers keep what they have signed, outside the database: signed notes, each on the disk before it leaves
 * (docs/spec/audit-log.md, Marks). Several processes may share the folder. Each mark is a file of its own, so that one who
 * slept writes over nobody's, and one who comes later sees all that were written meanwhile. The first mark of a log is made
 * once and stays. No lock is needed, and none can be left behind.
 */
export class LogMarks {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Looks at the folder; a person's command sets it up.
   * @param urn of the service.
   * @returns whether it is set up
   * @throws {SettingsError} if it is another service's, or nothing can be written in it
   */
  async prepare(urn: string): Promise<boolean> {
    const said = await this.folder();
    if (said === undefined) return false;
    // guard: mark-folder-urn
    if (said.urn !== urn)
      throw new SettingsError([`BULLA_AUDIT_MARKS: ${this.#folder} was set up for ${said.urn}, and this is ${urn}`]);
    try {
      await access(this.#folder, constants.W_OK);
    } catch {
      throw new SettingsError([
        `BULLA_AUDIT_MARKS: nothing can be written in ${this.#folder}; name a folder that keeps what is in it`,
      ]);
    }
    return true;
  }

  /** What the folder was set up for; undefined where it was not. @throws {Error} if that cannot be read */
  async folder(): Promise<MarkFolder | undefined> {
    const path = join(this.#folder, MARK_FOLDER_FILE);
    const bytes = await readFile(path).catch(absent);
    if (bytes === undefined) return undefined;
    try {
      return parseMarkFolder(Uint8Array.from(bytes));
    } catch (error) {
      throw new Error(
        `${path} does not say whose folder of marks this is; set it up with bulla trust renew --begin-logs`,
        {
          cause: error,
        },
      );
    }
  }

  /**
   * All marks of an organisation, the newest last: what may be signed has to continue each of its log.
   * @throws {BadMark} malformed, if one is no mark: nothing may be signed then
   */
  async read(org: string): Promise<KeptMark[]> {
    const marks: KeptMark[] = [];
    for (const file of await this.#filesOf(org)) {
      const mark = await this.#readFile(file);
      if (mark !== undefined) marks.push(mark);
    }
    return marks.toSorted((one, other) => one.number - other.number || one.size - other.size);
  }

  /** Puts a mark beside those that are there. When this returns it is on the disk. */
  async write(org: string, mark: NewMark): Promise<KeptMark> {
    const file = `${org}.${randomUUID()}.json`;
    const draft = await this.#draft(file, mark);
    await rename(draft, join(this.#folder, file));
    await syncFolder(this.#folder);
    return markOf(file, mark);
  }

  /**
   * Puts the first mark of a log there. Of two processes that begin it one does.
   * @returns that which is there now: another's, where that was first
   */
  async begin(org: string, number: number, mark: NewMark): Promise<KeptMark> {
    const file = `${org}.${number}-begin.json`;
    const path = join(this.#folder, file);
    const draft = await this.#draft(`${org}.${randomUUID()}.begin`, mark);
    try {
      await link(draft, path);
    } catch (error) {
      // guard: mark-begin-once without: await rename(draft, path);
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await rm(draft, { force: true });
    }
    await syncFolder(this.#folder);
    const there = await this.#readFile(file);
    if (there === undefined) throw new Error(`${path} is gone`);
    return there;
  }

  /**
   * Takes away the marks of a log that another continues, but for the first: only then may the signature of its tree leave.
   * @param continued what {@link read} gave before the head was read.
   * @returns false if another process has put a mark beside them since: all stay then, and nothing may be signed
   */
  async supersede(org: string, continued: readonly KeptMark[], own: KeptMark): Promise<boolean> {
    const known = new Set([own.file, ...continued.map(({ file }) => file)]);
    // Of two who write at one moment, the later at least sees the mark of the other.
    if ((await this.#filesOf(org)).some((file) => !known.has(file))) return false;
    for (const { file, origin, first } of continued)
      if (origin === own.origin && first === undefined && file !== own.file)
        await rm(join(this.#folder, file), { force: true });
    return true;
  }

  async #draft(name: string, { note, first }: NewMark): Promise<string> {
    const draft = join(this.#folder, `${name}.draft`);
    await writeDurably(draft, JSON.stringify({ v: 2, note, ...(first !== undefined && { first }) }));
    return draft;
  }

  async #filesOf(org: string): Promise<string[]> {
    const names = await readdir(this.#folder).catch(absent);
    return (names ?? []).filter(
      (name) =>
        // An organisation may have the name that the file of the folder itself begins with.
        name !== MARK_FOLDER_FILE && // guard: mark-folder-file
        name.startsWith(`${org}.`) &&
        name.endsWith('.json'),
    );
  }

  /** Undefined if another process has taken it away: a newer one is there then. */
  async #readFile(file: string): Promise<KeptMark | undefined> {
    const path = join(this.#folder, file);
    const bytes = await readFile(path).catch(absent);
    if (bytes === undefined) return undefined;
    try {
      const said = z.union([Mark, OldMark]).parse(strictParse(bytes, { maxBytes: MARK_MAX_BYTES }));
      if (said.v === 2) return await firstFits(markOf(file, said));
      const { origin, size, root } = said;
      const head = { origin, size, root: decodeBase64url(root) };
      return { ...head, file, number: parseOrigin(origin)?.number ?? 0, note: undefined, first: undefined };
    } catch (error) {
      throw new BadMark(
        'malformed',
        file,
        `${path} is not a mark of the audit log; move it away, and begin the next log with bulla trust renew --begin-logs (docs/guide/deploy.md, The audit logs after a restore)`,
        { cause: error },
      );
    }
  }
}

function markOf(file: string, { note, first }: NewMark): KeptMark {
  const { origin, size, root } = parseCheckpoint(parseNote(utf8(note)).text);
  return { file, number: parseOrigin(origin)?.number ?? 0, origin, size, root, note, first };
}

/** @throws {Error} if beside a note stands another first entry than that of its tree */
async function firstFits(mark: KeptMark): Promise<KeptMark> {
  const { first, size, root } = mark;
  // guard: mark-first
  if (first !== undefined && (size !== 1 || !equalBytes(await leafHash(utf8(first)), root)))
    throw new Error('the first entry is not that of the tree');
  return mark;
}

function absent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
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
