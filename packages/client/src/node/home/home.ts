import { randomUUID } from 'node:crypto';
import { chmod, link, mkdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import type { Secret } from '@bulla/crypto';
import { syncFolder, writeDurably, writeOnce } from './durable-file.js';
import { textWithin } from './file-text.js';
import { makeFolders } from './folders.js';
import type { AskPassphrase } from './locked-file.js';
import { isLocked, lockText, PassphraseError, unlockText } from './locked-file.js';

/** What stands in the way of using the folder; the message names the file and what to do. */
export class HomeError extends Error {
  override readonly name = 'HomeError';
}

/** More than any file of a home has, and less than memory has. */
const FILE_MAX_BYTES = 268_435_456;
/** How often somebody is asked for the passphrase of a file. */
const PASSPHRASE_TRIES = 3;
/** Longest time that taking a dead lock away takes. */
const DISCARD_MS = 5_000;

/** Gives a lock back. */
export type Release = () => Promise<void>;

/**
 * The folder that keeps everything of one user: BULLA_HOME, by default `~/.bulla`. Folders that it makes have mode 0700,
 * files 0600; a file is replaced as a whole or not at all.
 */
export class Home {
  readonly folder: string;
  readonly #askPassphrase: AskPassphrase | undefined;
  readonly #isOwn: boolean;
  /** Whether this object made the folder. */
  #isMade = false;

  /**
   * @param askPassphrase gives the passphrases of locked files; without it they are refused.
   * @param isOwn whether the folder is Bulla's; another, which only holds a file of keys, keeps its mode.
   */
  constructor(folder: string = join(homedir(), '.bulla'), askPassphrase?: AskPassphrase, isOwn = true) {
    this.folder = folder;
    this.#askPassphrase = askPassphrase;
    this.#isOwn = isOwn;
  }

  /** Absolute path of a name inside, such as `org/dev/root.json`. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /** The text of a file, or undefined if there is none. */
  async read(name: string): Promise<string | undefined> {
    let text: string | undefined;
    try {
      text = await textWithin(this.path(name), FILE_MAX_BYTES);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw new HomeError(`cannot read ${this.path(name)} (${codeOf(error)})`);
    }
    if (text === undefined) throw new HomeError(`${this.path(name)} is larger than ${FILE_MAX_BYTES} bytes`);
    return text;
  }

  /**
   * The text of a file that holds a key, unlocked where it is locked.
   * @throws {HomeError} if others may read it, or it is locked and nobody can be asked; {PassphraseError}
   */
  async readSecret(name: string): Promise<string | undefined> {
    const text = await this.read(name);
    if (text === undefined) return undefined;
    const path = this.path(name);
    await requirePrivate(path);
    return isLocked(text) ? this.#unlocked(text, path) : text;
  }

  /** Replaces a file that holds a key; one that was locked is locked again, under the same passphrase. */
  async writeSecret(name: string, text: string): Promise<void> {
    const before = await this.read(name);
    const locked = before !== undefined && isLocked(before);
    await this.write(name, locked ? await lockText(text, await this.#passphrase(this.path(name))) : text);
  }

  /** Writes a file by temporary file, fsync and rename: after a crash the old or the new text is there, whole. */
  async write(name: string, text: string): Promise<void> {
    const target = this.path(name);
    await this.makeFolder(dirname(target));
    const temporary = `${target}.${randomUUID()}.tmp`;
    try {
      await writeDurably(temporary, text);
      await rename(temporary, target);
    } catch (error) {
      // Of a disk that is full: what was written so far is of no use, and its room is.
      await rm(temporary, { force: true });
      throw error;
    }
    await syncFolder(dirname(target));
  }

  /**
   * Writes a file that is not there yet, without waiting for the disk, for what is worth less than that wait: a crash may
   * take it, or leave half of it.
   */
  async writeNew(name: string, text: string): Promise<void> {
    const path = this.path(name);
    try {
      await writeOnce(path, text);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      await this.makeFolder(dirname(path));
      await writeOnce(path, text);
    }
  }

  /** Removes a file; it need not exist. */
  async remove(name: string): Promise<void> {
    try {
      await unlink(this.path(name));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }

  /**
   * Makes a folder inside, readable by its owner alone. One that was there before this object came keeps its mode.
   * @throws {HomeError} if the system does not make it
   */
  async makeFolder(path: string = this.folder): Promise<void> {
    const first = await makeFolders(path).catch((error: unknown) => {
      throw new HomeError(`cannot make the folder ${path} (${codeOf(error)}); set BULLA_HOME to another one`);
    });
    // guard: home-foreign-mode without: this.#isMade = true;
    if (first !== undefined && isWithin(first, this.folder)) this.#isMade = true;
    if (this.#isOwn && this.#isMade) await chmod(this.folder, 0o700);
  }

  /** Whether the folder is there and others than its owner may look into it or change it. */
  async isOpenToOthers(): Promise<boolean> {
    try {
      return ((await stat(this.folder)).mode & 0o077) !== 0;
    } catch {
      return false;
    }
  }

  /**
   * Takes a lock file (exclusive by link, with process id and start time), waiting while another process holds it.
   * A lock whose holder is gone is taken over.
   * @param waitMs how long to wait for a living holder; 0 refuses at once.
   * @param otherwise what to do that is not stopping the holder, as the error says it.
   * @throws {HomeError} naming the holder
   */
  async lock(name: string, waitMs: number, otherwise?: string): Promise<Release> {
    const path = this.path(name);
    await this.makeFolder(dirname(path));
    const mine = JSON.stringify({ pid: process.pid, started: await startOf(process.pid), id: randomUUID() });
    const temporary = `${path}.${randomUUID()}.tmp`;
    await writeDurably(temporary, mine);
    try {
      for (const until = performance.now() + waitMs; ; await pause(25)) {
        if (await linkOnce(temporary, path)) break;
        const holder = await this.read(name);
        if (holder === undefined) continue;
        if (!(await isHeld(holder))) {
          await this.discard(name, holder);
          continue;
        }
        if (performance.now() >= until) {
          throw new HomeError(
            otherwise === undefined
              ? `${this.folder} is in use by process ${pidOf(holder)}; stop it first, or set BULLA_HOME to another folder`
              : `${this.folder} is in use by process ${pidOf(holder)}; stop it first, or ${otherwise}`,
          );
        }
      }
    } finally {
      await rm(temporary, { force: true });
    }
    return async () => {
      if ((await this.read(name)) === mine) await this.remove(name);
    };
  }

  async #unlocked(text: string, path: string): Promise<string> {
    let wrong: PassphraseError | undefined;
    for (let tries = 1; ; tries++) {
      try {
        return await unlockText(text, await this.#passphrase(path, wrong), path);
      } catch (error) {
        if (!(error instanceof PassphraseError) || error === wrong || tries === PASSPHRASE_TRIES) throw error;
        wrong = error;
      }
    }
  }

  #passphrase(path: string, wrong?: PassphraseError): Promise<Secret> {
    if (this.#askPassphrase !== undefined) return this.#askPassphrase(path, wrong);
    throw new HomeError(`${path} is locked with a passphrase; set BULLA_PASSPHRASE_FILE, or run: bulla keys unlock`);
  }

  /**
   * Takes a dead holder's lock away. One process at a time may, and it looks again first: a lock that is there can
   * then be replaced by nobody, so a living one is never taken for the dead one that was seen before.
   */
  private async discard(name: string, holder: string): Promise<void> {
    const turn = this.path(`${name}.discard`);
    try {
      await mkdir(turn, { mode: 0o700 });
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw new HomeError(`cannot write ${turn} (${codeOf(error)})`);
      // Left behind by a process that ended in the middle of these few steps.
      if (await isOlderThan(turn, DISCARD_MS)) await rm(turn, { recursive: true, force: true });
      return;
    }
    try {
      if ((await this.read(name)) === holder) await this.remove(name);
    } finally {
      await rm(turn, { recursive: true, force: true });
    }
  }
}

/** Whether a folder is another one or lies below it. */
function isWithin(outer: string, folder: string): boolean {
  const [first = ''] = relative(outer, folder).split(sep);
  return first !== '..';
}

async function isOlderThan(path: string, ms: number): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > ms;
  } catch {
    return false;
  }
}

/**
 * Refuses a file that others than its owner may read.
 * @throws {HomeError} with the command that mends it
 */
export async function requirePrivate(path: string): Promise<void> {
  const { mode } = await stat(path);
  // guard: secret-file-mode
  if ((mode & 0o077) !== 0) throw new HomeError(`${path} may be read by others; run: chmod 600 ${path}`);
}

async function linkOnce(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw new HomeError(`cannot write ${to} (${codeOf(error)})`);
  }
}

/** Whether the process that wrote a lock still runs: its id is alive and started when it says. */
async function isHeld(holder: string): Promise<boolean> {
  const pid = pidOf(holder);
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
  }
  const started = await startOf(pid);
  return started === undefined || holder.includes(`"started":${JSON.stringify(started)}`);
}

function pidOf(holder: string): number | undefined {
  const pid = Number(/"pid":(\d+)/.exec(holder)?.[1]);
  return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
}

/** When a process started, in clock ticks since boot (field 22 of Linux's /proc/PID/stat); undefined elsewhere. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may hold spaces.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';
}
