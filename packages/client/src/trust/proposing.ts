import type { DirectoryDocument, DirectoryEntity, PolicyDocument, RootDocument, Trust } from '@bulla/crypto';
import {
  composeProposal,
  parseDirectory,
  parsePolicy,
  parseProposal,
  requireSeconds,
  secondsOf,
  signDocument,
  timestampOf,
} from '@bulla/crypto';
import { checked } from '../connection/errors.js';
import { requireNobodyLockedOut } from './locked-out.js';
import type { DirectoryChange } from './next-directory.js';
import { nextDirectory } from './next-directory.js';

/** What a policy decides, without where it stands. */
type PolicyContent = Partial<PolicyDocument>;

/** What is proposed, and in whose name. */
export interface ProposedChange {
  /** With it, its policy and its directory are of its moment. */
  readonly root?: RootDocument | undefined;
  /** What the next policy decides otherwise; absent, the policy stays unless a root comes. */
  readonly policy?: PolicyContent | undefined;
  readonly directory?: DirectoryChange | undefined;
  /** Who began it and why, for those who are asked to sign. */
  readonly by: string;
  readonly why: string;
  /** The request to come in that the directory answers. */
  readonly enrolment?: string | undefined;
}

const HASHES_SENT = 1_000;

/**
 * Writes what comes next after what is trusted, for those who must sign it; nobody has yet.
 * @param now seconds
 * @throws {BullaError} validation_failed where it would lock everybody out
 */
export async function propose(trust: Trust, change: ProposedChange, now: number): Promise<string> {
  requireSeconds(now);
  const { root, by, why, enrolment } = change;
  const at = root === undefined ? now : secondsOf(root.issued);
  const under = root?.version ?? trust.root.version;
  const isPolicyNew = root !== undefined || change.policy !== undefined;
  const policy = isPolicyNew ? policyAfter(trust, change.policy, { at, under }) : undefined;
  const named = policy === undefined ? trust.directory.policy : await nameOf(policy);
  const directory = await directoryAfter(trust, { at, under, named, change: change.directory });
  requireNobodyLockedOut(trust, { policy: policy ?? trust.policy, directory }, at);
  return checked(() =>
    composeProposal({
      org: trust.org,
      by,
      why,
      at: timestampOf(now),
      ...standingOn(trust),
      next: { root, policy, directory },
      ...(enrolment !== undefined && { enrolment }),
    }),
  );
}

/**
 * The same proposal on newer documents, where only the directory moved on. What follows a root or policy says nothing of its
 * own, but that a root may let somebody in again: those are let in on the newer one as they were proposed. Signatures of the
 * directory fall away, the others stay.
 * @param newest what is trusted now.
 * @returns undefined where it stands on the newest already, or cannot be moved
 * @throws {BullaError} token_malformed, …
 */
export async function movedProposal(text: string, newest: Trust): Promise<string | undefined> {
  const { next, base, documents, hash: _hash, hashes: _hashes, ...parts } = await checked(() => parseProposal(text));
  const { root, policy, directory } = newest.memory;
  const isBehind = base.directory.version < directory.version;
  const isSame = base.root.hash === root.hash && base.policy.hash === policy.hash;
  if (!isBehind || !isSame || next.policy === undefined) return undefined;
  const before = (await checked(() => parseDirectory(documents.directory))).payload;
  const listed = listedAnew(before, next.directory.payload);
  const isMore = !onlyLists(before, next.directory.payload) || (next.root === undefined && listed.length > 0);
  // guard: proposal-moved
  if (isMore) return undefined;
  const { version, root_version: under, issued } = next.policy.payload;
  const named = { version, hash: next.policy.hash };
  const change: DirectoryChange = ({ entities }) => void Object.assign(entities, Object.fromEntries(listed));
  const place = { at: secondsOf(issued), under, named, change };
  return checked(async () =>
    composeProposal({
      ...parts,
      ...standingOn(newest),
      next: { root: next.root?.token, policy: next.policy?.token, directory: await directoryAfter(newest, place) },
    }),
  );
}

/** Whether a directory changes nothing but whom it lists, and takes nobody out. */
function onlyLists(before: DirectoryDocument, after: DirectoryDocument): boolean {
  const restOf = ({ revoked, kept, withdrawn }: DirectoryDocument) => JSON.stringify([revoked, kept, withdrawn]);
  const isGone = Object.keys(before.entities).some((urn) => !Object.hasOwn(after.entities, urn));
  return !isGone && restOf(before) === restOf(after);
}

/** Whom a directory lists otherwise than the one before. */
function listedAnew(before: DirectoryDocument, after: DirectoryDocument): [string, DirectoryEntity][] {
  const old = new Map(Object.entries(before.entities));
  return Object.entries(after.entities).filter(
    ([urn, entity]) => JSON.stringify(old.get(urn)) !== JSON.stringify(entity),
  );
}

function standingOn({ memory, documents, directory }: Trust) {
  const { version, hash } = memory.directory;
  const base = { root: memory.root, policy: memory.policy, directory: { version, hash } };
  const hashes = memory.hashes?.slice(-HASHES_SENT);
  return { base, documents, ...(hashes && { hashes: { from: directory.version - hashes.length, hashes } }) };
}

interface Place {
  /** Seconds: their `issued`. */
  readonly at: number;
  /** Version of the root under which they are signed. */
  readonly under: number;
}

function policyAfter(
  { policy, memory }: Trust,
  change: PolicyContent | undefined,
  { at, under }: Place,
): PolicyDocument {
  // What another policy leaves unsaid goes without saying.
  const { fresh_days: _days, witnesses: _witnesses, ...kept } = policy;
  return {
    ...(change === undefined ? policy : { ...kept, ...change }),
    spec: '2',
    version: policy.version + 1,
    root_version: under,
    prev: memory.policy.hash,
    issued: timestampOf(at),
    expires: timestampOf(at + secondsOf(policy.expires) - secondsOf(policy.issued)),
  };
}

interface NamedPlace extends Place {
  readonly named: DirectoryDocument['policy'];
  readonly change: DirectoryChange | undefined;
}

async function nameOf(policy: PolicyDocument): Promise<DirectoryDocument['policy']> {
  const { hash } = await checked(async () => parsePolicy(await signDocument(policy, []), 'proposed'));
  return { version: policy.version, hash };
}

function directoryAfter(trust: Trust, { at, under, named, change }: NamedPlace): Promise<DirectoryDocument> {
  return nextDirectory(trust, at, (draft, now) => {
    draft.root_version = under;
    draft.policy = named;
    change?.(draft, now);
  });
}
