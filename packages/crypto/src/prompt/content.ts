import * as z from '#zod';
import { encodeHex, randomBytes, tokenHash, utf8 } from '../encoding/bytes.js';
import { hashSchema, urnOfSchema, versionSchema } from '../tokens/claims.js';
import type { JweFormat, ParsedJwe } from '../tokens/compact.js';
import { parseJwe, parseJweHeader, sealUnder } from '../tokens/compact.js';
import { CryptoError } from '../names/errors.js';
import { dataKeyCommitment } from './data-key.js';
import type { GrantPlace } from './grant.js';
import { dekIdSchema } from './grant.js';
import { parseUrn } from '../names/ids.js';
import { orgSchema } from '../organisation/root.js';
import { Secret } from '../encoding/secret.js';
import { parseStatement } from './statement.js';

/** Largest plaintext in bytes: the longest statement as a compact token. */
export const CONTENT_MAX_BYTES = 352 * 1024;

const headerSchema = z.strictObject({
  alg: z.literal('dir'),
  enc: z.literal('A256GCM'),
  typ: z.literal('bulla-content+jwe'),
  cty: z.literal('bulla-prompt+jwt'),
  /** The content key's id. */
  kid: dekIdSchema,
  org: orgSchema,
  sub: urnOfSchema('prompt'),
  ver: versionSchema,
  /** `H(PS)`: AES-GCM does not commit to its key, so the plaintext is fixed here, inside what W, E and the reply hash. */
  cmt: hashSchema,
  /** The commitment to the key. What was sealed before there was one lacks it, and cannot get one (protocol.md A16). */
  dkc: z.optional(hashSchema),
});
/** What of a content is readable without its key (protocol.md §2.2, C). */
export type ContentHeader = z.infer<typeof headerSchema>;

const format: JweFormat<ContentHeader> = {
  typ: 'bulla-content+jwe',
  header: headerSchema,
  maxBytes: CONTENT_MAX_BYTES,
};

/** Where a content belongs: it opens nowhere else. */
export interface ContentPlace {
  readonly org: string;
  /** URN of the prompt. */
  readonly sub: string;
  /** Counts from 1. */
  readonly ver: number;
}

/** A sealed content, its key, and the place of every grant of that key. */
export interface SealedContent extends GrantPlace {
  /** C, the compact JWE. */
  readonly content: string;
  /** The content key: grant it, then wipe it. */
  readonly dek: Secret;
}

/**
 * Encrypts a signed statement under a fresh key that is used for nothing else, so that its random IV cannot repeat.
 * @param statement PS as a compact token; it must be about this place.
 * @throws {CryptoError} token_malformed, payload_too_large; envelope_tampered if the statement is about another place
 */
export async function sealContent(statement: string, place: ContentPlace): Promise<SealedContent> {
  const { claims } = parseStatement(statement);
  // guard: seal-place
  if (claims.sub !== place.sub || claims.ver !== place.ver || parseUrn(place.sub)?.org !== place.org) {
    throw new CryptoError('envelope_tampered', 'the statement is about another place', { check: 'content-place' });
  }
  const dek = new Secret(randomBytes(32));
  const dkc = await dataKeyCommitment(dek.reveal());
  const header: ContentHeader = {
    alg: 'dir',
    enc: 'A256GCM',
    typ: 'bulla-content+jwe',
    cty: 'bulla-prompt+jwt',
    kid: `dek_${encodeHex(randomBytes(16))}`,
    org: place.org,
    sub: place.sub,
    ver: place.ver,
    cmt: await tokenHash(statement),
    dkc,
  };
  const content = await sealUnder(format, header, utf8(statement), dek);
  return {
    content,
    dek,
    sub: place.sub,
    ver: place.ver,
    dekId: header.kid,
    chash: await tokenHash(content),
    dkc,
    protectUntil: claims.protect_until,
  };
}

/**
 * Reads a content without opening it.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseContent(token: string): ParsedJwe<ContentHeader> {
  return parseJwe(token, format);
}

/**
 * Reads the header of a content that is not at hand as a whole. What it says is authenticated by nothing.
 * @param part the first part of the token.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function readContentHeader(part: string): ContentHeader {
  return parseJweHeader(part, format);
}
