import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { access, link, open, rm } from 'node:fs/promises';
import type { Io } from '../io.js';
import { reasonOf } from '../output/system-errors.js';
import { UsageError } from './usage-error.js';

/** Files of any size, piece by piece. */

/** What is asked of a file at a time: fewer turns than chunks of a sealed stream would take. */
const PIECE_BYTES = 262_144;

/**
 * The bytes of a file, or of standard input for `-`, as they come.
 * @throws {UsageError} naming the file
 */
export async function* readPieces({ stdin, signal }: Io, path: string): AsyncGenerator<Uint8Array> {
  for await (const piece of path === '-' ? stdin : piecesOfFile(path)) {
    signal.throwIfAborted();
    yield typeof piece === 'string' ? new TextEncoder().encode(piece) : (piece as Uint8Array);
  }
}

async function* piecesOfFile(path: string): AsyncGenerator<Uint8Array> {
  const refused = (error: unknown) => new UsageError(`cannot read ${path}: ${reasonOf(error)}`);
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (error) {
    throw refused(error);
  }
  try {
    const buffer = new Uint8Array(PIECE_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(buffer).catch((error: unknown) => {
        throw refused(error);
      });
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** A source that was looked into. */
export interface Peeked {
  readonly beginning: Uint8Array;
  /** All of it, from the first byte on. */
  readonly all: AsyncIterable<Uint8Array>;
}

/** The first `length` bytes of a source, or all where it has fewer. */
export async function peek(source: AsyncGenerator<Uint8Array>, length: number): Promise<Peeked> {
  const pieces: Uint8Array[] = [];
  for (let got = 0; got < length; got += pieces.at(-1)?.length ?? 0) {
    const { done, value } = await source.next();
    if (done === true) break;
    pieces.push(value.slice());
  }
  return { beginning: new Uint8Array(Buffer.concat(pieces)).subarray(0, length), all: joined(pieces, source) };
}

async function* joined(first: readonly Uint8Array[], rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* first;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

/**
 * All of a source in one.
 * @throws {UsageError} naming it, if it has more than `max` bytes
 */
export async function gather(source: AsyncIterable<Uint8Array>, max: number, name: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of source) {
    length += piece.length;
    if (length > max) throw new UsageError(`${name} is larger than ${max} bytes`);
    pieces.push(piece.slice());
  }
  return new Uint8Array(Buffer.concat(pieces));
}

/**
 * Writes a file that is not there yet, piece by piece: until the last one has come without an error, nothing is there under
 * its name.
 * @param mode 0o600 for what is its owner's alone.
 * @throws {UsageError} naming the file, if it is there or cannot be written; and whatever the pieces throw
 */
export async function writeNewPieces(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  { mode, signal }: { readonly mode: 0o600 | 0o644; readonly signal: AbortSignal },
): Promise<void> {
  await requireNew(path);
  const temporary = `${path}.${randomUUID()}.tmp`;
  // The process does not wait for what is under way when somebody ends it.
  const leave = () => rmSync(temporary, { force: true });
  signal.addEventListener('abort', leave);
  const file = await writing(path, () => open(temporary, 'wx', mode));
  try {
    try {
      for await (const piece of pieces) {
        signal.throwIfAborted();
        await writing(path, () => file.writeFile(piece));
      }
      await writing(path, () => file.sync());
    } finally {
      await file.close();
    }
    signal.throwIfAborted();
    await nameOnce(temporary, path);
  } finally {
    await rm(temporary, { force: true });
    signal.removeEventListener('abort', leave);
  }
}

/** Asked before the work, so that nobody waits for what then has no place; whether it still holds, the link decides. */
async function requireNew(path: string): Promise<void> {
  if (await isThere(path)) throw stays(path);
}

/** Gives a file its name if nothing has that name: in one step, so that what appeared meanwhile is never written over. */
async function nameOnce(temporary: string, path: string): Promise<void> {
  try {
    // guard: new-file-link
    await link(temporary, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw stays(path);
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'EOPNOTSUPP')
      throw new UsageError(
        `cannot write ${path}: this disk knows no links, by which a file gets its name without writing over another`,
        'write to another disk and copy it, or to standard output',
      );
    throw new UsageError(`cannot write ${path}: ${reasonOf(error)}`);
  }
}

function stays(path: string): UsageError {
  return new UsageError(`${path} is there already: it stays as it is`);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

async function writing<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw new UsageError(`cannot write ${path}: ${reasonOf(error)}`);
  }
}
