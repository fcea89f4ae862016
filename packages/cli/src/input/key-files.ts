import { open, stat } from 'node:fs/promises';
import type { KeyMaterial } from '@bulla/crypto';
import type { PrivateKeyMaterial } from '@bulla/crypto/key-files';
import { CryptoError } from '@bulla/crypto';
import { importKeys, importPrivateKeys, importPublicKeys } from '@bulla/crypto/key-files';
import type { Context } from '../context.js';
import { readBytes } from './files.js';
import { reasonOf } from '../output/system-errors.js';
import { UsageError } from './usage-error.js';

/** Files of keys that belong to no organisation (docs/spec/key-files.md). */

/** The keys of a file, private or public; one under a passphrase is opened. */
export async function readKeys(context: Context, path: string): Promise<KeyMaterial[]> {
  const keys = await named(context, path, (bytes, wrong) =>
    importKeys(bytes, { passphrase: () => context.passphrases.of(path, wrong) }),
  );
  if (keys.some(({ privateJwk }) => privateJwk !== undefined)) await noteOpenFile(context, path);
  return keys;
}

/** The keys of somebody else. */
export function readPublicKeyFile(context: Context, path: string): Promise<KeyMaterial[]> {
  return named(context, path, (bytes) => importPublicKeys(bytes));
}

/** One's own keys. */
export async function readPrivateKeyFile(context: Context, path: string): Promise<PrivateKeyMaterial[]> {
  const keys = await named(context, path, (bytes, wrong) =>
    importPrivateKeys(bytes, { passphrase: () => context.passphrases.of(path, wrong) }),
  );
  await noteOpenFile(context, path);
  return keys;
}

/** Says it where others may read private keys. They work all the same: files on some disks have no modes. */
async function noteOpenFile({ out }: Context, path: string): Promise<void> {
  if (path === '-') return;
  const { mode } = await stat(path);
  // guard: open-key-file
  if ((mode & 0o077) !== 0) out.talk(`note: others may read the private keys in ${path}; run: chmod 600 ${path}`);
}

/**
 * Writes a file that is not there yet.
 * @param mode 0o600 for what is its owner's alone.
 * @throws {UsageError} naming the file, if it is there or cannot be written
 */
export async function writeNew(path: string, bytes: Uint8Array, mode: 0o600 | 0o644): Promise<void> {
  try {
    const file = await open(path, 'wx', mode);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new UsageError(`${path} is there already: it stays as it is`);
    throw new UsageError(`cannot write ${path}: ${reasonOf(error)}`);
  }
}

/**
 * The same error with the name of the file: a command works with two of them. Where a passphrase does not open it, it is
 * read again with what that one met, until there is no other to be had.
 */
async function named<T>(
  context: Context,
  path: string,
  read: (bytes: Uint8Array<ArrayBuffer>, wrong?: CryptoError) => Promise<T>,
): Promise<T> {
  const bytes = await readBytes(context.io, path);
  let wrong: CryptoError | undefined;
  for (;;) {
    try {
      return await read(bytes, wrong);
    } catch (error) {
      if (!(error instanceof CryptoError) || error === wrong) throw error;
      if (error.code !== 'open_failed') throw new CryptoError(error.code, `${path}: ${error.message}`);
      wrong = new CryptoError('open_failed', `${path}: its passphrase is another one, or the file was changed`);
    }
  }
}
