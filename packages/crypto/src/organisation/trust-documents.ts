import type { DirectoryDocument } from './directory.js';
import { parseDirectory, readDirectoryHead } from './directory.js';
import type { ParsedDocument } from '../tokens/document.js';
import { requireSignatures, requireSignedToken } from '../tokens/document.js';
import { ROOT_TAKEN_SECONDS, SKEW_SECONDS } from '../names/limits.js';
import { checkLife, secondsOf } from '../tokens/document-times.js';
import { CryptoError } from '../names/errors.js';
import type { PolicyDocument } from './policy.js';
import { parsePolicy } from './policy.js';
import type { RootDocument } from './root.js';
import { verifyRootChain } from './root.js';

/** The signed documents of an organisation, as tokens. */
export interface TrustDocuments {
  /** Versions 1 to N, in order. */
  readonly roots: readonly string[];
  readonly policy: string;
  readonly directory: string;
  /** What renewers say: that this directory is the newest. */
  readonly fresh?: readonly string[];
}

/**
 * The same, read and verified against each other; whether they are fresh and follow what was seen is open. Roots that do
 * not count yet are left out.
 */
export interface VerifiedDocuments {
  readonly roots: readonly ParsedDocument<RootDocument>[];
  /** The newest of them. */
  readonly root: ParsedDocument<RootDocument>;
  readonly policy: ParsedDocument<PolicyDocument>;
  readonly directory: ParsedDocument<DirectoryDocument>;
}

export interface DocumentExpectation {
  readonly org: string;
  /** `sha256:` and 64 hexadecimal digits, obtained out of band. */
  readonly pin: string;
  /** Seconds. */
  readonly now: number;
  /**
   * For evidence: verifies policy and directory under the root version that each states, which must be in the
   * chain, and not under the newest too.
   */
  readonly underStatedRoot?: boolean;
}

/** The check by which a party with memory knows that it keeps what it has (docs/spec/root.md). */
export const ROOT_AHEAD_CHECK = 'root-ahead';

/** How long a directory may live. */
export const DIRECTORY_DAYS_MAX = 90;

/**
 * Verifies documents in this order: the root chain from the pin, which of its roots count by now, policy and directory by
 * their thresholds, the directory's life, the policy that it names, and that nothing is dated in the future.
 * @param seenRoot version of the newest root that this party trusted before; undefined at first contact.
 * @throws {CryptoError} pin_mismatch, signature_invalid, trust_rollback, clock_skew, token_malformed,
 *   payload_too_large, key_invalid
 */
export async function verifyDocuments(
  documents: TrustDocuments,
  expected: DocumentExpectation,
  seenRoot?: number,
): Promise<VerifiedDocuments> {
  const chain = await verifyRootChain(documents.roots, expected);
  const roots =
    expected.underStatedRoot === true ? chain.roots : countingRoots(chain.roots, documents, expected.now, seenRoot);
  const root = roots.at(-1) ?? chain.newest;
  const shown = { roots, all: chain.roots };
  const policy = await readSigned('policy', documents.policy, parsePolicy, shown, expected);
  const directory = await readSigned('directory', documents.directory, parseDirectory, shown, expected);
  // guard: root-with-policy
  if (seenRoot !== undefined && root.payload.version > seenRoot && policy.payload.root_version !== root.payload.version)
    throw rollback('the policy was not signed under the newer root', 'policy-root-version');
  // guard: directory-life
  checkLife(directory.payload, DIRECTORY_DAYS_MAX);
  const named = directory.payload.policy;
  // guard: directory-names-policy
  if (named.hash !== policy.hash || named.version !== policy.payload.version) {
    throw rollback('the policy is not the one the directory names', 'directory-policy');
  }
  for (const { issued } of [root.payload, policy.payload, directory.payload]) {
    // guard: document-issued
    if (secondsOf(issued) > expected.now + policy.payload.max_skew) {
      throw new CryptoError('clock_skew', 'a document is dated in the future', { check: 'document-issued' });
    }
  }
  return { roots, root, policy, directory };
}

