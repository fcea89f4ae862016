import { TAGS_MAX } from '../names/limits.js';
import { verifyJws } from '../tokens/compact.js';
import type { CryptoErrorCode } from '../names/errors.js';
import { CryptoError } from '../names/errors.js';
import { organisationUrn, parseUrn } from '../names/ids.js';
import { mightSignAt } from '../keys/keys.js';
import { TAG_DAYS_MAX } from '../organisation/policy.js';
import type { PositionRef } from '../organisation/freshness.js';
import { positionHash } from './position.js';
import { requireSeconds } from '../names/seconds.js';
import type { MetTags } from './met-tags.js';
import type { TagClaims } from './tag.js';
import { parseTag, positionOf } from './tag.js';
import type { Trust } from '../organisation/trust.js';

const DAY_SECONDS = 86_400;

/** What a label points to. */
export interface ResolvedTag extends PositionRef {
  /** URN of the prompt. */
  readonly sub: string;
  readonly name: string;
  readonly label: string;
  readonly version: number;
  readonly chash: string;
  readonly prev: string;
  /** Seconds: from then on too few people have said so. */
  readonly expiresAt: number;
  /** Seconds: until then enough people have said so lately; 0 where too few have. */
  readonly freshUntil: number;
  /** URNs of the devices whose tags count, one of each person. */
  readonly signers: readonly string[];
}

/** What equal tags say, be they enough or not. */
export interface GatheredTags extends ResolvedTag {
  /** 0, with an empty `chash`, where they delete the label. */
  readonly version: number;
  /** Distinct users who signed, and how many the policy asks for. */
  readonly given: number;
  readonly needed: number;
}

/** The tags of a position as somebody serves them: those that are good now count, the others are passed over. */
export interface TagSet extends GatheredTags {
  /** Distinct users whose tags are good, or were until they expired. */
  readonly signed: number;
  /** Whether a tag is by a key that the directory does not list, or not yet. */
  readonly hasUnknownKey: boolean;
  /** How many tags of those who may sign are passed over because they are dated later than now. */
  readonly ahead: number;
}

export interface TagExpectation {
  readonly trust: Trust;
  readonly name: string;
  readonly label: string;
  /** Seconds. */
  readonly now: number;
  /** Expired tags count: for evidence, and for what is to be signed anew. */
  readonly acceptExpired?: boolean;
  /** What was read a moment ago; nothing unless given. */
  readonly met?: MetTags;
}

/**
 * What a label of a prompt name points to, by a set of tags that is usable: as many people as the policy asks for signed
 * it, by tags that are good now. Others are passed over; one that is malformed, forged or for another position fails all.
 * @throws {CryptoError} as readTags; where too few count, key_unknown if a tag is by a key that is not listed, else
 *   trust_expired if expired tags would be enough, else forbidden; label_not_found if the label is deleted
 */
export async function verifyTags(tokens: readonly string[], expected: TagExpectation): Promise<ResolvedTag> {
  requireSeconds(expected.now);
  return requireUsable(await readTags(tokens, expected));
}

/**
 * What a set of tags points to, where it is usable.
 * @throws {CryptoError} as verifyTags, where too few count or the label is deleted
 */
export function requireUsable(set: TagSet): ResolvedTag {
  requireEnough(set);
  // guard: tag-deleted
  if (set.version === 0) throw new CryptoError('label_not_found', 'the label is deleted', { check: 'tag-deleted' });
  return resolvedOf(set);
}

/**
 * As verifyTags, but a deleted label is a position like any other.
 * @throws {CryptoError} as verifyTags, but for a deleted label
 */
export async function verifyPosition(tokens: readonly string[], expected: TagExpectation): Promise<ResolvedTag> {
  requireSeconds(expected.now);
  const set = await readTags(tokens, expected);
  requireEnough(set);
  return resolvedOf(set);
}

function resolvedOf(set: TagSet): ResolvedTag {
  const { sub, name, label, version, chash, seq, prev, pos, expiresAt, freshUntil, signers } = set;
  return { sub, name, label, version, chash, seq, prev, pos, expiresAt, freshUntil, signers };
}

