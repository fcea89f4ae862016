import { resolve } from 'node:path';
import { encodeBase64url, randomBytes, utf8 } from '@bulla/crypto';
import type { Context } from '../../context.js';
import { writeNew } from '../../input/key-files.js';
import { UsageError } from '../../input/usage-error.js';
import { styled } from '../../output/output.js';

const KEY_BYTES = 32;
const SALT_BYTES = 16;

interface RootOptions {
  readonly like?: string;
  readonly suite?: string;
  readonly encrypt?: boolean;
  readonly checkpoint?: boolean;
  readonly encryption?: boolean;
  readonly signing?: boolean;
  readonly passphrase?: boolean;
}

/** Writes a file with a root key for a vault, or with the salt of one that is made of a passphrase (docs/guide/keys.md). */
export async function generateRoot(context: Context, file: string, options: RootOptions): Promise<void> {
  const { passphrase = false, like, suite, encrypt, checkpoint, encryption, signing } = options;
  if ([like, suite, encrypt, checkpoint, encryption, signing].some((option) => option !== undefined))
    throw new UsageError('--root makes one key for a vault: of the other options only --passphrase goes with it');
  const path = resolve(file);
  const bytes = randomBytes(passphrase ? SALT_BYTES : KEY_BYTES);
  try {
    await writeNew(path, utf8(`${encodeBase64url(bytes)}\n`), 0o600);
  } finally {
    bytes.fill(0);
  }
  const setting = `${passphrase ? 'passphrase' : 'file'}:${path}`;
  context.result({ path, setting }, styled('✔', 'good'), ` BULLA_ROOT_KEY=${setting}`);
  context.out.talk(
    'Keep a copy where no backup of the database is: without it nobody opens what is managed, you neither.',
  );
}
