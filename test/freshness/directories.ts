import type { DirectoryDocument, PolicyDocument, TrustDocuments } from '@bulla/crypto';
import { nextChain, parseDirectory, parsePolicy, timestampOf } from '@bulla/crypto';
import type { LabelName, Setting } from './organisation.js';

export const DAY_SECONDS = 86_400;
const DIRECTORY_DAYS = 90;
const POLICY_DAYS = 365;

/** What a renewer said, of a directory or of a position. */
export interface Word {
  readonly order: number;
  readonly token: string;
  readonly renewer: string;
  /** Seconds. */
  readonly iat: number;
}

/** A directory with the policy that it names, and what is known of it. */
export interface KnownDirectory {
  readonly parent: KnownDirectory | undefined;
  /** Number of the record by which it came. */
  readonly order: number;
  readonly hash: string;
  readonly payload: DirectoryDocument;
  readonly policy: PolicyDocument;
  readonly policyHash: string;
  readonly documents: TrustDocuments;
  /** Of all directories up to this one. */
  readonly hashes: readonly string[];
  /** Seconds. */
  readonly issued: number;
  readonly revoked: ReadonlySet<string>;
  readonly words: Word[];
}

/** What may change from one to the next. */
export interface Rules {
  readonly threshold?: number;
  /** How long tags of the label live. */
  readonly days?: number;
  readonly freshDays?: number;
}

/** What people publish after a directory, the newest or, on another branch, an older one. */
export async function publishAfter(
  { organisation }: Setting,
  parent: KnownDirectory,
  change: { readonly at: number; readonly order: number; readonly rules?: Rules; readonly revoke?: string },
): Promise<KnownDirectory> {
  const { at, order, rules, revoke } = change;
  const issued = timestampOf(at);
  let { policy, policyHash } = parent;
  let policyToken = parent.documents.policy;
  if (rules !== undefined) {
    const next = {
      version: policy.version + 1,
      prev: policyHash,
      issued,
      expires: timestampOf(at + POLICY_DAYS * DAY_SECONDS),
    };
    policy = withRules({ ...policy, ...next }, rules);
    policyToken = await organisation.sign('policy', policy);
    policyHash = (await parsePolicy(policyToken)).hash;
  }
  const { payload: before } = parent;
  const revoked = revoke === undefined ? [] : [{ kid: revoke, reason: 'keyCompromise' as const, at }];
  const payload: DirectoryDocument = {
    ...before,
    version: before.version + 1,
    prev: parent.hash,
    chain: await nextChain(before.chain ?? '', parent.hash),
    issued,
    expires: timestampOf(at + DIRECTORY_DAYS * DAY_SECONDS),
    policy: { version: policy.version, hash: policyHash },
    revoked: [...before.revoked, ...revoked],
  };
  const directory = await organisation.sign('directory', payload);
  const { hash } = await parseDirectory(directory);
  return {
    parent,
    order,
    hash,
    payload,
    policy,
    policyHash,
    documents: { roots: parent.documents.roots, policy: policyToken, directory },
    hashes: [...parent.hashes, hash],
    issued: at,
    revoked: new Set(payload.revoked.map(({ kid }) => kid)),
    words: [],
  };
}

function withRules(policy: PolicyDocument, { threshold, days, freshDays }: Rules): PolicyDocument {
  const { production = { groups: [] } } = policy.labels;
  return {
    ...policy,
    labels: {
      ...policy.labels,
      production: { ...production, ...(threshold && { threshold }), ...(days && { days }) },
    },
    ...(freshDays && { fresh_days: freshDays }),
  };
}

/** The one that every walk begins after. */
export function firstDirectory({ trust, hashes }: Setting): KnownDirectory {
  const { directory: payload, policy, directoryRef, documents } = trust;
  return {
    parent: undefined,
    order: 0,
    hash: directoryRef.hash,
    payload,
    policy,
    policyHash: payload.policy.hash,
    documents,
    hashes,
    issued: Date.parse(payload.issued) / 1000,
    revoked: new Set(),
    words: [],
  };
}

/** Seconds: when a directory or its policy expires. */
export function endOf({ payload, policy }: KnownDirectory): number {
  return Math.min(Date.parse(payload.expires), Date.parse(policy.expires)) / 1000;
}

/** Seconds for which words count, by the policy of a directory. */
export function freshSecondsOf({ policy }: KnownDirectory): number {
  return (policy.fresh_days ?? 7) * DAY_SECONDS;
}

/** Seconds that a move waits for further people. */
export function waitingSecondsOf(directory: KnownDirectory): number {
  const fresh = freshSecondsOf(directory);
  return Math.max(fresh - DAY_SECONDS, fresh / 2);
}

export function thresholdOf({ policy }: KnownDirectory, label: LabelName): number {
  return policy.labels[label]?.threshold ?? 1;
}

/** Seconds that a tag of a label lives at most. */
export function tagSecondsOf({ policy }: KnownDirectory, label: LabelName): number {
  return (policy.labels[label]?.days ?? 365) * DAY_SECONDS;
}