function requireEnough({ given, needed, signed, hasUnknownKey }: TagSet): void {
  // guard: tag-threshold without: if (given >= 0) return;
  if (given >= needed) return;
  if (hasUnknownKey)
    throw new CryptoError('key_unknown', 'a tag is signed by a key that is not listed', { check: 'tag-key' });
  if (signed >= needed) throw new CryptoError('trust_expired', 'the label has expired', { check: 'tag-expiry' });
  throw new CryptoError('forbidden', `${given} of ${needed} people needed signed the label`, {
    check: 'tag-threshold',
  });
}

/**
 * What tags say, where each must count: for a party that gathers them until they are enough. How many users signed is
 * counted and not judged, and tags that delete the label are good ones.
 * @throws {CryptoError} as readTags; key_unknown, key_revoked, suite_unknown, forbidden, clock_skew, trust_expired for a
 *   tag that does not count
 */
export async function gatherTags(tokens: readonly string[], expected: TagExpectation): Promise<GatheredTags> {
  requireSeconds(expected.now);
  const judged = await judgeTags(tokens, expected);
  const flaw = judged.find((one) => one.flaw !== undefined)?.flaw;
  // guard: tag-every
  if (flaw !== undefined) throw flaw;
  const set = await setOf(judged, expected);
  return { ...resolvedOf(set), given: set.given, needed: set.needed };
}

/**
 * What a set of tags says and who counts for it now, without judging whether they are enough.
 * @throws {CryptoError} token_malformed, payload_too_large; signature_invalid; envelope_tampered for tags that differ, are
 *   for something else or name another signer
 */
export async function readTags(tokens: readonly string[], expected: TagExpectation): Promise<TagSet> {
  requireSeconds(expected.now);
  return setOf(await judgeTags(tokens, expected), expected);
}

/** A tag that nobody forged, and why it does not count now. */
interface JudgedTag {
  readonly claims: TagClaims;
  /** Of the user who holds the key, where they may sign the label; it counts once. */
  readonly user: string | undefined;
  /** Seconds. */
  readonly end: number;
  readonly flaw: CryptoError | undefined;
}

async function judgeTags(tokens: readonly string[], expected: TagExpectation): Promise<JudgedTag[]> {
  if (
    tokens.length === 0 ||
    tokens.length > TAGS_MAX // guard: tag-count
  )
    throw new CryptoError('token_malformed', `a label has 1 to ${TAGS_MAX} tags`, { check: 'tag-count' });
  const judged: JudgedTag[] = [];
  for (const token of tokens) judged.push(await judgeTag(token, expected));
  const positions = new Set(judged.map(({ claims }) => JSON.stringify(positionOf(claims))));
  // guard: tag-equal
  if (positions.size > 1) throw tampered('the tags of the label differ', 'tag-equal');
  return judged;
}

/** The set that tags for one position make. */
async function setOf(judged: readonly JudgedTag[], expected: TagExpectation): Promise<TagSet> {
  const { trust, name, label } = expected;
  const [first] = judged;
  if (first === undefined) throw new CryptoError('token_malformed', 'a label has a tag', { check: 'tag-count' });
  const { sub, ver: version, chash, seq, prev: before } = first.claims;
  const pos = await positionHash(positionOf(first.claims));
  const good = onePerUser(judged.filter(({ flaw }) => flaw === undefined));
  const signed = onePerUser(judged.filter(({ flaw }) => flaw === undefined || flaw.check === 'tag-expiry'));
  const needed = trust.labelRule(name, label).threshold;
  const ends = (good.length > 0 ? good : signed).map(({ end }) => end).toSorted((left, right) => right - left);
  const lately = lastWords(
    judged.filter(({ flaw }) => flaw === undefined),
    trust.freshSeconds,
  );
  return {
    sub,
    name,
    label,
    version,
    chash,
    seq,
    prev: before,
    pos,
    // With the last that is needed, those that end sooner are dispensable.
    expiresAt: ends[Math.min(needed, ends.length) - 1] ?? 0,
    freshUntil: lately[needed - 1] ?? 0,
    signers: good.map(({ claims }) => claims.iss),
    given: good.length,
    needed,
    signed: signed.length,
    hasUnknownKey: judged.some(({ flaw }) => flaw?.code === 'key_unknown'),
    ahead: judged.filter(({ flaw }) => flaw?.check === 'tag-issued').length,
  };
}

