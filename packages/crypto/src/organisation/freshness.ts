import { FRESH_MAX } from '../names/limits.js';
import * as z from '#zod';
import type { DirectoryRef } from '../tokens/claims.js';
import { directoryRefSchema, hashSchema, labelSchema, nameSchema, urnSchema, versionSchema } from '../tokens/claims.js';
import type { JwsFormat, ParsedJws } from '../tokens/compact.js';
import { parseJws, signJws, verifyJws } from '../tokens/compact.js';
import type { DirectoryDocument } from './directory.js';
import type { DirectoryKeys } from './directory-keys.js';
import { CryptoError } from '../names/errors.js';
import { organisationUrn } from '../names/ids.js';
import { secondsSchema } from '../keys/keys.js';
import type { PolicyDocument } from './policy.js';
import { requireSeconds } from '../names/seconds.js';
import type { Signer } from '../keys/signer.js';
import type { TrustMemory } from './trust-memory.js';

const common = {
  /** The renewer. */
  iss: urnSchema,
  /** The organisation. */
  aud: urnSchema,
  /** The newest directory that the renewer has. */
  dir: directoryRefSchema,
  iat: secondsSchema,
  exp: secondsSchema,
};
const labelFreshSchema = z.strictObject({
  ...common,
  name: nameSchema,
  tag: labelSchema,
  seq: versionSchema,
  pos: hashSchema,
  purpose: z.literal('tag.fresh'),
});
const directoryFreshSchema = z.strictObject({ ...common, purpose: z.literal('directory.fresh') });
/** A position of a label by its number and its hash, as a party remembers it. */
export interface PositionRef {
  readonly seq: number;
  readonly pos: string;
}

/** F: a renewer's word that it knows no later position of a label (docs/spec/freshness.md). */
export type LabelFreshClaims = z.infer<typeof labelFreshSchema>;
/** The same of a directory. */
export type DirectoryFreshClaims = z.infer<typeof directoryFreshSchema>;
export type FreshClaims = LabelFreshClaims | DirectoryFreshClaims;

const LABEL_FORMAT: JwsFormat<LabelFreshClaims> = { typ: 'bulla-fresh+jwt', claims: labelFreshSchema, maxBytes: 4096 };
const DIRECTORY_FORMAT: JwsFormat<DirectoryFreshClaims> = {
  typ: 'bulla-directory-fresh+jwt',
  claims: directoryFreshSchema,
  maxBytes: 4096,
};

/** Signs F for a position. @throws {CryptoError} token_malformed */
export function signLabelFreshness(claims: LabelFreshClaims, signer: Signer): Promise<string> {
  return signJws(LABEL_FORMAT, claims, signer);
}

/** Signs F for a directory. @throws {CryptoError} token_malformed */
export function signDirectoryFreshness(claims: DirectoryFreshClaims, signer: Signer): Promise<string> {
  return signJws(DIRECTORY_FORMAT, claims, signer);
}

/** Reads F of a position without trusting it. @throws {CryptoError} token_malformed, payload_too_large */
export function parseLabelFreshness(token: string): ParsedJws<LabelFreshClaims> {
  return parseJws(token, LABEL_FORMAT);
}

/** Reads F of a directory without trusting it. @throws {CryptoError} token_malformed, payload_too_large */
export function parseDirectoryFreshness(token: string): ParsedJws<DirectoryFreshClaims> {
  return parseJws(token, DIRECTORY_FORMAT);
}

/** However long a policy lets such words count, they end within a week. */
const LIFE_MAX_SECONDS = 7 * 86_400;

/** What of an organisation's trust a renewer's word is judged by. */
export interface FreshnessJudge extends Pick<DirectoryKeys, 'requireKey'> {
  readonly org: string;
  readonly policy: PolicyDocument;
  readonly directory: DirectoryDocument;
  readonly directoryRef: DirectoryRef;
  readonly memory: Pick<TrustMemory, 'hashes'>;
  /** Seconds for which somebody's word that something is the newest counts. */
  readonly freshSeconds: number;
  /** The time by which something is too old. */
  clock(now: number): number;
}

/** A renewer's word that is good now. */
export interface GoodFreshness<Claims extends FreshClaims> {
  readonly claims: Claims;
  /** Seconds: from then on it says nothing. */
  readonly until: number;
}

/**
 * Verifies a renewer's word for the very directory that is trusted.
 * @param now seconds
 * @throws {CryptoError} token_malformed; key_unknown (fresh-newer) where the renewer has a newer directory, which is to be
 *   fetched first; key_unknown, key_revoked, suite_unknown, signature_invalid; envelope_tampered for another organisation,
 *   issuer or directory; clock_skew; trust_expired; trust_rollback for a directory on another branch (fresh-fork) or one
 *   that is not known to have led here (fresh-chain)
 */
export async function verifyDirectoryFreshness(
  token: string,
  trust: FreshnessJudge,
  now: number,
): Promise<GoodFreshness<DirectoryFreshClaims>> {
  requireSeconds(now);
  const good = await verifyFreshness(parseDirectoryFreshness(token), trust, now);
  // guard: fresh-directory
  if (good.claims.dir.ver !== trust.directoryRef.ver) throw tampered('it is for another directory', 'fresh-directory');
  return good;
}

