import * as z from '#zod';
import { decodeBase64url, encodeHex } from '../encoding/bytes.js';
import { versionSchema } from '../tokens/claims.js';
import type { DocumentFormat, DocumentStage, ParsedDocument } from '../tokens/document.js';
import { parseDocument, requireSignatures } from '../tokens/document.js';
import { checkLife, timestampSchema } from '../tokens/document-times.js';
import { CryptoError } from '../names/errors.js';
import { ORG_PATTERN } from '../names/patterns.js';
import { keyThumbprint, kidSchema } from '../keys/keys.js';
import { RSA_KEYS } from '../keys/suite-rsa.js';
import { ALL_SUITES, checkPublicJwk, publicJwkSchema, SIGN_ALGS } from '../keys/suites.js';

export const orgSchema = z.string().check(z.regex(ORG_PATTERN));

const roleSchema = z.strictObject({
  kids: z.array(kidSchema).check(z.minLength(1), z.maxLength(16)),
  threshold: z.int().check(z.gte(1), z.lte(16)),
});

/** root: which keys may sign for the organisation, and how many must (protocol.md §4, docs/spec/root.md). */
const rootSchema = z.strictObject({
  _type: z.literal('bulla-root'),
  spec: z.literal('1'),
  org: orgSchema,
  /** `development`: one-of-one keys that lie in the data folder. */
  profile: z.enum(['development', 'production']),
  version: versionSchema,
  issued: timestampSchema,
  expires: timestampSchema,
  keys: z.record(kidSchema, z.strictObject({ jwk: publicJwkSchema, alg: z.enum(SIGN_ALGS) })),
  roles: z.strictObject({ root: roleSchema, policy: roleSchema, directory: roleSchema }),
  /** Recipient of a grant of every sealed prompt; its private half is kept offline. */
  recovery_enc: z.optional(
    z.strictObject({
      kid: kidSchema,
      alg: z.literal('RSA-OAEP-256'),
      suite: z.literal('rsa3072'),
      jwk: RSA_KEYS.publicJwk,
    }),
  ),
});
export type RootDocument = z.infer<typeof rootSchema>;

const ROOT_FORMAT: DocumentFormat<RootDocument> = { type: 'bulla-root', payload: rootSchema, maxBytes: 64 * 1024 };
const ROOT_DAYS_MAX = 366;
const CHAIN_MAX = 256;

/**
 * Reads one root version without trusting it.
 * @throws {CryptoError} token_malformed, payload_too_large, key_invalid
 */
export async function parseRoot(token: string, stage: DocumentStage = 'signed'): Promise<ParsedDocument<RootDocument>> {
  const parsed = await parseDocument(token, ROOT_FORMAT, stage);
  const { keys, roles, recovery_enc: recovery } = parsed.payload;
  checkLife(parsed.payload, ROOT_DAYS_MAX);
  for (const [kid, { jwk, alg }] of Object.entries(keys)) {
    // Of each type of key one suite may sign documents at most, so the type tells it.
    const of = ALL_SUITES.find(({ documents, keys: { kty } }) => documents && kty === jwk.kty);
    if (of === undefined) throw new CryptoError('key_invalid', 'no suite of keys like this may sign documents');
    if (alg !== of.sign)
      throw new CryptoError('key_invalid', 'the algorithm of a root key is not the one of its suite');
    checkPublicJwk(jwk, of.id);
    // guard: root-kid
    if ((await keyThumbprint(jwk)) !== kid)
      throw new CryptoError('key_invalid', 'the kid of a root key is not its thumbprint');
  }
  for (const { kids, threshold } of Object.values(roles)) {
    if (kids.some((kid) => !Object.hasOwn(keys, kid))) throw malformed('a role names a key that is not listed');
    // guard: root-role-distinct
    if (new Set(kids).size !== kids.length) throw malformed('a role names a key twice');
    if (threshold > kids.length) throw malformed('a threshold cannot be met');
  }
  if (recovery !== undefined) {
    checkPublicJwk(recovery.jwk, recovery.suite);
    const kid = await keyThumbprint(recovery.jwk);
    if (kid !== recovery.kid) throw new CryptoError('key_invalid', 'the kid of the recovery key is not its thumbprint');
    // guard: recovery-signs
    if (Object.hasOwn(keys, kid)) throw new CryptoError('key_invalid', 'the recovery key also signs');
  }
  return parsed;
}

/** What clients pin: `sha256:` and 64 hexadecimal digits of the SHA-256 of the payload of root version 1. */
export function pinOf(first: ParsedDocument<RootDocument>): string {
  return `sha256:${encodeHex(decodeBase64url(first.hash))}`;
}

/** Verified root versions in order, and the newest of them. */
export interface RootChain {
  readonly roots: readonly ParsedDocument<RootDocument>[];
  readonly newest: ParsedDocument<RootDocument>;
}

/**
 * Verifies a root chain from version 1 on: the first is the pinned one, each version is the one before plus
 * one and signed by the thresholds of both (TUF §5.3). Expiry is the caller's to judge, last.
 * @throws {CryptoError} pin_mismatch, trust_rollback, signature_invalid, token_malformed, key_invalid
 */
export async function verifyRootChain(
  tokens: readonly string[],
  expected: { readonly org: string; readonly pin: string },
): Promise<RootChain> {
  const [firstToken, ...laterTokens] = tokens;
  if (firstToken === undefined || tokens.length > CHAIN_MAX) {
    throw new CryptoError('token_malformed', `a root chain has 1 to ${CHAIN_MAX} versions`, { check: 'root-count' });
  }
  let newest = await parseRoot(firstToken);
  // guard: root-pin
  if (pinOf(newest) !== expected.pin) throw mismatch('the root is not the pinned one', 'root-pin');
  // guard: root-organisation
  if (newest.payload.org !== expected.org) throw mismatch('the root is of another organisation', 'root-organisation');
  if (newest.payload.version !== 1) throw outOfOrder();
  // guard: root-first-signed
  await requireRootSignatures(newest, newest.payload);
  const roots = [newest];
  for (const token of laterTokens) {
    const next = await parseRoot(token);
    if (next.payload.org !== expected.org) throw mismatch('the root is of another organisation', 'root-organisation');
    // guard: root-version
    if (next.payload.version !== newest.payload.version + 1) throw outOfOrder();
    // guard: root-by-old
    await requireRootSignatures(next, newest.payload);
    // guard: root-by-new
    await requireRootSignatures(next, next.payload);
    roots.push(next);
    newest = next;
  }
  return { roots, newest };
}

function requireRootSignatures(next: ParsedDocument<RootDocument>, by: RootDocument): Promise<void> {
  return requireSignatures(next, by.roles.root, by.keys, 'root-signatures');
}

function outOfOrder(): CryptoError {
  return new CryptoError('trust_rollback', 'the root versions do not count up one by one', { check: 'root-version' });
}

function mismatch(message: string, check: string): CryptoError {
  return new CryptoError('pin_mismatch', message, { check });
}

function malformed(message: string): CryptoError {
  return new CryptoError('token_malformed', message);
}
