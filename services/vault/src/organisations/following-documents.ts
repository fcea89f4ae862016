import type { NewRoot } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { ParsedDocument, RootDocument, TrustDocuments } from '@bulla/crypto';
import { CryptoError, parseRoot, readDirectoryHead, requireSignedToken, Trust } from '@bulla/crypto';
import { requireNext } from './next-document.js';
import type { OrganisationsRepository } from './organisations.repository.js';
import { requireServable } from './signed-form.js';

/**
 * Checks what costs little of a root and what comes with it: that they follow the newest, and that those have signed the
 * root who must by the newest. Nobody else can have the vault verify the rest.
 * @throws {Problem} version_conflict, validation_failed; {CryptoError} signature_invalid, token_malformed, …
 */
export async function requireSignedRoot(
  trust: Trust,
  { root, policy, directory }: NewRoot,
): Promise<ParsedDocument<RootDocument>> {
  await requireNext(readDirectoryHead(directory), trust, trust.root.version + 1);
  for (const token of [root, policy, directory]) requireServable(token);
  const { roles, keys } = trust.root;
  // guard: vault-root-signed
  await requireSignedToken(root, 'bulla-root', roles.root, keys, 'root-signatures');
  return parseRoot(root);
}

/**
 * Verifies documents as those that follow the newest.
 * @param now seconds
 * @throws {Problem} version_conflict; {CryptoError} as Trust.establish
 */
export async function establishFollowing(
  documents: TrustDocuments,
  previous: Trust,
  { organisations, now }: { readonly organisations: OrganisationsRepository; readonly now: number },
): Promise<Trust> {
  const { org, pin } = previous;
  // The first directory with a chain follows all that had none.
  const isFirst = previous.memory.directory.chain === undefined;
  const hashes = isFirst ? await organisations.hashesFrom(org, 1) : undefined;
  try {
    return await Trust.establish(documents, {
      org,
      pin,
      now,
      previous, // guard: vault-publish-continues
      hashes,
    });
  } catch (error) {
    if (error instanceof CryptoError && error.code === 'trust_rollback') {
      throw new Problem('version_conflict', { detail: `it does not continue what was published: ${error.message}` });
    }
    throw error;
  }
}
