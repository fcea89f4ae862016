import * as z from '#zod';
import { versionSchema } from '../tokens/claims.js';
import type { JweFormat, ParsedJwe } from '../tokens/compact.js';
import { orgSchema } from '../organisation/root.js';
import { kekId, parseWrappedKey, sealKeyUnder, WRAPPED_KEY_BYTES, wrappedShape } from './wrapped-key.js';

/** The root key's name: its provider, and a version or fingerprint in the provider's own spelling. */
const ROOT_KID = /^root:[a-z0-9]{1,16}:[A-Za-z0-9._:-]{1,128}$/;

const headerSchema = z
  .strictObject({
    ...wrappedShape,
    typ: z.literal('bulla-kek+jwe'),
    kid: z.string().check(z.regex(ROOT_KID)),
    org: orgSchema,
    kek: z.string(),
    kver: versionSchema,
  })
  .check(
    z.refine(({ org, kek, kver }) => kek === kekId(org, kver)), // guard: kek-id
  );
/** What of a wrapped organisation's key is readable without the root key (protocol.md §7). */
export type KekHeader = z.infer<typeof headerSchema>;

const format: JweFormat<KekHeader> = { typ: 'bulla-kek+jwe', header: headerSchema, maxBytes: WRAPPED_KEY_BYTES };

/** Which version of which organisation's key it is. */
export interface KekContext {
  readonly org: string;
  /** Its name, `kekId(org, kver)`: the `kid` of what is wrapped under it. */
  readonly kek: string;
  /** Counts from 1. */
  readonly kver: number;
}

/**
 * Wraps a version of an organisation's key under the root key.
 * @param kek 32 bytes
 * @param root 32 bytes
 * @param kid of the root key, such as `root:file:1`
 * @throws {CryptoError} key_invalid if a key has another length; token_malformed if `kid` or the context is none
 */
export async function sealKek(kek: Uint8Array, root: Uint8Array, kid: string, context: KekContext): Promise<string> {
  const header: KekHeader = {
    alg: 'dir',
    enc: 'A256GCM',
    typ: 'bulla-kek+jwe',
    kid,
    org: context.org,
    kek: context.kek,
    kver: context.kver,
  };
  return sealKeyUnder(format, header, { key: kek, under: root });
}

/**
 * Reads a wrapped organisation's key without opening it.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseKek(token: string): ParsedJwe<KekHeader> {
  return parseWrappedKey(token, format);
}
