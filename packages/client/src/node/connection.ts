import type { ConnectOptions } from '../bulla.js';
import { identityOf } from '../connection/identity.js';
import { IDENTITY } from './organisation/key-names.js';
import { Home, HomeError } from './home/home.js';
import { readKeyFile } from './home/key-file.js';
import { readProfile } from './home/profile.js';
import { httpFetch } from './http-fetch.js';
import { FileTrustStore } from './trust-store.js';

/**
 * What `Bulla.connect` needs, from a folder that `bulla up` or `bulla init` has set up: the vault, the pin, this
 * device's keys, what it has trusted so far, and how services are asked.
 * @throws {HomeError} if something of it is missing or cannot be used
 */
export async function connectionOf(
  home: Home = new Home(),
): Promise<Pick<ConnectOptions, 'url' | 'identity' | 'pin' | 'store' | 'fetch'>> {
  const profile = await readProfile(home);
  const file = await readKeyFile(home, IDENTITY);
  if (profile === undefined || file === undefined) {
    throw new HomeError(`${home.folder} is not set up; run \`bulla up\` (or npm start) once`);
  }
  if (file.org !== profile.org)
    throw new HomeError(`the identity in ${home.folder} is not of the organisation in its profile`);
  const [identity, store] = [await identityOf(file), new FileTrustStore(home)];
  return { url: profile.vaultUrl, identity, pin: profile.pin, store, fetch: httpFetch };
}
