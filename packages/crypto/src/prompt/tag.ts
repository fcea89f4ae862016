import * as z from '#zod';
import { hashSchema, labelSchema, nameSchema, urnSchema, versionSchema } from '../tokens/claims.js';
import type { JwsFormat, ParsedJws } from '../tokens/compact.js';
import { parseJws, signJws } from '../tokens/compact.js';
import { CryptoError } from '../names/errors.js';
import { secondsSchema } from '../keys/keys.js';
import type { Position } from './position.js';
import type { Signer } from '../keys/signer.js';

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
/** Where it points: a version, or 0 where the label is deleted. */
const somewhere = { ver: versionSchema, chash: hashSchema };
const nowhere = { ver: z.literal(0), chash: z.literal('') };
/** `pos` of the position that this one follows; empty at a beginning, which the first always is. */
const prev = z.union([hashSchema, z.literal('')]);
const firstHasNone = z.refine<{ seq: number; prev: string }>((claims) => claims.seq > 1 || claims.prev === '');

/** T: one person's word for a position of a label (protocol.md §2.2, docs/spec/tag.md); version 0 says it is deleted. */
const tagSchema = z.union([
  z.strictObject({ ...common, ...somewhere, prev }).check(firstHasNone),
  z.strictObject({ ...common, ...nowhere, prev }).check(firstHasNone),
]);
export type TagClaims = z.infer<typeof tagSchema>;
/** T as it was before positions had a predecessor. */
const earlierTagSchema = z.union([
  z.strictObject({ ...common, ...somewhere }),
  z.strictObject({ ...common, ...nowhere }),
]);
export type EarlierTagClaims = z.infer<typeof earlierTagSchema>;

const TAG_FORMAT: JwsFormat<TagClaims> = { typ: 'bulla-tag+jwt', claims: tagSchema, maxBytes: 4096 };
const EARLIER_TAG_FORMAT: JwsFormat<EarlierTagClaims> = { ...TAG_FORMAT, claims: earlierTagSchema };

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
 * Reads a tag from before positions had a predecessor, without trusting it: its signer may say it anew.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseEarlierTag(token: string): ParsedJws<EarlierTagClaims> {
  return parseJws(token, EARLIER_TAG_FORMAT);
}

/** Whether a token is a tag from before positions had a predecessor. Nobody has verified it. */
export function isEarlierTag(token: string): boolean {
  try {
    return parseEarlierTag(token).claims.seq > 0;
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}

/** The position that a tag is for. */
export function positionOf({ name, tag, seq, sub, ver, chash, prev: before }: TagClaims): Position {
  return { name, tag, seq, sub, ver, chash, prev: before };
}