/**
 * The roots of a chain by which its policy and directory are judged. One that is dated ahead is passed over, and so is one
 * that came without documents of its own (protocol.md A21): it is taken together with them, or not at all.
 */
function countingRoots(
  roots: readonly ParsedDocument<RootDocument>[],
  documents: TrustDocuments,
  now: number,
  seen: number | undefined,
): readonly ParsedDocument<RootDocument>[] {
  const isAhead = ({ payload: { version, issued } }: ParsedDocument<RootDocument>) =>
    version > Math.max(1, seen ?? 1) && secondsOf(issued) > now + SKEW_SECONDS;
  const ahead = roots.findIndex(isAhead);
  if (ahead < 0 && (seen === undefined || seen >= roots.length)) return roots;
  const present = ahead < 0 ? roots : roots.slice(0, ahead);
  const { root_version: stated } = readDirectoryHead(documents.directory);
  // guard: root-ahead
  if (stated > present.length && stated <= roots.length)
    throw new CryptoError('clock_skew', 'the newest root is dated ahead of this clock', { check: ROOT_AHEAD_CHECK });
  if (seen === undefined || stated >= present.length) return present;
  // guard: root-alone without: return present;
  return present.slice(0, Math.max(seen, stated));
}

/** The chain of roots that count, and all that were shown: where one ends, the next says. */
interface ShownRoots {
  readonly roots: readonly ParsedDocument<RootDocument>[];
  readonly all: readonly ParsedDocument<RootDocument>[];
}

/**
 * Reads a policy or directory after enough keys of its role have signed it, and checks whose it is and that it was issued
 * while the root counted that it states. Which root that is stands in it, so that evidence, which is judged by that root
 * alone, has to be read first.
 */
async function readSigned<Document extends PolicyDocument | DirectoryDocument>(
  role: 'policy' | 'directory',
  token: string,
  parse: (token: string) => Promise<ParsedDocument<Document>>,
  { roots, all }: ShownRoots,
  { org, underStatedRoot = false }: DocumentExpectation,
): Promise<ParsedDocument<Document>> {
  const check = `${role}-signatures`;
  const newest = roots.at(-1)?.payload;
  // guard: directory-threshold
  if (!underStatedRoot && newest !== undefined)
    await requireSignedToken(token, `bulla-${role}`, newest.roles[role], newest.keys, check);
  const document = await parse(token);
  const { org: stated, root_version: version } = document.payload;
  // guard: document-organisation
  if (stated !== org) {
    throw new CryptoError('token_malformed', `the ${role} is of another organisation`, {
      check: `${role}-organisation`,
    });
  }
  const statedRoot = roots[version - 1]?.payload;
  // guard: document-root-version
  if (statedRoot === undefined) {
    throw rollback(`the ${role} was signed under a newer root`, `${role}-root-version`);
  }
  // Under the newest root its signatures have been counted already.
  // guard: policy-threshold
  if (underStatedRoot || statedRoot !== newest)
    await requireSignatures(document, statedRoot.roles[role], statedRoot.keys, check);
  requireOfRoot(role, document.payload.issued, statedRoot, all[version]?.payload);
  return document;
}

/**
 * A document is of the life of its root, which ends with it or with the one that replaced it (protocol.md A11). The vault
 * may have taken that one a quarter of an hour after its moment.
 */
function requireOfRoot(
  role: 'policy' | 'directory',
  issued: string,
  root: RootDocument,
  replacement: RootDocument | undefined,
): void {
  const at = secondsOf(issued);
  const replaced = replacement ? [secondsOf(replacement.issued) + ROOT_TAKEN_SECONDS] : [];
  const end = Math.min(secondsOf(root.expires), ...replaced);
  if (
    at < secondsOf(root.issued) - SKEW_SECONDS || // guard: document-before-root
    at > end + SKEW_SECONDS // guard: document-after-root
  ) {
    throw new CryptoError('signature_invalid', `the ${role} was not issued while the root that it states counted`, {
      check: `${role}-root-life`,
    });
  }
}

function rollback(message: string, check: string): CryptoError {
  return new CryptoError('trust_rollback', message, { check });
}
