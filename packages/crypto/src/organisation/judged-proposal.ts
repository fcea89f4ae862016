import { CryptoError } from '../names/errors.js';
import { DOCUMENT_TAKEN_SECONDS, ROOT_AHEAD_SECONDS, ROOT_TAKEN_SECONDS, SKEW_SECONDS } from '../names/limits.js';
import { requireSeconds } from '../names/seconds.js';
import type { Signer } from '../keys/signer.js';
import type { DocumentKey, DocumentRole } from '../tokens/document.js';
import { cosignDocument, signersOf } from '../tokens/document.js';
import { checkLife, secondsOf } from '../tokens/document-times.js';
import type { DocumentPair } from './lock-out.js';
import type { NextDocuments, Proposal } from './proposal.js';
import { rewriteProposal } from './proposal.js';
import type { RootDocument } from './root.js';
import { parseRoot } from './root.js';
import { Trust } from './trust.js';
import type { TrustDocuments } from './trust-documents.js';
import { DIRECTORY_DAYS_MAX } from './trust-documents.js';
import type { TrustMemory } from './trust-memory.js';
import { checkContinues } from './trust-memory.js';

export interface ProposalExpectation {
  readonly org: string;
  readonly pin: string;
  /** Seconds. */
  readonly now: number;
  /** What this signer trusted before. */
  readonly previous?: Trust | TrustMemory | undefined;
}

/** A proposal that stands on what a signer trusts, and that everybody could take once it is signed. */
export interface JudgedProposal {
  readonly proposal: Proposal;
  /** What it stands on. */
  readonly base: Trust;
  /** The root that counts then. */
  readonly root: RootDocument;
  /** What counts then under it. */
  readonly after: DocumentPair;
  /** Seconds: from when and until when a vault takes it. */
  readonly from: number;
  readonly until: number;
}

export type ProposedKind = 'root' | 'policy' | 'directory';

/** How many keys must sign one of its documents, and which have. */
export interface SignatureDemand {
  readonly kind: ProposedKind;
  /** Version of the document. */
  readonly version: number;
  /** Version of the root that asks for them. */
  readonly under: number;
  readonly threshold: number;
  readonly kids: readonly string[];
  readonly signed: readonly string[];
}

/**
 * Verifies what a proposal stands on by the pin and by what its signer remembers, and that what is proposed follows it.
 * @throws {CryptoError} token_malformed, trust_rollback (proposal-base, proposal-next and those of Trust.establish),
 *   trust_expired (proposal-over), clock_skew (proposal-ahead), signature_invalid (proposal-signatures)
 */
export async function judgeProposal(proposal: Proposal, expected: ProposalExpectation): Promise<JudgedProposal> {
  const { org, pin, now, previous } = expected;
  requireSeconds(now);
  const { documents, hashes, next } = proposal;
  const options = { org, pin, now, previous, ...(previous && { hashes }), acceptExpired: true };
  const base = await Trust.establish(documents, options);
  requireBase(proposal, base);
  const root = next.root?.payload ?? base.root;
  requireNext(next, base, root);
  await requireChain(next, base);
  await requireContinues(proposal, base, now);
  const { from, until } = timesOf(next);
  // guard: proposal-over
  if (now > until) throw new CryptoError('trust_expired', 'no vault takes it any more', { check: 'proposal-over' });
  const at = secondsOf(proposal.at);
  const latest = next.root === undefined ? now + SKEW_SECONDS : at + ROOT_AHEAD_SECONDS;
  if (
    from > latest || // guard: proposal-ahead
    at > now + SKEW_SECONDS // guard: proposal-at
  )
    throw new CryptoError('clock_skew', 'it is dated too far ahead', { check: 'proposal-ahead' });
  const policy = next.policy?.payload ?? base.policy;
  const judged = { proposal, base, root, after: { policy, directory: next.directory.payload }, from, until };
  await requireGoodSignatures(judged);
  return judged;
}

/** What must be signed, by how many keys of which. */
export async function demandsOf({ proposal: { next }, base, root }: JudgedProposal): Promise<SignatureDemand[]> {
  const demand = async (kind: ProposedKind, by: RootDocument): Promise<SignatureDemand[]> => {
    const document = next[kind];
    if (document === undefined) return [];
    const role: DocumentRole = by.roles[kind];
    const keys: Readonly<Record<string, DocumentKey>> = by.keys;
    const signed = [...(await signersOf(document, role, keys))];
    const { version } = document.payload;
    return [{ kind, version, under: by.version, threshold: role.threshold, kids: role.kids, signed }];
  };
  const roots = next.root === undefined ? [] : [...(await demand('root', base.root)), ...(await demand('root', root))];
  return [...roots, ...(await demand('policy', root)), ...(await demand('directory', root))];
}

/** Whether nothing is missing. */
export function isComplete(demands: readonly SignatureDemand[]): boolean {
  return demands.every(({ signed, threshold }) => signed.length >= threshold);
}

/** A signature that was added. */
export interface AddedSignature {
  readonly kind: ProposedKind;
  readonly version: number;
  /** base64url SHA-256 of the payload. */
  readonly hash: string;
  readonly kid: string;
}

/** Which signatures these keys would add. */
export async function signaturesBy(judged: JudgedProposal, kids: readonly string[]): Promise<AddedSignature[]> {
  const added = new Map<string, AddedSignature>();
  for (const { kind, version, kids: asked, signed } of await demandsOf(judged))
    for (const kid of kids.filter((one) => asked.includes(one) && !signed.includes(one)))
      added.set(`${kind} ${kid}`, { kind, version, hash: judged.proposal.next[kind]?.hash ?? '', kid });
  return [...added.values()];
}

