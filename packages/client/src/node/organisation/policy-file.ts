import type { DirectoryDocument, PolicyDocument, Signer, Trust } from '@bulla/crypto';
import {
  findLockOut,
  generateKeyPair,
  loadSigner,
  parseDirectory,
  parsePolicy,
  requireSeconds,
  secondsOf,
  signDocument,
  timestampOf,
} from '@bulla/crypto';
import { requireNobodyLockedOut } from '../../trust/locked-out.js';
import { findDocumentSigners } from './document-key.js';
import type { Home } from '../home/home.js';
import { HomeError } from '../home/home.js';
import { namedPolicy } from './named-policy.js';
import { versionName } from './replaced-documents.js';
import type { PolicySettings } from './policy-settings.js';
import { policySettings, requirePolicySettings, requireWorkingSwitches } from './policy-settings.js';
import { setAside } from '../home/set-aside.js';

/**
 * Signs the next policy of the organisation whose key lies in a folder. It counts once a directory names it, which is
 * signed when the organisation is renewed next.
 * @param value the settings, unchecked.
 * @param now seconds.
 * @param say is told what is put out of the way: a policy that an earlier version signed and no vault takes.
 * @returns the version that says so: the newest there was, if it says the same.
 * @throws {CryptoError} token_malformed naming the member that is wrong; {HomeError} if the key is not here;
 *   {BullaError} validation_failed where it would lock everybody out, or switches on what nothing answers to
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
  const signers = await findDocumentSigners(home, folder, 'policy');
  if (stored === undefined || signers.length === 0) {
    throw new HomeError(`${home.path(`${folder}/policy.key`)} is not here, and it must sign the policy`);
  }
  const { payload: before, hash } = await parsePolicy(stored);
  const isSame = JSON.stringify(settings) === JSON.stringify(policySettings(before));
  // What an earlier policy leaves unsaid means something else.
  if (isSame && before.spec === '2') return before.version;
  const rootVersion = Math.max(before.root_version, await newestRoot(home, folder));
  const { token, read } = await makePolicy({ before, hash }, settings, { rootVersion, now, signers });
  if (directory !== undefined) {
    const named = (await namedPolicy(home, folder, directory))?.payload ?? before;
    requireNobodyLockedOut({ policy: named, directory }, { policy: read, directory }, now);
  }
  await home.write(versionName(folder, 'policy', before.version), stored);
  await home.write(name, token);
  return read.version;
}

/**
 * Reads settings as the next policy, which is not signed with a key that counts and not kept.
 * @param value the settings, unchecked.
 * @param now seconds.
 * @throws as signNextPolicy, but for the key
 */
export async function tryPolicy(trust: Trust, value: unknown, now: number): Promise<PolicySettings> {
  requireSeconds(now);
  const settings = requirePolicySettings(value);
  const { payload: before, hash } = await parsePolicy(trust.documents.policy);
  const { privateJwk } = await generateKeyPair('ed25519', 'sig');
  const signer = await loadSigner(privateJwk, 'Ed25519');
  const { read } = await makePolicy({ before, hash }, settings, {
    rootVersion: before.root_version,
    now,
    signers: [signer],
  });
  const { directory } = trust;
  requireNobodyLockedOut({ policy: before, directory }, { policy: read, directory }, now);
  return settings;
}

/** Signs the policy after another one, and reads it as everybody will read it. */
async function makePolicy(
  { before, hash }: { readonly before: PolicyDocument; readonly hash: string },
  settings: PolicySettings,
  {
    rootVersion,
    now,
    signers,
  }: { readonly rootVersion: number; readonly now: number; readonly signers: readonly Signer[] },
): Promise<{ readonly token: string; readonly read: PolicyDocument }> {
  const { fresh_days: _days, witnesses: _witnesses, ...kept } = before;
  const policy: PolicyDocument = {
    ...kept,
    ...settings,
    spec: '2',
    version: before.version + 1,
    root_version: rootVersion,
    prev: hash,
    issued: timestampOf(now),
    expires: timestampOf(now + secondsOf(before.expires) - secondsOf(before.issued)),
  };
  const token = await signDocument(policy, signers);
  const { payload: read } = await parsePolicy(token);
  requireWorkingSwitches(policySettings(read));
  return { token, read };
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
