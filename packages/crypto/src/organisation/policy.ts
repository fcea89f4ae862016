import { GROUP_PATTERN } from '../names/patterns.js';
import { GROUPS_MAX, TAGS_MAX } from '../names/limits.js';
import * as z from '#zod';
import { hashSchema, versionSchema } from '../tokens/claims.js';
import type { DocumentFormat, DocumentStage, ParsedDocument } from '../tokens/document.js';
import { parseDocument } from '../tokens/document.js';
import { SKEW_SECONDS } from '../names/limits.js';
import { checkLife, timestampSchema } from '../tokens/document-times.js';
import { CryptoError } from '../names/errors.js';
import { LABEL_PATTERN } from '../names/patterns.js';
import { orgSchema } from './root.js';
import { witnessesOf, witnessesSchema } from './witnesses.js';

/** A group of the organisation, such as `grp:support`. */
export const groupSchema = z.string().check(z.regex(GROUP_PATTERN));
const groupsSchema = z.array(groupSchema).check(z.maxLength(GROUPS_MAX));
/** Whatever the policy says, a tag ends within a year. */
export const TAG_DAYS_MAX = 365;
const FRESH_DAYS = 7;
const EARLIER_TAG_DAYS = 7;
const EARLIER_TAG_DAYS_MAX = 90;
/** A prefix of prompt names that ends in `/`, or `*` for all the rest. */
const prefixSchema = z.string().check(z.maxLength(128), z.regex(/^(?:\*|(?:[a-z0-9][a-z0-9._-]*\/)+)$/));

/** policy: what the organisation allows (protocol.md §4, docs/spec/policy.md). */
const policySchema = z.strictObject({
  _type: z.literal('bulla-policy'),
  /** 1 has no `fresh_days`, and its tags live for 7 days unless it says otherwise. */
  spec: z.enum(['1', '2']),
  org: orgSchema,
  version: versionSchema,
  /** The newest root when it was signed. */
  root_version: versionSchema,
  /** Hash of the version before; absent in version 1. */
  prev: z.optional(hashSchema),
  issued: timestampSchema,
  expires: timestampSchema,
  /** Names this implementation does not know are suites it does not have. */
  suites: z.array(z.string().check(z.regex(/^[a-z0-9]{1,32}$/))).check(z.minLength(1), z.maxLength(32)),
  custody: z.record(prefixSchema, z.enum(['sealed', 'managed'])),
  authors: z.record(prefixSchema, groupsSchema),
  labels: z.record(
    z.string().check(z.regex(LABEL_PATTERN)),
    z.strictObject({
      groups: groupsSchema,
      /** How many distinct users must sign a tag of this label; 1 unless given. */
      threshold: z.optional(z.int().check(z.gte(1), z.lte(TAGS_MAX))),
      /** How long a tag of this label may live; 365 unless given. */
      days: z.optional(z.int().check(z.gte(1), z.lte(TAG_DAYS_MAX))),
    }),
  ),
  /** For how long somebody's word that a position or a directory is the newest counts; 7 unless given. */
  fresh_days: z.optional(z.int().check(z.gte(1), z.lte(FRESH_DAYS))),
  /** Who watches the audit logs; nobody unless given. */
  witnesses: z.optional(witnessesSchema),
  /** Whose members may send chats without a stored prompt. */
  chat: groupsSchema,
  auth: z.strictObject({ bearer: z.boolean(), oidc: z.enum(['off', 'approve']) }),
  /** Seconds. */
  max_skew: z.int().check(z.gte(0), z.lte(SKEW_SECONDS)),
});
export type PolicyDocument = z.infer<typeof policySchema>;
export type Custody = 'sealed' | 'managed';

/** Who moves a label, and for how long at most. */
export interface LabelRule {
  readonly groups: readonly string[];
  /** Distinct users needed. */
  readonly threshold: number;
  /** Longest life of a tag. */
  readonly days: number;
}

const POLICY_FORMAT: DocumentFormat<PolicyDocument> = {
  type: 'bulla-policy',
  payload: policySchema,
  maxBytes: 256 * 1024,
};
const POLICY_DAYS_MAX = 366;
const DAY_SECONDS = 86_400;

