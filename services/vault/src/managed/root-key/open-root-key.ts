import { openAwsRootKey } from './aws-root-key.js';
import { openFileRootKey } from './file-root-key.js';
import { openOpenBaoRootKey } from './openbao-root-key.js';
import type { PassphraseSource } from './passphrase-root-key.js';
import { openPassphraseRootKey } from './passphrase-root-key.js';
import { openPkcs11RootKey } from './pkcs11-root-key.js';
import type { PrivatePlace } from './private-file.js';
import type { RootKeyKind, RootKeyProvider } from './root-key-provider.js';
import { RootKeyRefused } from './root-key-provider.js';
import { openShamirRootKey } from './shamir-root-key.js';

/** What a provider may need beside the place that the setting names. */
export type RootKeyOptions = PrivatePlace & PassphraseSource;

/** Opens what stands behind the colon of a setting; undefined where there is nothing yet. */
type Opener = (place: string, options: RootKeyOptions) => Promise<RootKeyProvider | undefined>;

/** The providers that there are, by what a setting begins with. */
const OPENERS: Readonly<Record<RootKeyKind, Opener>> = {
  file: (path, options) => openFileRootKey(path, options),
  passphrase: (path, options) => openPassphraseRootKey(path, options),
  shamir: (path) => openShamirRootKey(path),
  openbao: async (url, options) => openOpenBaoRootKey(url, options),
  pkcs11: async (uri, options) => openPkcs11RootKey(uri, options),
  aws: async (arn) => openAwsRootKey(arn),
};

/** What a root key setting looks like: a kind of provider, a colon and where it is. */
export const ROOT_KEY_KINDS = Object.keys(OPENERS) as readonly RootKeyKind[];

/**
 * Opens the root key that a setting names, such as `file:/run/bulla/root.key`.
 * @returns undefined where its file is not there
 * @throws {RootKeyRefused} in one line, naming what was expected and never a key
 */
export async function openRootKey(setting: string, options: RootKeyOptions): Promise<RootKeyProvider | undefined> {
  const [kind = '', ...place] = setting.split(':');
  const open = Object.hasOwn(OPENERS, kind) ? OPENERS[kind as RootKeyKind] : undefined;
  if (open === undefined)
    throw new RootKeyRefused(`BULLA_ROOT_KEY: expected ${ROOT_KEY_KINDS.map((one) => `${one}:…`).join(' or ')}`);
  return open(place.join(':'), options);
}
