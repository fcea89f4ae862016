import type { DirectoryDocument, PolicyDocument } from '@bulla/crypto';
import { parsePolicy } from '@bulla/crypto';
import type { Home } from '../home/home.js';
import { versionName } from './replaced-documents.js';

/**
 * The policy that a directory in a folder names: the newest there, or one that was replaced since.
 * @param folder `org/<org>`.
 * @returns undefined where it is not kept here.
 */
export async function namedPolicy(
  home: Home,
  folder: string,
  { policy: { version, hash } }: DirectoryDocument,
): Promise<{ readonly token: string; readonly payload: PolicyDocument } | undefined> {
  for (const name of [`${folder}/policy.json`, versionName(folder, 'policy', version)]) {
    const token = await home.read(name);
    const parsed = token === undefined ? undefined : await parsePolicy(token);
    if (token !== undefined && parsed?.hash === hash) return { token, payload: parsed.payload };
  }
  return undefined;
}
