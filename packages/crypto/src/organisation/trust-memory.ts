import type { DirectoryDocument } from './directory.js';
import type { ParsedDocument } from '../tokens/document.js';
import { CryptoError } from '../names/errors.js';
import type { PolicyDocument } from './policy.js';
import type { VerifiedDocuments } from './trust-documents.js';

/**
 * What a party must not forget about an organisation, as plain JSON: nothing it accepts later may be older than
 * this, fork from it or lose what it holds (protocol.md §4). Without `revoked` and `withdrawn` (a table that
 * keeps versions and hashes only) pass them empty.
 */
export interface TrustMemory {
  readonly root: SeenDocument;
  readonly policy: SeenDocument;
  readonly directory: SeenDirectory;
  /** Hashes of the directories before that one, from version 1 on; absent where they are not known. */
  readonly hashes?: readonly string[];
  readonly revoked: readonly SeenRevocation[];
  readonly withdrawn: readonly { readonly sub: string; readonly below: number }[];
}

export interface SeenDocument {
  readonly version: number;
  /** base64url SHA-256 of the payload. */
  readonly hash: string;
}

export interface SeenDirectory extends SeenDocument {
  /** As it states it, in base64url; absent where it is of spec 1. */
  readonly chain?: string;
}

export interface SeenRevocation {
  readonly kid: string;
  /** End of the key in seconds, as its record said; absent if no record of it was seen. */
  readonly end?: number;
}

/**
 * What to remember of verified documents; `before` adds the ends of keys whose records have since gone.
 * @param hashes of all directories before, if they are known
 */
export function remember(
  { root, policy, directory }: VerifiedDocuments,
  before: TrustMemory | undefined,
  hashes: readonly string[] | undefined,
): TrustMemory {
  const ends = new Map<string, number>();
  for (const { kid, end } of before?.revoked ?? []) if (end !== undefined) ends.set(kid, end);
  for (const { keys } of Object.values(directory.payload.entities)) for (const { kid, end } of keys) ends.set(kid, end);
  return {
    root: { version: root.payload.version, hash: root.hash },
    policy: { version: policy.payload.version, hash: policy.hash },
    directory: {
      version: directory.payload.version,
      hash: directory.hash,
      ...(directory.payload.chain !== undefined && { chain: directory.payload.chain }),
    },
    ...(hashes !== undefined && { hashes }),
    revoked: directory.payload.revoked.map(({ kid }) => {
      const end = ends.get(kid);
      return end === undefined ? { kid } : { kid, end };
    }),
    withdrawn: directory.payload.withdrawn,
  };
}

/**
 * Checks that documents continue what was seen: no version falls, no version has two contents, `prev` of the
 * next version names the one held, and what was revoked or withdrawn still is.
 * @param now seconds; a revocation may leave only after its key's end.
 * @throws {CryptoError} trust_rollback
 */
export function checkContinues(
  memory: TrustMemory,
  { roots, policy, directory }: VerifiedDocuments,
  now: number,
): void {
  // guard: memory-root
  if (roots[memory.root.version - 1]?.hash !== memory.root.hash)
    throw rollback('the root is older or another one', 'root-rollback');
  checkSucceeds(memory.policy, policy, 'policy');
  checkSucceeds(memory.directory, directory, 'directory');
  const revoked = new Set(directory.payload.revoked.map(({ kid }) => kid));
  for (const { kid, end } of memory.revoked) {
    // A key whose end was never seen stays revoked for ever: nobody could tell that it has ended.
    // guard: memory-revoked
    if (
      !revoked.has(kid) &&
      (end === undefined || now < end) // guard: memory-ends without: (end !== undefined && now < end)
    )
      throw rollback('a revocation is missing', 'directory-revoked');
  }
  const withdrawn = new Map(directory.payload.withdrawn.map(({ sub, below }) => [sub, below]));
  for (const { sub, below } of memory.withdrawn) {
    // guard: memory-withdrawn
    if ((withdrawn.get(sub) ?? 0) < below) throw rollback('a withdrawn version is back', 'directory-withdrawn');
  }
}

function checkSucceeds(
  seen: SeenDocument,
  next: ParsedDocument<PolicyDocument | DirectoryDocument>,
  what: 'policy' | 'directory',
): void {
  const { version, prev } = next.payload;
  // guard: memory-rollback
  if (version < seen.version) throw rollback(`the ${what} is older than one already seen`, `${what}-rollback`);
  // guard: memory-fork
  if (version === seen.version && next.hash !== seen.hash)
    throw rollback(`the ${what} has two contents under one version`, `${what}-fork`);
  // guard: memory-prev
  if (version === seen.version + 1 && prev !== seen.hash)
    throw rollback(`the ${what} does not follow the one held`, `${what}-prev`);
}

function rollback(message: string, check: string): CryptoError {
  return new CryptoError('trust_rollback', message, { check });
}