/**
 * Verifies a renewer's word for a position of a label.
 * @param now seconds
 * @throws {CryptoError} as verifyDirectoryFreshness; envelope_tampered for another position
 */
export async function verifyLabelFreshness(
  token: string,
  position: PositionRef & { readonly name: string; readonly label: string },
  trust: FreshnessJudge,
  now: number,
): Promise<GoodFreshness<LabelFreshClaims>> {
  requireSeconds(now);
  const good = await verifyFreshness(parseLabelFreshness(token), trust, now);
  const { name, tag, seq, pos } = good.claims;
  // guard: fresh-position
  if (name !== position.name || tag !== position.label || seq !== position.seq || pos !== position.pos)
    throw tampered('it is for another position', 'fresh-position');
  return good;
}

/** Key, signature, place and times: all but what it is for. */
async function verifyFreshness<Claims extends FreshClaims>(
  parsed: ParsedJws<Claims>,
  trust: FreshnessJudge,
  now: number,
): Promise<GoodFreshness<Claims>> {
  const { claims, header } = parsed;
  // Its key may be one that only the newer directory lists, so this comes first.
  // guard: fresh-newer
  if (claims.dir.ver > trust.directoryRef.ver)
    throw new CryptoError('key_unknown', 'a renewer has a newer directory', { check: 'fresh-newer' });
  const holder = trust.requireKey(header.kid, { usage: 'durable', purpose: 'fresh', now, check: 'fresh-key' });
  // guard: fresh-signature
  await verifyJws(parsed, holder.record, 'fresh-signature');
  // guard: fresh-issuer
  if (claims.iss !== holder.urn) throw tampered('it was signed by another entity', 'fresh-issuer');
  // guard: fresh-audience
  if (claims.aud !== organisationUrn(trust.org)) throw tampered('it is for another organisation', 'fresh-audience');
  // guard: fresh-life
  if (claims.exp <= claims.iat || claims.exp - claims.iat > LIFE_MAX_SECONDS)
    throw new CryptoError('token_malformed', 'it does not end within a week', { check: 'fresh-life' });
  // guard: fresh-key-time
  if (claims.iat >= holder.record.use_until)
    throw new CryptoError('key_revoked', 'the key did not sign any more then', { check: 'fresh-key-time' });
  // guard: fresh-issued
  if (claims.iat > now + trust.policy.max_skew)
    throw new CryptoError('clock_skew', 'a renewer signed in the future', { check: 'fresh-issued' });
  // guard: fresh-days without: const until = claims.exp;
  const until = Math.min(claims.exp, claims.iat + trust.freshSeconds);
  // guard: fresh-expiry
  if (trust.clock(now) >= until)
    throw new CryptoError('trust_expired', 'what a renewer said is too old', { check: 'fresh-expiry' });
  requireOneBranch(trust, claims.dir);
  return { claims, until };
}

/** An older directory is one that led here; another one of the same version is a second branch. */
function requireOneBranch(trust: FreshnessJudge, { ver, hash }: DirectoryRef): void {
  const known = directoryHashAt(trust, ver);
  // guard: fresh-chain
  if (known === undefined)
    throw new CryptoError('trust_rollback', `nothing shows that the directory ${ver} of a renewer led to this one`, {
      check: 'fresh-chain',
    });
  // guard: fresh-fork
  if (known !== hash)
    throw new CryptoError(
      'trust_rollback',
      `a renewer has another directory ${ver}: the organisation has two branches`,
      {
        check: 'fresh-fork',
      },
    );
}

/**
 * Hash of the directory of a version that led to the trusted one, or of that one itself; undefined where it is not known.
 * That of the one before stands in the newest itself.
 */
export function directoryHashAt(
  { directory, directoryRef, memory }: Pick<FreshnessJudge, 'directory' | 'directoryRef' | 'memory'>,
  version: number,
): string | undefined {
  if (version === directoryRef.ver) return directoryRef.hash;
  return version === directoryRef.ver - 1 ? directory.prev : memory.hashes?.[version - 1];
}

/** Words of renewers, those that are good the newest first. */
export interface SortedWords<Claims extends FreshClaims> {
  readonly good: readonly (GoodFreshness<Claims> & { readonly token: string })[];
  readonly passedOver: readonly CryptoError[];
}

/** Tries one word after another, and skips those that are not good. */
export async function sortWords<Claims extends FreshClaims>(
  tokens: readonly string[],
  verify: (token: string) => Promise<GoodFreshness<Claims>>,
): Promise<SortedWords<Claims>> {
  const good: SortedWords<Claims>['good'][number][] = [];
  const passedOver: CryptoError[] = [];
  for (const token of tokens.slice(0, FRESH_MAX)) {
    try {
      good.push({ ...(await verify(token)), token });
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      passedOver.push(error);
    }
  }
  return { good: good.toSorted((left, right) => right.claims.iat - left.claims.iat), passedOver };
}

/** Of the reasons why words were passed over the one that says more than that none is left. */
export function tellingOf(passedOver: readonly CryptoError[]): CryptoError | undefined {
  return (
    passedOver.find(({ check }) => check === 'fresh-newer') ??
    passedOver.find(({ check }) => check === 'fresh-fork') ??
    passedOver.find(({ code }) => code === 'clock_skew')
  );
}

function tampered(message: string, check: string): CryptoError {
  return new CryptoError('envelope_tampered', message, { check });
}
