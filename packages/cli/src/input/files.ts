import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { Io } from '../io.js';
import { reasonOf } from '../output/system-errors.js';
import { UsageError } from './usage-error.js';

const BYTES_MAX = 64 * 1024 * 1024;

/**
 * The bytes of a file, or of standard input for `-`: never more than are of use, however long it is.
 * @throws {UsageError} naming the file
 */
export async function readBytes(io: Io, path: string, maxBytes = BYTES_MAX): Promise<Uint8Array<ArrayBuffer>> {
  if (path === '-') return readWhole(io.stdin, 'standard input', maxBytes, io.signal);
  const file = createReadStream(path);
  try {
    return await readWhole(file, path, maxBytes, io.signal);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`cannot read ${path}: ${reasonOf(error)}`);
  } finally {
    file.destroy();
  }
}

/** The same as text; what is not UTF-8 is refused rather than changed. */
export async function readText(io: Io, path: string): Promise<string> {
  const bytes = await readBytes(io, path);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UsageError(`${path === '-' ? 'standard input' : path} is not UTF-8 text`);
  }
}

/** Writes a file as a whole or not at all: for its owner alone, unless it is for everybody. */
export async function writeWhole(path: string, text: string | Uint8Array, mode: 0o600 | 0o644 = 0o600): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new UsageError(`cannot write ${path}: ${reasonOf(error)}`);
  }
}

async function readWhole(
  source: AsyncIterable<unknown>,
  name: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    signal.throwIfAborted();
    const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : (chunk as Uint8Array);
    length += bytes.length;
    // guard: file-size without: if (length > 1e15)
    if (length > maxBytes) throw new UsageError(`${name} is larger than ${maxBytes} bytes`);
    chunks.push(bytes);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