/**
 * Signs documents of a proposal.
 * @param added the signatures that are wanted, of those that {@link signaturesBy} tells.
 * @returns the proposal with them, as text
 */
export async function signProposal(
  { proposal }: JudgedProposal,
  signers: readonly Signer[],
  added: readonly Pick<AddedSignature, 'kind' | 'kid'>[],
): Promise<string> {
  const { root, policy, directory } = proposal.next;
  const withThose = async (kind: ProposedKind, token: string): Promise<string> => {
    let signed = token;
    for (const signer of signers)
      if (added.some((one) => one.kind === kind && one.kid === signer.kid))
        signed = await cosignDocument(signed, signer);
    return signed;
  };
  return rewriteProposal(proposal, {
    ...(root && { root: await withThose('root', root.token) }),
    ...(policy && { policy: await withThose('policy', policy.token) }),
    directory: await withThose('directory', directory.token),
  });
}

/**
 * The documents as everybody takes them once it is published.
 * @throws {CryptoError} signature_invalid where signatures are missing; what Trust.establish throws
 */
export async function documentsAfter({ proposal, base, from }: JudgedProposal, now: number): Promise<TrustDocuments> {
  requireSeconds(now);
  const { root, policy, directory } = proposal.next;
  const documents = {
    roots: [...base.documents.roots, ...(root ? [root.token] : [])],
    policy: policy?.token ?? base.documents.policy,
    directory: directory.token,
  };
  const { org, pin } = base;
  await Trust.establish(documents, { org, pin, now: Math.max(now, from), previous: base });
  return documents;
}

function requireBase({ base: { root, policy, directory } }: Proposal, { memory }: Trust): void {
  // guard: proposal-base
  for (const [stated, held] of [
    [root, memory.root],
    [policy, memory.policy],
    [directory, memory.directory],
  ] as const)
    if (stated.version !== held.version || stated.hash !== held.hash)
      throw rollback('it stands on other documents than it shows', 'proposal-base');
}

function requireNext({ root, policy, directory }: NextDocuments, base: Trust, under: RootDocument): void {
  const named = policy === undefined ? base.directory.policy : { version: policy.payload.version, hash: policy.hash };
  const { policy: names } = directory.payload;
  const fits = [
    under.org === base.org,
    under.profile === base.profile, // guard: proposal-profile
    root === undefined || under.version === base.root.version + 1, // guard: proposal-root-next
    policy === undefined || policy.payload.version === base.policy.version + 1,
    policy === undefined || policy.payload.prev === base.memory.policy.hash, // guard: proposal-policy-next
    policy === undefined || policy.payload.root_version === under.version, // guard: proposal-policy-under
    directory.payload.version === base.directory.version + 1,
    directory.payload.prev === base.directoryRef.hash,
    directory.payload.root_version === under.version, // guard: proposal-directory-under
    names.version === named.version && names.hash === named.hash, // guard: proposal-names-policy
    [policy, directory].every((one) => one === undefined || one.payload.org === base.org),
    // guard: proposal-moment
    root === undefined || [policy, directory].every((one) => one?.payload.issued === under.issued),
  ];
  if (fits.includes(false)) throw rollback('what is proposed does not follow what it stands on', 'proposal-next');
  checkLife(directory.payload, DIRECTORY_DAYS_MAX);
}

async function requireChain({ directory }: NextDocuments, base: Trust): Promise<void> {
  // guard: proposal-chain
  if (directory.payload.chain !== (await base.nextChain()))
    throw rollback('what is proposed does not follow what it stands on', 'proposal-next');
}

/** What was revoked or withdrawn stays so. */
async function requireContinues({ next, documents, ...proposal }: Proposal, base: Trust, now: number): Promise<void> {
  const roots = await Promise.all(documents.roots.map((token) => parseRoot(token)));
  const root = next.root ?? roots.at(-1);
  const { policy, hash } = { policy: base.policy, hash: proposal.base.policy.hash };
  if (root === undefined) throw rollback('it stands on no root', 'proposal-base');
  const before = { token: documents.policy, encoded: '', payload: policy, hash, signatures: [] };
  // guard: proposal-continues
  checkContinues(
    base.memory,
    { roots, root, policy: next.policy ?? before, directory: next.directory },
    Math.max(now, secondsOf(next.directory.payload.issued)),
  );
}

function timesOf({ root, policy, directory }: NextDocuments): { readonly from: number; readonly until: number } {
  if (root !== undefined) {
    const from = secondsOf(root.payload.issued);
    return { from, until: from + ROOT_TAKEN_SECONDS };
  }
  const issued = [policy, directory].flatMap((one) => (one === undefined ? [] : [secondsOf(one.payload.issued)]));
  return { from: Math.max(...issued), until: Math.min(...issued) + DOCUMENT_TAKEN_SECONDS };
}

async function requireGoodSignatures(judged: JudgedProposal): Promise<void> {
  const demands = await demandsOf(judged);
  for (const kind of ['root', 'policy', 'directory'] as const) {
    const good = new Set(demands.filter((one) => one.kind === kind).flatMap(({ signed }) => signed));
    // guard: proposal-signatures
    if ((judged.proposal.next[kind]?.signatures ?? []).some(({ kid }) => !good.has(kid)))
      throw new CryptoError(
        'signature_invalid',
        'it has a signature that is not good, or of a key that does not count',
        {
          check: 'proposal-signatures',
        },
      );
  }
}

function rollback(message: string, check: string): CryptoError {
  return new CryptoError('trust_rollback', message, { check });
}
