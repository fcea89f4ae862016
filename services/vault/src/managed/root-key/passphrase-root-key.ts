import { argon2 } from 'node:crypto';
import { promisify } from 'node:util';
import type { AskHidden } from '@bulla/service-kit';
import { HeldRootKey } from './held-root-key.js';
import type { PrivatePlace } from './private-file.js';
import { readPrivateFile } from './private-file.js';
import type { RootKeyProvider } from './root-key-provider.js';
import { RootKeyRefused } from './root-key-provider.js';

/** The second choice of RFC 9106, for machines whose memory others need too: 64 MiB. */
const STRETCHING = { memory: 65_536, passes: 3, parallelism: 4, tagLength: 32 } as const;
const SALT = /^[A-Za-z0-9_-]{22}$/;
/** What six random words, or as many letters and digits as one can type, come to. */
export const PASSPHRASE_CHARACTERS_MIN = 16;

const stretch = promisify(argon2);

/** Asks a person for the passphrase that goes with the salt of this path. Undefined where nobody answers. */
export type AskPassphrase = ((path: string) => Promise<string | undefined>) | undefined;

/** Where a passphrase comes from: a setting, or else a person. */
export interface PassphraseSource {
  readonly passphrase?: string | undefined;
  readonly ask?: AskPassphrase;
}

/** Asks once: the check value in the database tells a passphrase that was mistyped. */
export function askOnce(ask: AskHidden | undefined): AskPassphrase {
  return ask && ((path) => ask(`passphrase of the root key (${path}):`));
}

/** Asks twice, where there is no check value yet. @throws {RootKeyRefused} if the two differ */
export function askTwice(ask: AskHidden | undefined): AskPassphrase {
  return (
    ask &&
    (async (path) => {
      const typed = await askOnce(ask)?.(path);
      // guard: root-passphrase-twice
      if (typed !== undefined && (await ask('once more:')) !== typed)
        throw new RootKeyRefused('BULLA_ROOT_PASSPHRASE: the two passphrases differ; start it again');
      return typed;
    })
  );
}

/**
 * A root key made of a passphrase, by Argon2id with the salt of a file: 16 random bytes in base64url, as
 * `bulla keys generate --root FILE --passphrase` writes them. Takes about half a second and 64 MiB.
 * Where no setting says the passphrase, whoever starts the process may be asked.
 * @returns undefined where there is no such file
 * @throws {RootKeyRefused} if the file holds anything else, or there is no passphrase that is long enough
 */
export async function openPassphraseRootKey(
  path: string,
  { passphrase, ask, ...place }: PrivatePlace & PassphraseSource,
): Promise<RootKeyProvider | undefined> {
  const salt = readPrivateFile(path, place)
    ?.toString('latin1')
    .replace(/\r?\n$/, '');
  if (salt === undefined) return undefined;
  // guard: root-salt-whole without: if (salt === '')
  if (!SALT.test(salt)) throw new RootKeyRefused(`${path}: not a salt; expected 16 bytes in base64url, 22 characters`);
  const given = passphrase ?? (await ask?.(path));
  const normal = given?.normalize('NFC') ?? '';
  // guard: root-passphrase-long
  if (Array.from(normal).length < PASSPHRASE_CHARACTERS_MIN)
    throw new RootKeyRefused(
      `BULLA_ROOT_PASSPHRASE: expected at least ${PASSPHRASE_CHARACTERS_MIN} characters, since BULLA_ROOT_KEY is passphrase:${path}`,
    );
  const message = Buffer.from(normal);
  try {
    const key = await stretch('argon2id', { ...STRETCHING, message, nonce: Buffer.from(salt, 'base64url') });
    return await HeldRootKey.take('passphrase', new Uint8Array(key));
  } finally {
    message.fill(0);
  }
}
