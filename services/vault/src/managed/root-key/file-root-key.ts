import { writeFileSync } from 'node:fs';
import { encodeBase64url, randomBytes } from '@bulla/crypto';
import { HeldRootKey } from './held-root-key.js';
import { readPrivateFile } from './private-file.js';
import type { PrivatePlace } from './private-file.js';
import type { RootKeyProvider } from './root-key-provider.js';
import { RootKeyRefused } from './root-key-provider.js';

const KEY_BYTES = 32;
/** 32 bytes in base64 or base64url, with or without what fills it up. */
const SPELLING = /^(?:[A-Za-z0-9+/]{43}=?|[A-Za-z0-9_-]{43}=?)$/;

/** Makes a file with a new root key. @throws {Error} where there is one */
export function makeRootKeyFile(path: string): void {
  const key = randomBytes(KEY_BYTES);
  try {
    writeFileSync(path, `${encodeBase64url(key)}\n`, { mode: 0o600, flag: 'wx', flush: true });
  } finally {
    key.fill(0);
  }
}

/**
 * A root key in a file that only the vault can read: 32 random bytes in base64 or base64url, as
 * `bulla keys generate --root` writes it.
 * @returns undefined where there is no such file
 * @throws {RootKeyRefused} if it holds anything else, or is not kept as a secret is
 */
export async function openFileRootKey(path: string, place: PrivatePlace): Promise<RootKeyProvider | undefined> {
  const bytes = readPrivateFile(path, place);
  if (bytes === undefined) return undefined;
  const key = new Uint8Array(KEY_BYTES);
  try {
    // A string of a key cannot be wiped; this one is short-lived, and there is no decoder of bytes.
    const text = bytes.toString('latin1').replace(/\r?\n$/, '');
    const decoded = Buffer.from(text, 'base64');
    // guard: root-file-whole without: if (decoded.length > 64)
    if (!SPELLING.test(text) || decoded.length !== KEY_BYTES)
      throw new RootKeyRefused(`${path}: not a root key; expected ${KEY_BYTES} bytes in base64, 43 or 44 characters`);
    key.set(decoded);
    decoded.fill(0);
    return await HeldRootKey.take('file', key);
  } finally {
    bytes.fill(0);
  }
}
