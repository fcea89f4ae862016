import { parsePolicy, secondsOf, signDocument, timestampOf } from '@bulla/crypto';
import { findDocumentSigner } from './document-key.js';
import type { Home } from './home.js';
import { HomeError } from './home.js';
import { versionName } from './replaced-documents.js';
import { policySettings, requirePolicySettings } from './policy-settings.js';

/**
 * Signs the next policy of the organisation whose key lies in a folder. It counts once a directory names it, which is
 * signed when the organisation is renewed next.
 * @param value the settings, unchecked.
 * @param now seconds.
 * @returns the version that says so: the newest there was, if it says the same.
 * @throws {CryptoError} token_malformed naming the member that is wrong; {HomeError} if the key is not here
 */
export async function signNextPolicy(home: Home, org: string, value: unknown, now: number): Promise<number> {
  const settings = requirePolicySettings(value);
  const folder = `org/${org}`;
  const name = `${folder}/policy.json`;
  const [stored, signer] = [await home.read(name), await findDocumentSigner(home, `${folder}/policy.key`)];
  if (stored === undefined || signer === undefined) {
    throw new HomeError(`${home.path(`${folder}/policy.key`)} is not here, and it must sign the policy`);
  }
  const { payload: before, hash } = await parsePolicy(stored);
  const { fresh_days: _, ...kept } = before;
  const isSame = JSON.stringify(settings) === JSON.stringify(policySettings(before));
  // What a policy of before leaves unsaid means something else.
  if (isSame && before.spec === '2') return before.version;
  const policy = {
    ...kept,
    ...settings,
    spec: '2',
    version: before.version + 1,
    prev: hash,
    issued: timestampOf(now),
    expires: timestampOf(now + secondsOf(before.expires) - secondsOf(before.issued)),
  };
  const token = await signDocument(policy, [signer]);
  // Read as everybody will read it, before anything is kept.
  await parsePolicy(token);
  await home.write(versionName(folder, 'policy', before.version), stored);
  await home.write(name, token);
  return policy.version;
}
