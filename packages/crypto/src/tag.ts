import * as z from 'zod/mini';
import { hashSchema, labelSchema, nameSchema, urnSchema, versionSchema } from './claims.js';
import type { JwsFormat, ParsedJws } from './compact.js';
import { parseJws, signJws, verifyJws } from './compact.js';
import { CryptoError } from './errors.js';
import { organisationUrn, parseUrn } from './ids.js';
import { secondsSchema } from './keys.js';
import type { Signer } from './signer.js';
import type { Trust } from './trust.js';

const common = {
  /** The signing device. */
  iss: urnSchema,
  /** The organisation. */
  aud: urnSchema,
  /** The prompt. */
  sub: urnSchema,
  name: nameSchema,
  tag: labelSchema,
  /** Counts every move of this label under this name, across prompt ids. */
  seq: versionSchema,
  iat: secondsSchema,
  exp: secondsSchema,
  purpose: z.literal('prompt.tag'),
};

/** T: a label as a signed pointer to one version (protocol.md §2.2, docs/spec/tag.md); version 0 says it is deleted. */
const tagSchema = z.union([
  z.strictObject({ ...common, ver: versionSchema, chash: hashSchema }),
  z.strictObject({ ...common, ver: z.literal(0), chash: z.literal('') }),
]);
export type TagClaims = z.infer<typeof tagSchema>;

const TAG_FORMAT: JwsFormat<TagClaims> = { typ: 'bulla-tag+jwt', claims: tagSchema, maxBytes: 4096 };
const TAGS_MAX = 16;
const DAY_SECONDS = 86_400;

/** What a label points to, said by as many users as the policy wants. */
export interface ResolvedTag {
  /** URN of the prompt. */
  readonly sub: string;
  readonly name: string;
  readonly label: string;
  readonly version: number;
  readonly chash: string;
  readonly seq: number;
  /** Seconds: the first of the tags to expire. */
  readonly expiresAt: number;
  /** URNs of the devices that signed. */
  readonly signers: readonly string[];
}

/** What good and equal tags say, be they enough or not. */
export interface GatheredTags extends ResolvedTag {
  /** 0, with an empty `chash`, where they delete the label. */
  readonly version: number;
  /** Distinct users who signed, and how many the policy asks for. */
  readonly given: number;
  readonly needed: number;
}

export interface TagExpectation {
  readonly trust: Trust;
  readonly name: string;
  readonly label: string;
  /** Seconds. */
  readonly now: number;
  /** For evidence: the times of the tags are not judged. */
  readonly acceptExpired?: boolean;
}

/**
 * Signs a tag.
 * @throws {CryptoError} token_malformed
 */
export function signTag(claims: TagClaims, signer: Signer): Promise<string> {
  return signJws(TAG_FORMAT, claims, signer);
}

/**
 * Reads a tag without trusting it.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseTag(token: string): ParsedJws<TagClaims> {
  return parseJws(token, TAG_FORMAT);
}

/**
 * What a label of a prompt name points to. Every tag must be good, and they must say the same; keys and groups
 * of the signers are judged now.
 * @throws {CryptoError} token_malformed; key_unknown, key_revoked, suite_unknown; signature_invalid;
 *   envelope_tampered if the tags differ, are for something else or name another signer; forbidden for a signer outside the label's
 *   groups, too few users or too long a life; clock_skew; trust_expired; label_not_found if the label is deleted
 */
export async function verifyTags(tokens: readonly string[], expected: TagExpectation): Promise<ResolvedTag> {
  const { given, needed, ...resolved } = await readTags(tokens, expected);
  // guard: tag-threshold
  if (given < needed)
    throw new CryptoError('forbidden', `${given} of ${needed} people needed signed the label`, {
      check: 'tag-threshold',
    });
  requireUnexpired(resolved, expected);
  // guard: tag-deleted
  if (resolved.version === 0)
    throw new CryptoError('label_not_found', 'the label is deleted', { check: 'tag-deleted' });
  return resolved;
}