/** Of each person the tag that lives longest: one person's laptop and phone are one person. */
function onePerUser(tags: readonly JudgedTag[]): JudgedTag[] {
  const byUser = new Map<string | undefined, JudgedTag>();
  for (const tag of tags) {
    // guard: tag-distinct-users without: const user = tag.claims.iss;
    const { user } = tag;
    const other = byUser.get(user);
    if (other === undefined || other.end < tag.end) byUser.set(user, tag);
  }
  return [...byUser.values()];
}

/** Until when the newest word of each person counts as lately said, the longest first; a tag that has ended says nothing. */
function lastWords(tags: readonly JudgedTag[], freshSeconds: number): number[] {
  const byUser = new Map<string | undefined, number>();
  for (const { user, claims, end } of tags)
    byUser.set(user, Math.max(byUser.get(user) ?? 0, Math.min(end, claims.iat + freshSeconds)));
  return [...byUser.values()].toSorted((left, right) => right - left);
}

/** One tag: key, signature, what it says, and whether it counts now. A lie is thrown. */
async function judgeTag(token: string, expected: TagExpectation): Promise<JudgedTag> {
  const { trust, name, label, now, acceptExpired, met } = expected;
  const parsed = met === undefined ? parseTag(token) : met.read(token);
  const { claims } = parsed;
  const prompt = parseUrn(claims.sub);
  // guard: tag-audience
  if (claims.aud !== organisationUrn(trust.org)) throw tampered('the tag is for another organisation', 'tag-audience');
  // guard: tag-prompt
  if (prompt?.org !== trust.org || prompt.kind !== 'prompt')
    throw tampered('the tag is not for a prompt of this organisation', 'tag-prompt');
  // guard: tag-name
  if (claims.name !== name || claims.tag !== label) throw tampered('the tag is for another name or label', 'tag-name');
  // guard: tag-life
  if (claims.exp <= claims.iat || claims.exp - claims.iat > TAG_DAYS_MAX * DAY_SECONDS)
    throw new CryptoError('token_malformed', 'the tag does not end within a year', { check: 'tag-life' });
  // guard: tag-days without: const end = claims.exp;
  const end = Math.min(claims.exp, claims.iat + trust.labelRule(name, label).days * DAY_SECONDS);
  const holder = trust.holder(parsed.header.kid);
  const keyFlaw = flawOfKey(expected, parsed.header.kid);
  // Whose key is not known, or of no use to us, cannot be asked what it signed.
  if (holder === undefined || (keyFlaw !== undefined && keyFlaw.code !== 'key_revoked'))
    return { claims, user: undefined, end, flaw: keyFlaw };
  // guard: tag-signature
  await verifyJws(parsed, holder.record, 'tag-signature');
  // guard: tag-issuer
  if (claims.iss !== holder.urn) throw tampered('the tag was signed by another entity', 'tag-issuer');
  const judged = { claims, user: trust.userOf(holder.urn), end };
  const flawed = (code: CryptoErrorCode, message: string, check: string): JudgedTag => ({
    ...judged,
    flaw: new CryptoError(code, message, { check }),
  });
  if (keyFlaw !== undefined) return { ...judged, flaw: keyFlaw };
  // guard: tag-signer
  if (!trust.mayTag(holder.urn, name, label))
    return flawed('forbidden', 'the signer may not move this label', 'tag-signer');
  // guard: tag-issued
  if (claims.iat > now + trust.policy.max_skew)
    return flawed('clock_skew', 'the tag is dated in the future', 'tag-issued');
  // guard: tag-key-time
  if (!mightSignAt(holder.record, claims.iat))
    return flawed('key_revoked', 'the key did not sign any more then', 'tag-key-time');
  // guard: tag-expiry
  if (trust.clock(now) >= end && acceptExpired !== true)
    return flawed('trust_expired', 'the label has expired', 'tag-expiry');
  return { ...judged, flaw: undefined };
}

/** Why a key may not sign tags now. */
function flawOfKey({ trust, now }: TagExpectation, kid: string): CryptoError | undefined {
  try {
    trust.requireKey(kid, { usage: 'durable', purpose: 'tag', now, check: 'tag-key' });
    return undefined;
  } catch (error) {
    if (error instanceof CryptoError) return error;
    throw error;
  }
}

function tampered(message: string, check: string): CryptoError {
  return new CryptoError('envelope_tampered', message, { check });
}
