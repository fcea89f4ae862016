import { Problem } from '@bulla/contract';
import type { DirectoryHead, Trust } from '@bulla/crypto';

/**
 * Checks that a document was made on the newest of its kind.
 * @throws {Problem} version_conflict
 */
export function requireNewest(basedOn: number, newest: number | undefined): void {
  // guard: vault-publish-if-match
  if (basedOn !== newest) throw new Problem('version_conflict');
}

/**
 * Before anything is parsed or verified: most of what is refused says itself that it does not fit.
 * @param root version of the root under which the directory must be signed.
 * @throws {Problem} version_conflict
 */
export async function requireNext(head: DirectoryHead, trust: Trust, root: number): Promise<void> {
  const { version, root_version: rootVersion, prev, chain } = head;
  // What follows a directory of spec 1 is folded from all before it, later.
  const expected = trust.directory.chain === undefined ? chain : await trust.nextChain();
  if (
    version !== trust.directory.version + 1 || // guard: vault-publish-next
    prev !== trust.directoryRef.hash || // guard: vault-publish-prev
    chain !== expected || // guard: vault-publish-chain
    rootVersion !== root // guard: vault-publish-old-root
  ) {
    throw new Problem('version_conflict', { detail: 'the directory does not continue the newest one' });
  }
}
