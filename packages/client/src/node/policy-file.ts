import type { DirectoryDocument, PolicyDocument } from '@bulla/crypto';
import {
  findLockOut,
  parseDirectory,
  parsePolicy,
  requireSeconds,
  secondsOf,
  signDocument,
  timestampOf,
} from '@bulla/crypto';
import { requireNobodyLockedOut } from '../locked-out.js';
import { findDocumentSigner } from './document-key.js';
import type { Home } from './home.js';
import { HomeError } from './home.js';
import { namedPolicy } from './named-policy.js';
import { versionName } from './replaced-documents.js';
import { policySettings, requirePolicySettings } from './policy-settings.js';
import { setAside } from './set-aside.js';

/**
 * Signs the next policy of the organisation whose key lies in a folder. It counts once a directory names it, which is
 * signed when the organisation is renewed next.
 * @param value the settings, unchecked.
 * @param now seconds.
 * @param say is told what is put out of the way: a policy that an earlier version signed and no vault takes.
 * @returns the version that says so: the newest there was, if it says the same.
 * @throws {CryptoError} token_malformed naming the member that is wrong; {HomeError} if the key is not here;
 *   {BullaError} validation_failed where it would lock everybody out
 */
export async function signNextPolicy(
  home: Home,
  org: string,
  value: unknown,
  now: number,
  say: (line: string) => void = () => undefined,
): Promise<number> {
  requireSeconds(now);
  const settings = requirePolicySettings(value);
  const folder = `org/${org}`;
  const name = `${folder}/policy.json`;
  const listed = await home.read(`${folder}/directory.json`);
  const directory = listed === undefined ? undefined : (await parseDirectory(listed)).payload;
  const stored = await takenPolicy(home, folder, directory, now, say);
  const signer = await findDocumentSigner(home, `${folder}/policy.key`);
  if (stored === undefined || signer === undefined) {
    throw new HomeError(`${home.path(`${folder}/policy.key`)} is not here, and it must sign the policy`);
  }
  const { payload: before, hash } = await parsePolicy(stored);
  const { fresh_days: _, ...kept } = before;
  const isSame = JSON.stringify(settings) === JSON.stringify(policySettings(before));
  // What a policy of before leaves unsaid means something else.
  if (isSame && before.spec === '2') return before.version;
  const policy: PolicyDocument = {
    ...kept,
    ...settings,
    spec: '2',
    version: before.version + 1,
    root_version: Math.max(before.root_version, await newestRoot(home, folder)),
    prev: hash,
    issued: timestampOf(now),
    expires: timestampOf(now + secondsOf(before.expires) - secondsOf(before.issued)),
  };
  const token = await signDocument(policy, [signer]);
  // Read as everybody will read it, before anything is kept.
  const { payload: read } = await parsePolicy(token);
  if (directory !== undefined) {
    const named = (await namedPolicy(home, folder, directory))?.payload ?? before;
    requireNobodyLockedOut({ policy: named, directory }, { policy: read, directory }, now);
  }
  await home.write(versionName(folder, 'policy', before.version), stored);
  await home.write(name, token);
  return policy.version;
}

/** The newest policy here; one that no vault takes, since it would lock everybody out, gives way to the one that counts. */
async function takenPolicy(
  home: Home,
  folder: string,
  directory: DirectoryDocument | undefined,
  now: number,
  say: (line: string) => void,
): Promise<string | undefined> {
  const name = `${folder}/policy.json`;
  const stored = await home.read(name);
  const named = directory === undefined ? undefined : await namedPolicy(home, folder, directory);
  if (stored === undefined || directory === undefined || named === undefined || named.token === stored) return stored;
  const { payload: policy } = await parsePolicy(stored);
  if (findLockOut({ policy: named.payload, directory }, { policy, directory }, now) === undefined) return stored;
  const aside = await setAside(home, name, 'refused');
  await home.write(name, named.token);
  say(`policy version ${policy.version} would have locked everybody out and was never taken: kept as ${aside}`);
  return named.token;
}

/** The number of the newest root in a folder: one may have come since the policy before was signed. */
async function newestRoot(home: Home, folder: string): Promise<number> {
  let version = 1;
  while ((await home.read(`${folder}/root.${version + 1}.json`)) !== undefined) version++;
  return version;
}
