import type { Finding } from './answer-finding.js';
import { momentOf } from './answer-finding.js';
import { documentSignatures } from '../tokens/document.js';
import { parseEnvelope } from '../run/envelope.js';
import { CryptoError } from '../names/errors.js';
import type { Evidence } from './evidence.js';
import { fingerprint } from '../keys/fingerprint.js';
import { parseInnerInvocation } from '../run/invocation.js';
import { kindAsked } from '../run/question.js';
import { parseFin } from '../run/reply.js';
import type { RootDocument } from '../organisation/root.js';
import { parseRoot } from '../organisation/root.js';
import { parseTag } from '../prompt/tag.js';
import type { Trust } from '../organisation/trust.js';

/** What of a good answer no longer counts. */
export interface Revoked {
  /** For people, one of each key or document; empty if everything still counts, as far as was looked. */
  readonly gone: readonly string[];
  /** `issued` of the document that says so. */
  readonly since: string;
}

/** A key of the answer, and when it was used. */
interface UsedKey {
  readonly of: string;
  readonly kid: string;
  /** Seconds. */
  readonly at: number;
}

/**
 * What of a good answer no longer counts: a key that a newer directory revokes, or no longer lists where it is no older than
 * the answer's; a document whose role lost so many of its signers by the newest root of both chains. Without newer
 * documents only the answer's own roots are looked at.
 * @throws {CryptoError} pin_mismatch for another organisation's trust; trust_rollback if the directories or the roots are a
 *   fork
 */
export async function findRevoked(
  evidence: Evidence,
  then: Trust,
  newer: Trust | undefined,
): Promise<Finding<Revoked>> {
  const { root, isOwn } = await newestRoot(then, newer);
  const droppedSigners = await droppedBy(root, then);
  const own = `the file's own roots, up to ${then.root.version} of ${then.root.issued}`;
  if (newer === undefined) {
    const nothing = 'not looked for: there are no newer documents here';
    const detail = droppedSigners.length > 0 ? droppedSigners.join('; ') : nothing;
    const value = { gone: droppedSigners, since: root.issued };
    return { value, detail, against: own, isNotLookedFor: droppedSigners.length === 0 };
  }
  const keys = usedKeys(evidence);
  const gone = keys.flatMap((key) => revokedKey(key, then, newer));
  const since = gone.length > 0 || !isOwn ? newer.directory.issued : root.issued;
  const { version, issued } = newer.directory;
  const against = `directory ${version} of ${issued}, root ${root.version} of ${root.issued}`;
  const all = [...gone, ...droppedSigners];
  const value = { gone: all, since };
  if (all.length > 0) return { value, detail: all.join('; '), against };
  // guard: answer-compared-with without: const isNewer = true;
  const isNewer = version > then.directory.version;
  if (!isNewer) {
    const how = version === then.directory.version ? 'the answer’s own' : 'older than the answer’s';
    const detail = `nothing was revoked by directory ${version} of ${issued}, but that is ${how}: what came later was not looked for`;
    return { value, detail, against, isNotLookedFor: true };
  }
  const ended = keys.flatMap((key) => endedBefore(key, newer)).join('');
  return { value, detail: `no key was revoked or dropped by directory ${version} of ${issued}${ended}`, against };
}

function usedKeys({ envelope, fin, tags, invocation }: Evidence): UsedKey[] {
  const reply = parseFin(fin);
  const signed: (readonly [string, { header: { kid: string }; claims: { iat: number } }])[] = [
    ['envelope', parseEnvelope(envelope)],
    ['reply', reply],
    ...tags.map((tag) => ['tag', parseTag(tag)] as const),
  ];
  if (invocation !== undefined) signed.push(['question', parseInnerInvocation(invocation, kindAsked(reply.claims))]);
  return signed.map(([of, { header, claims }]) => ({ of, kid: header.kid, at: claims.iat }));
}

/** The answer's maker chose its directory's version. So only the absence of a key may depend on that version. */
function revokedKey({ of, kid }: UsedKey, then: Trust, newer: Trust): string[] {
  // guard: answer-revoked
  if (newer.isRevoked(kid)) return [`key ${fingerprint(kid)} of the ${of} is revoked`];
  const isOlder = newer.directoryRef.ver < then.directoryRef.ver;
  return isOlder || newer.holder(kid)?.urn === then.holder(kid)?.urn
    ? []
    : [`key ${fingerprint(kid)} of the ${of} is no longer listed`];
}

/** A key that by the newer directory was to sign nothing more when it did: said, for clocks and directories travel. */
function endedBefore({ of, kid, at }: UsedKey, newer: Trust): string[] {
  const end = newer.holder(kid)?.record.use_until ?? at;
  return end >= at
    ? []
    : [`; but by it key ${fingerprint(kid)} of the ${of} was to be used until ${momentOf(end)} only`];
}

/**
 * The newest root of both chains, which must be one chain as far as both go.
 * @throws {CryptoError} pin_mismatch, trust_rollback
 */
async function newestRoot(
  then: Trust,
  newer: Trust | undefined,
): Promise<{ readonly root: RootDocument; readonly isOwn: boolean }> {
  if (newer === undefined) return { root: then.root, isOwn: true };
  if (newer.org !== then.org || newer.pin !== then.pin) {
    throw new CryptoError('pin_mismatch', 'the newer trust is of another organisation');
  }
  // guard: answer-fork
  if (isFork(then, newer)) throw new CryptoError('trust_rollback', 'the directory has been forked');
  // guard: answer-root-fork
  if (await areRootsForked(then, newer)) throw new CryptoError('trust_rollback', 'the root has been forked');
  // guard: answer-newest-root without: const isOwn = false;
  const isOwn = then.root.version > newer.root.version;
  return { root: isOwn ? then.root : newer.root, isOwn };
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

/** Whether two chains of roots have another content at the last version of which both know. */
async function areRootsForked(one: Trust, other: Trust): Promise<boolean> {
  const last = Math.min(one.root.version, other.root.version) - 1;
  const [left, right] = await Promise.all([one, other].map(({ documents }) => parseRoot(documents.roots[last] ?? '')));
  return left?.hash !== right?.hash;
}

/** Documents of the answer that so many of their signers are no longer in a root for that too few are left. */
async function droppedBy(root: RootDocument, then: Trust): Promise<string[]> {
  const dropped: string[] = [];
  for (const role of ['policy', 'directory'] as const)
    if (await lostItsSigners(role, then, root)) dropped.push(`keys that signed the ${role} are no longer in root`);
  return dropped;
}

async function lostItsSigners(role: 'policy' | 'directory', then: Trust, root: RootDocument): Promise<boolean> {
  const { documents } = then;
  const stated = (await parseRoot(documents.roots[then[role].root_version - 1] ?? '')).payload.roles[role];
  const { signatures } = documentSignatures(documents[role], `bulla-${role}`);
  const { kids, threshold } = root.roles[role];
  const now = signatures.filter(({ kid }) => kids.includes(kid));
  // Cosigned by the new keys when root changed.
  if (now.length >= threshold) return false;
  // guard: answer-dropped-signer without: return false;
  return now.filter(({ kid }) => stated.kids.includes(kid)).length < stated.threshold;
}