/**
 * As verifyTags, for whoever gathers tags until they are enough: how many users signed is counted and not judged, and
 * tags that delete the label are good ones.
 * @throws {CryptoError} as verifyTags, but for too few users and a deleted label
 */
export async function gatherTags(tokens: readonly string[], expected: TagExpectation): Promise<GatheredTags> {
  const gathered = await readTags(tokens, expected);
  requireUnexpired(gathered, expected);
  return gathered;
}

/** Each tag verified, and all of them equal. */
async function readTags(tokens: readonly string[], expected: TagExpectation): Promise<GatheredTags> {
  const { trust, name, label } = expected;
  const [firstToken, ...otherTokens] = tokens;
  if (
    firstToken === undefined ||
    tokens.length > TAGS_MAX // guard: tag-count
  )
    throw new CryptoError('token_malformed', `a label has 1 to ${TAGS_MAX} tags`, { check: 'tag-count' });
  const first = await verifyTag(firstToken, expected);
  const tags = [first];
  for (const token of otherTokens) tags.push(await verifyTag(token, expected));
  // guard: tag-equal
  if (tags.some((tag) => !saysTheSame(tag, first))) throw tampered('the tags of the label differ', 'tag-equal');
  const { sub, ver, chash, seq } = first;
  const expiresAt = Math.min(...tags.map(({ exp }) => exp));
  const signers = tags.map(({ iss }) => iss);
  // One person's laptop and phone are one person.
  // guard: tag-distinct-users without: const given = new Set(signers).size;
  const given = new Set(signers.map((urn) => trust.userOf(urn))).size;
  const needed = trust.labelRule(name, label).threshold;
  return { sub, name, label, version: ver, chash, seq, expiresAt, signers, given, needed };
}

function requireUnexpired({ expiresAt }: ResolvedTag, { acceptExpired, now }: TagExpectation): void {
  // guard: tag-expiry
  if (acceptExpired !== true && now >= expiresAt)
    throw new CryptoError('trust_expired', 'the label has expired', { check: 'tag-expiry' });
}

/** One tag: key, signature, then what it says. */
async function verifyTag(
  token: string,
  { trust, name, label, now, acceptExpired }: TagExpectation,
): Promise<TagClaims> {
  const parsed = parseTag(token);
  const { claims } = parsed;
  const holder = trust.requireKey(parsed.header.kid, { usage: 'durable', purpose: 'tag', now, check: 'tag-key' });
  // guard: tag-signature
  await verifyJws(parsed, holder.record, 'tag-signature');
  // guard: tag-issuer
  if (claims.iss !== holder.urn) throw tampered('the tag was signed by another entity', 'tag-issuer');
  // guard: tag-audience
  if (claims.aud !== organisationUrn(trust.org)) throw tampered('the tag is for another organisation', 'tag-audience');
  const prompt = parseUrn(claims.sub);
  // guard: tag-prompt
  if (prompt?.org !== trust.org || prompt.kind !== 'prompt')
    throw tampered('the tag is not for a prompt of this organisation', 'tag-prompt');
  // guard: tag-name
  if (claims.name !== name || claims.tag !== label) throw tampered('the tag is for another name or label', 'tag-name');
  // guard: tag-signer
  if (!trust.mayTag(holder.urn, name, label))
    throw new CryptoError('forbidden', 'the signer may not move this label', { check: 'tag-signer' });
  const { days } = trust.labelRule(name, label);
  // guard: tag-life
  if (claims.exp <= claims.iat || claims.exp - claims.iat > days * DAY_SECONDS) {
    throw new CryptoError('forbidden', `the tag does not expire within ${days} days`, { check: 'tag-life' });
  }
  // guard: tag-issued
  if (acceptExpired !== true && claims.iat > now + trust.policy.max_skew)
    throw new CryptoError('clock_skew', 'the tag is dated in the future', { check: 'tag-issued' });
  return claims;
}

function saysTheSame(left: TagClaims, right: TagClaims): boolean {
  return left.sub === right.sub && left.ver === right.ver && left.chash === right.chash && left.seq === right.seq;
}

function tampered(message: string, check: string): CryptoError {
  return new CryptoError('envelope_tampered', message, { check });
}
