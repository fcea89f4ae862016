import { Trust } from '@bulla/crypto';
import type { HostileVault } from './hostile-vault.js';
import type { Lie } from './lie.js';
import { rolledBack } from './lie.js';

/**
 * Removes the author from their groups, shows that, and then a branch from before it, three versions on: somebody whose
 * machine was shown the older one as the newest has signed there. With hashes as the vault makes them of both.
 */
async function serveBranch(
  vault: HostileVault,
  hashesOf: (branch: readonly string[], trunk: readonly string[]) => readonly string[],
): Promise<void> {
  const { organisation } = vault;
  const { author, org, pin, now } = organisation;
  let branch = organisation.trust;
  await organisation.publish((draft) => {
    Object.assign(draft.entities[author.urn] ?? {}, { groups: [] });
  });
  await vault.shown();
  for (let count = 0; count < 3; count++) {
    const { ver, hash } = branch.directoryRef;
    const next = { ...branch.directory, version: ver + 1, prev: hash, chain: await branch.nextChain() };
    const directory = await organisation.sign('directory', { ...next, kept: [hash] });
    branch = await Trust.establish({ ...branch.documents, directory }, { org, pin, now, previous: branch });
  }
  const own = [...(branch.memory.hashes ?? []), branch.directoryRef.hash];
  const hashes = hashesOf(own, organisation.hashes.hashes);
  vault.serve(branch.documents);
  vault.hashes = (from) => hashes.slice(from - 1);
}

/** Lies about trust that take a while: the vault shows nothing for some versions, then another branch. */
export const LIES_OVER_A_GAP: readonly Lie[] = [
  {
    name: 'a branch on which somebody is back in a group, with its own hashes',
    tell: (vault) => serveBranch(vault, (branch) => branch),
    client: rolledBack('directory-chain'),
  },
  {
    name: 'a branch on which somebody is back in a group, with the hashes of the right one',
    tell: (vault) => serveBranch(vault, (_, trunk) => trunk),
    client: rolledBack('directory-chain'),
  },
  {
    name: 'a branch on which somebody is back in a group, with the right hash of what the client holds and its own after',
    tell: (vault) => serveBranch(vault, (branch, trunk) => [...trunk.slice(0, 3), ...branch.slice(3)]),
    client: rolledBack('directory-chain'),
  },
  {
    name: 'a branch on which somebody is back in a group, without hashes',
    tell: (vault) => serveBranch(vault, () => []),
    client: rolledBack('directory-chain'),
  },
];
