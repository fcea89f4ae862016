import type { Secret } from '@bulla/crypto';
import { keyFileSchema, privateJwkSchema } from '@bulla/crypto';
import type { Home } from './home.js';
import { HomeError } from './home.js';
import { isLocked, lockText, unlockText } from './locked-file.js';

/** Whether a file of keys is locked, or that it is not there. */
export async function lockStateOf(home: Home, name: string): Promise<'locked' | 'open' | undefined> {
  const text = await home.read(name);
  if (text === undefined) return undefined;
  return isLocked(text) ? 'locked' : 'open';
}

/**
 * Puts a file of keys under a passphrase. What is written is opened again before it takes the place of the open file.
 * @throws {HomeError} if there is none, it is no file of keys, or it is locked already
 */
export async function lockKeys(home: Home, name: string, passphrase: Secret): Promise<void> {
  const text = await requireState(home, name, 'open');
  if (!holdsKeys(text)) throw new HomeError(`${home.path(name)} holds no private keys: it is not locked`);
  const locked = await lockText(text, passphrase);
  if ((await unlockText(locked, passphrase, home.path(name))) !== text) throw new HomeError('the lock does not hold');
  await home.write(name, locked);
}

/**
 * Takes the passphrase from a file of keys.
 * @throws {HomeError} if there is none, or it is not locked; {PassphraseError}
 */
export async function unlockKeys(home: Home, name: string, passphrase: Secret): Promise<void> {
  const text = await requireState(home, name, 'locked');
  await home.write(name, await unlockText(text, passphrase, home.path(name)));
}

async function requireState(home: Home, name: string, wanted: 'locked' | 'open'): Promise<string> {
  const text = await home.read(name);
  if (text === undefined) throw new HomeError(`there is no file ${home.path(name)}`);
  if ((isLocked(text) ? 'locked' : 'open') === wanted) return text;
  throw new HomeError(`${home.path(name)} is ${wanted === 'open' ? 'locked already' : 'not locked'}`);
}

/** A device's or service's keys, or one private key of a document. */
function holdsKeys(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return keyFileSchema.safeParse(value).success || privateJwkSchema.safeParse(value).success;
  } catch {
    return false;
  }
}
