import { compactDecrypt, compactVerify, errors, importJWK } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import * as z from '#zod';
import type { Bytes } from '../src/encoding/bytes.js';
import type { JwsHeader } from '../src/tokens/compact.js';
import { parseJwe, sealedToShape, split, verifyJws } from '../src/tokens/compact.js';
import { CryptoError } from '../src/names/errors.js';
import type { KeyRecord } from '../src/keys/keys.js';
import { loadUnwrapper, openFailed, openWith } from '../src/tokens/open/compact.js';
import { checkShape } from '../src/encoding/schema.js';
import { strictParse } from '../src/encoding/strict-parse.js';
import type { P256PublicJwk } from '../src/keys/suite-p256.js';
import { SIGN_ALGS } from '../src/keys/suites.js';
import type { Level } from './wycheproof.js';
import type { PrivateJwk, SealAlg } from '../src/keys/suites.js';

/**
 * Foreign tokens have neither our `typ` nor our `kid`, so they cannot pass parseJws and parseJwe as they are. These
 * readers put the same steps in the same order: split, strict header, the key's algorithm, signature or opening.
 */

const LIMITS = { maxBytes: 65_536 };
const jwsHeaders = {
  bulla: z.strictObject({ alg: z.enum(SIGN_ALGS), kid: z.string() }),
  platform: z.strictObject({ alg: z.string(), kid: z.string() }),
};
/** parseJwe's type wants the `typ` that every header of ours has. */
const bullaJweHeader = z.strictObject({
  ...sealedToShape,
  kid: z.optional(z.string()),
}) as unknown as z.ZodMiniType<{ alg: SealAlg; typ: string; kid?: string; epk?: P256PublicJwk }>;
const platformJweHeader = z.strictObject({
  alg: z.string(),
  enc: z.string(),
  kid: z.optional(z.string()),
  cty: z.optional(z.string()),
  epk: z.optional(z.record(z.string(), z.string())),
  iv: z.optional(z.string()),
  tag: z.optional(z.string()),
});

/** The protected header, read as strictly as every token's. */
export function readHeader(token: string, parts: 3 | 5): Record<string, unknown> {
  const [header] = split(token, parts, LIMITS.maxBytes);
  return strictParse(header ?? new Uint8Array(), LIMITS) as Record<string, unknown>;
}

/** Verifies a JWS under a key, by the key's algorithm. */
export async function verifyVectorJws(token: string, jwk: JWK, level: Level): Promise<void> {
  const header = checkShape<{ alg: string; kid: string }>(readHeader(token, 3), jwsHeaders[level], 'header');
  if (level === 'platform') return verifyAsPlatform(token, jwk);
  const parsed = { token, header: { ...header, typ: 'vector' } as JwsHeader, claims: undefined };
  await verifyJws(parsed, recordOf(jwk), 'vector');
}

async function verifyAsPlatform(token: string, jwk: JWK): Promise<void> {
  const { alg = 'none', kid } = jwk;
  try {
    if (readHeader(token, 3)['kid'] !== kid) throw new errors.JWSInvalid();
    await compactVerify(token, await importJWK(material(jwk), alg), { algorithms: [alg] });
  } catch (error) {
    if (error instanceof CryptoError && error.code === 'token_malformed') throw error;
    throw new CryptoError('signature_invalid', 'the signature of the vector is not valid');
  }
}

/** Opens a JWE under a key, by the key's algorithm. */
export async function openVectorJwe(token: string, jwk: JWK, level: Level): Promise<Uint8Array> {
  return level === 'bulla' ? openAsBulla(token, jwk) : openAsPlatform(token, jwk);
}

async function openAsBulla(token: string, jwk: JWK): Promise<Bytes> {
  const parsed = parseJwe(token, {
    typ: 'vector',
    header: bullaJweHeader,
    ...LIMITS,
  });
  if (jwk.alg !== parsed.header.alg) throw new CryptoError('key_invalid', 'the key is of another algorithm');
  const unwrapper = await loadUnwrapper(material(jwk) as PrivateJwk, parsed.header.alg);
  return openWith({ ...parsed, header: { ...parsed.header, kid: unwrapper.kid } }, unwrapper);
}

async function openAsPlatform(token: string, jwk: JWK): Promise<Uint8Array> {
  const header = checkShape(readHeader(token, 5), platformJweHeader, 'header');
  // RFC 7520 §5.6 gives a key for direct use the name of its content encryption.
  const isDirect = jwk.kty === 'oct' && jwk.alg === header.enc;
  const alg = isDirect ? 'dir' : (jwk.alg ?? 'none');
  try {
    const key = await importJWK(material(jwk), alg);
    const { plaintext } = await compactDecrypt(token, key, { keyManagementAlgorithms: [alg] });
    return plaintext;
  } catch (error) {
    if (error instanceof errors.JOSEError) throw openFailed();
    throw error;
  }
}

/** A directory record for a foreign key, whose algorithm the token must have. */
function recordOf(jwk: JWK): KeyRecord {
  const { kid, alg } = jwk;
  if (alg === undefined) throw new CryptoError('key_invalid', 'a key without an algorithm cannot be listed');
  const use = jwk.use === 'enc' ? 'enc' : 'sig';
  return { kid, alg, use, jwk: material(jwk) } as unknown as KeyRecord;
}

/** A private key that is no record of ours, as the platform takes it. */
export async function importForeign(jwk: JWK, alg: string): Promise<CryptoKey> {
  const key = await importJWK(material(jwk), alg);
  if (key instanceof Uint8Array) throw new CryptoError('key_invalid', 'not a private key');
  return key;
}

/** Key material alone, as a directory holds it. */
export function material(jwk: JWK): JWK {
  const { kid: _kid, alg: _alg, use: _use, key_ops: _operations, ...rest } = jwk;
  return rest;
}