/**
 * Reads a policy without trusting it.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export async function parsePolicy(
  token: string,
  stage: DocumentStage = 'signed',
): Promise<ParsedDocument<PolicyDocument>> {
  const parsed = await parseDocument(token, POLICY_FORMAT, stage);
  checkLife(parsed.payload, POLICY_DAYS_MAX);
  // guard: policy-previous
  checkPrevious(parsed.payload);
  checkSpec(parsed.payload);
  // guard: policy-witnesses
  await witnessesOf(parsed.payload);
  return parsed;
}

/** What a policy of spec 1 could not say, it does not say. */
function checkSpec({ spec, labels, fresh_days: freshDays, witnesses }: PolicyDocument): void {
  if (spec === '2') return;
  // guard: policy-spec-witnesses
  if (witnesses !== undefined) throw new CryptoError('token_malformed', 'a policy of spec 1 names no witnesses');
  // guard: policy-spec
  if (freshDays !== undefined || Object.values(labels).some(({ days = 0 }) => days > EARLIER_TAG_DAYS_MAX))
    throw new CryptoError('token_malformed', 'a policy of spec 1 says what only one of spec 2 can');
}

/**
 * Checks that a document names the version before it, unless it is the first.
 * @throws {CryptoError} token_malformed
 */
export function checkPrevious(document: { readonly version: number; readonly prev?: string | undefined }): void {
  if ((document.version === 1) !== (document.prev === undefined)) {
    throw new CryptoError('token_malformed', 'every version but the first names the one before');
  }
}

/** Seconds for which somebody's word that a position or a directory is the newest counts. */
export function freshSecondsOf({ fresh_days: days = FRESH_DAYS }: PolicyDocument): number {
  return days * DAY_SECONDS;
}

/** Seconds in which the people who must sign a move have to come, from the first of their tags on. */
export function pendingSecondsOf(policy: PolicyDocument): number {
  const fresh = freshSecondsOf(policy);
  return Math.max(fresh - DAY_SECONDS, fresh / 2);
}

/** Who decides in whose custody a name is: the policy of what is trusted. */
export interface CustodyTrust {
  readonly policy: Pick<PolicyDocument, 'custody'>;
}

/**
 * Custody of a prompt name: `sealed` unless the policy says otherwise (protocol.md §2.3). Nobody else decides it: the
 * vault and the responder each ask in one place, and every reader where it verifies a statement.
 */
export function custodyOf(name: string, { policy }: CustodyTrust): Custody {
  return longestPrefix(policy.custody, name) ?? 'sealed';
}

/** Groups whose authors may write under a prompt name; none unless the policy says so. */
export function authorsOf(policy: Pick<PolicyDocument, 'authors'>, name: string): readonly string[] {
  return longestPrefix(policy.authors, name) ?? [];
}

/** The rule of a label; where the policy has none, one author of the name is enough. */
export function labelRuleOf(policy: PolicyDocument, name: string, label: string): LabelRule {
  const rule = Object.hasOwn(policy.labels, label) ? policy.labels[label] : undefined;
  return {
    groups: rule?.groups ?? authorsOf(policy, name),
    threshold: rule?.threshold ?? 1,
    days: rule?.days ?? (policy.spec === '1' ? EARLIER_TAG_DAYS : TAG_DAYS_MAX),
  };
}

/**
 * Groups that have to see what is written under a prompt name: those that write it, and those that sign labels. Who may
 * run it need not read it.
 */
export function reviewersOf(policy: PolicyDocument, name: string): readonly string[] {
  const labels = Object.keys(policy.labels).flatMap((label) => labelRuleOf(policy, name, label).groups);
  return [...new Set([...authorsOf(policy, name), ...labels])];
}

/** Own members only: a name's first part may be spelled like a member of Object.prototype. */
function longestPrefix<Value>(rules: Readonly<Record<string, Value>>, name: string): Value | undefined {
  for (let slash = name.lastIndexOf('/'); slash > 0; slash = name.lastIndexOf('/', slash - 1)) {
    const prefix = name.slice(0, slash + 1);
    if (Object.hasOwn(rules, prefix)) return rules[prefix];
  }
  return Object.hasOwn(rules, '*') ? rules['*'] : undefined;
}
