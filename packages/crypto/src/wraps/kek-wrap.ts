import * as z from '#zod';
import { hashSchema, urnOfSchema, versionSchema } from '../tokens/claims.js';
import type { JweFormat, ParsedJwe } from '../tokens/compact.js';
import { CryptoError } from '../names/errors.js';
import { parseUrn } from '../names/ids.js';
import { orgSchema } from '../organisation/root.js';
import { dekIdSchema } from '../prompt/grant.js';
import { isDataKey } from '../prompt/data-key.js';
import { isKekIdOf, parseWrappedKey, sealKeyUnder, WRAPPED_KEY_BYTES, wrappedShape } from './wrapped-key.js';

const headerSchema = z
  .strictObject({
    ...wrappedShape,
    typ: z.literal('bulla-kekwrap+jwe'),
    /** The version of the organisation's key that it is under. */
    kid: z.string(),
    org: orgSchema,
    sub: urnOfSchema('prompt'),
    ver: versionSchema,
    dek: dekIdSchema,
    chash: hashSchema,
    /** The commitment to the wrapped key, as its content has it; those of contents that have none lack it (protocol.md A16). */
    dkc: z.optional(hashSchema),
  })
  .check(
    z.refine(({ org, kid }) => isKekIdOf(org, kid)), // guard: kekwrap-kid
    z.refine(({ org, sub }) => parseUrn(sub)?.org === org), // guard: kekwrap-abroad
  );
/** What of a wrapped content key is readable without the organisation's key (protocol.md §7). */
export type KekWrapHeader = z.infer<typeof headerSchema>;

const format: JweFormat<KekWrapHeader> = {
  typ: 'bulla-kekwrap+jwe',
  header: headerSchema,
  maxBytes: WRAPPED_KEY_BYTES,
};

/** What a wrapped content key is bound to: it opens for nothing else. */
export interface WrapContext {
  readonly org: string;
  /** URN of the prompt. */
  readonly sub: string;
  /** Counts from 1. */
  readonly ver: number;
  /** The content key's id, `kid` of C. */
  readonly dek: string;
  /** `H(C)`. */
  readonly chash: string;
  /** What the content says of its key; undefined for one that was sealed before contents said it. */
  readonly dkc?: string | undefined;
}

/**
 * Wraps a content key under a version of the organisation's key (protocol.md §2.3, `managed`).
 * @param dek 32 bytes
 * @param kek 32 bytes; random IVs, so its uses are counted: 2^30 at most
 * @param kid of that version, such as `kek:acme:7`
 * @throws {CryptoError} key_invalid if a key has another length, or the content commits to another; token_malformed if `kid` or the context is none, or one
 *   belongs to another organisation
 */
export async function sealKekWrap(
  dek: Uint8Array,
  kek: Uint8Array,
  kid: string,
  context: WrapContext,
): Promise<string> {
  const { org, sub, ver, dek: dekId, chash, dkc } = context;
  await requireCommitted(dek, dkc);
  const header: KekWrapHeader = {
    alg: 'dir',
    enc: 'A256GCM',
    typ: 'bulla-kekwrap+jwe',
    kid,
    org,
    sub,
    ver,
    dek: dekId,
    chash,
    ...(dkc !== undefined && { dkc }),
  };
  return sealKeyUnder(format, header, { key: dek, under: kek });
}

/** @throws {CryptoError} key_invalid */
async function requireCommitted(dek: Uint8Array, dkc: string | undefined): Promise<void> {
  // guard: kekwrap-seal-commitment
  if (dkc !== undefined && !(await isDataKey(dek, dkc)))
    throw new CryptoError('key_invalid', 'the content commits to another key', { check: 'wrapped-key' });
}

/**
 * Reads a wrapped content key without opening it.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseKekWrap(token: string): ParsedJwe<KekWrapHeader> {
  return parseWrappedKey(token, format);
}
