import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { beginningOf } from '../process/file-beginning.js';

/** Why a key file was refused; the message names the file and never what is in it. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError';
  /** Bad settings, as far as the process is concerned (docs/guide/configuration.md). */
  readonly exitCode = 78;
}

/**
 * Reads a file that its owner alone can use. Opened once and then checked by its handle, so that the file checked is the
 * file read.
 * @throws {KeyFileError} naming it
 */
export async function readPrivateFile(path: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY).catch(() => {
    throw new KeyFileError(`${path}: cannot be read`);
  });
  try {
    const { mode } = await file.stat();
    if ((mode & 0o077) !== 0) throw new KeyFileError(`${path}: others can read or write it; expected mode 0600`);
    // What its size is said to be says nothing of a pipe.
    const bytes = readBeginning(file.fd, path, maxBytes);
    if (bytes.length > maxBytes) throw new KeyFileError(`${path}: larger than ${maxBytes} bytes`);
    return bytes;
  } finally {
    await file.close();
  }
}

function readBeginning(descriptor: number, path: string, maxBytes: number): Buffer {
  try {
    return beginningOf(descriptor, maxBytes);
  } catch {
    throw new KeyFileError(`${path}: cannot be read`);
  }
}
