import type { Stretching } from '@bulla/crypto/key-files';
import { CryptoError, decodeUtf8, encodeBase64url, randomBytes, Secret, utf8 } from '@bulla/crypto';
import { parseLocked, sealLocked } from '@bulla/crypto/key-files';
import { openLocked } from '@bulla/crypto/open';
import { stretch } from './argon2id.js';

/** A locked file that the passphrase did not open; the message names the file. */
export class PassphraseError extends Error {
  override readonly name = 'PassphraseError';
}

/**
 * Gives the passphrase of a locked file; called each time one is needed, so it remembers what it asked.
 * @param wrong what the passphrase met that it gave before; where there is no other to give, it throws that.
 */
export type AskPassphrase = (path: string, wrong?: PassphraseError) => Promise<Secret>;

/** RFC 9106 §4, the second recommended choice: 64 MiB, three passes, four lanes, a salt of 16 bytes. */
const STRETCHING: Omit<Stretching, 'salt'> = { name: 'argon2id', m: 65_536, t: 3, p: 4 };

/** A passphrase as bytes. Keyboards spell one and the same letter in two ways, so it is normalised first. */
export function passphraseOf(text: string): Secret {
  return new Secret(utf8(text.normalize('NFC')));
}

/** Whether the text of a file is that of a locked one: a token of five parts, where others hold JSON or one word. */
export function isLocked(text: string): boolean {
  return /^[A-Za-z0-9_-]+\./.test(text);
}

/** The text of a file under a passphrase (docs/spec/locked-key.md), in one line. */
export async function lockText(text: string, passphrase: Secret): Promise<string> {
  const kdf = { ...STRETCHING, salt: encodeBase64url(randomBytes(16)) };
  const key = await stretch(passphrase, kdf);
  try {
    return `${await sealLocked(utf8(text), key, kdf)}\n`;
  } finally {
    key.wipe();
  }
}

/**
 * The text that was locked.
 * @param path what errors call the file.
 * @throws {PassphraseError} if the passphrase is another one or the file was changed; which of both, nobody can tell
 */
export async function unlockText(locked: string, passphrase: Secret, path: string): Promise<string> {
  try {
    const parsed = parseLocked(locked.trimEnd());
    const key = await stretch(passphrase, parsed.header.kdf);
    try {
      return decodeUtf8(await openLocked(parsed, key));
    } finally {
      key.wipe();
    }
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    // No cause: a wrong passphrase, a flipped bit and numbers out of bounds look the same to a person who guesses.
    throw new PassphraseError(`${path} does not open: the passphrase is another one, or the file was changed`);
  }
}
