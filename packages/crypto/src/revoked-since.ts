import { parseDirectory } from './directory.js';
import type { ParsedDocument } from './document.js';
import { parseEnvelope } from './envelope.js';
import { CryptoError } from './errors.js';
import type { Evidence } from './evidence.js';
import { fingerprint } from './fingerprint.js';
import { parseInnerInvocation } from './invocation.js';
import { parsePolicy } from './policy.js';
import { parseFin } from './reply.js';
import { parseRoot } from './root.js';
import { parseTag } from './tag.js';
import type { Trust } from './trust.js';

/**
 * What of verified evidence no longer counts under a newer trust, for people; empty if everything does. A key that
 * is revoked counts no more, nor one that a directory as new no longer lists, nor a document whose role lost so many of
 * its signers.
 * @throws {CryptoError} pin_mismatch for another organisation's trust; trust_rollback if the two directories are a fork
 */
export async function findRevoked(evidence: Evidence, then: Trust, newer: Trust): Promise<readonly string[]> {
  if (newer.org !== then.org || newer.pin !== then.pin) {
    throw new CryptoError('pin_mismatch', 'the newer trust is of another organisation');
  }
  // guard: answer-fork
  if (isFork(then, newer)) throw new CryptoError('trust_rollback', 'the directory has been forked');
  // Whoever made the answer chose its directory's version: only the absence of a key may depend on it.
  const isOlder = newer.directoryRef.ver < then.directoryRef.ver;
  const keys: (readonly [of: string, kid: string])[] = [
    ['envelope', parseEnvelope(evidence.envelope).header.kid],
    ['reply', parseFin(evidence.fin).header.kid],
    ...evidence.tags.map((tag) => ['tag', parseTag(tag).header.kid] as const),
  ];
  if (evidence.invocation !== undefined) keys.push(['question', parseInnerInvocation(evidence.invocation).header.kid]);
  const gone = keys.flatMap(([of, kid]) => {
    // guard: answer-revoked
    if (newer.isRevoked(kid)) return [`key ${fingerprint(kid)} of the ${of} is revoked`];
    return isOlder || newer.holder(kid)?.urn === then.holder(kid)?.urn
      ? []
      : [`key ${fingerprint(kid)} of the ${of} is no longer listed`];
  });
  if (newer.root.version < then.root.version) return gone;
  const { policy, directory } = then.documents;
  if (await lostItsSigners(await parsePolicy(policy), 'policy', then, newer))
    gone.push('keys that signed the policy are no longer in root');
  if (await lostItsSigners(await parseDirectory(directory), 'directory', then, newer))
    gone.push('keys that signed the directory are no longer in root');
  return gone;
}

/** Whether two directories cannot stand in one chain, as far as the hashes tell that the newer trust has seen. */
function isFork(one: Trust, other: Trust): boolean {
  const [lower, upper] = one.directoryRef.ver < other.directoryRef.ver ? [one, other] : [other, one];
  if (lower.directoryRef.ver === upper.directoryRef.ver) return lower.directoryRef.hash !== upper.directoryRef.hash;
  const known = upper.memory.hashes?.[lower.directoryRef.ver - 1];
  // guard: answer-fork-gap
  if (known !== undefined && known !== lower.directoryRef.hash) return true;
  return lower.directoryRef.ver + 1 === upper.directoryRef.ver && upper.directory.prev !== lower.directoryRef.hash;
}

async function lostItsSigners(
  document: ParsedDocument<{ readonly root_version: number }>,
  role: 'policy' | 'directory',
  then: Trust,
  newer: Trust,
): Promise<boolean> {
  const stated = (await parseRoot(then.documents.roots[document.payload.root_version - 1] ?? '')).payload.roles[role];
  const left = document.signatures.filter(
    ({ kid }) => stated.kids.includes(kid) && newer.root.roles[role].kids.includes(kid),
  );
  // guard: answer-dropped-signer without: return false;
  return left.length < stated.threshold;
}
