import { parseDirectory, parsePolicy, parseRoot, pinOf } from '@bulla/crypto';
import type { Home } from '../home/home.js';
import { documentKeyName, findDocumentSigner, nextKeyName } from './document-key.js';
import { setAside } from '../home/set-aside.js';
import { versionName } from './replaced-documents.js';
import type { TrustState } from '../../trust/trust-store.js';
import { FileTrustStore } from '../trust-store.js';

/** What this folder's owner has seen of the organisation whose root lies here, and of no other one of its name. */
export async function seenAtHome(home: Home, org: string): Promise<TrustState | undefined> {
  const root = await home.read(`org/${org}/root.json`);
  return root === undefined ? undefined : new FileTrustStore(home).load(org, pinOf(await parseRoot(root)));
}

/**
 * Takes over the policy and directory that this folder's owner has come to trust since they were last signed here: by a
 * command that changed who belongs to the organisation, or by somebody else who signs for it. So the next
 * signed document stands on the newest one: on an older one it would sign a revocation away (protocol.md §4).
 */
export async function adoptSeenDocuments(home: Home, org: string): Promise<void> {
  const state = await seenAtHome(home, org);
  if (state === undefined) return;
  const { roots, policy, directory } = state.documents;
  await adoptRoots(home, `org/${org}`, roots);
  await adopt(home, `org/${org}`, 'policy', policy, versionOfPolicy);
  await adopt(home, `org/${org}`, 'directory', directory, versionOfDirectory);
}

/** Roots that somebody published, and the keys that the newest lists, which wait here under another name. */
async function adoptRoots(home: Home, folder: string, roots: readonly string[]): Promise<void> {
  for (const [index, token] of roots.entries()) {
    const name = index === 0 ? `${folder}/root.json` : `${folder}/root.${index + 1}.json`;
    const stored = await home.read(name);
    if (stored === token) continue;
    // One that was signed here and never published.
    if (stored !== undefined) await setAside(home, name, 'replaced');
    await home.write(name, token);
  }
  const { roles } = (await parseRoot(roots.at(-1) ?? '')).payload;
  for (const role of ['root', 'policy', 'directory'] as const) {
    const next = nextKeyName(folder, role);
    const signer = await findDocumentSigner(home, next);
    if (signer === undefined || !roles[role].kids.includes(signer.kid)) continue;
    const text = await home.read(next);
    const name = documentKeyName(folder, role, 1);
    await setAside(home, name, 'replaced');
    if (text !== undefined) await home.write(name, text);
    await home.remove(next);
  }
}

async function adopt(
  home: Home,
  folder: string,
  kind: 'policy' | 'directory',
  seen: string,
  versionOf: (token: string) => Promise<number>,
): Promise<void> {
  const name = `${folder}/${kind}.json`;
  const stored = await home.read(name);
  if (stored === undefined || stored === seen) return;
  const version = await versionOf(stored);
  if (version > (await versionOf(seen))) return;
  await home.write(versionName(folder, kind, version), stored);
  await home.write(name, seen);
}

async function versionOfPolicy(token: string): Promise<number> {
  return (await parsePolicy(token)).payload.version;
}

async function versionOfDirectory(token: string): Promise<number> {
  return (await parseDirectory(token)).payload.version;
}
