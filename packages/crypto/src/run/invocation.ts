import * as z from 'zod/mini';
import { tokenHash, utf8 } from '../encoding/bytes.js';
import {
  bytes32Schema,
  directoryRefSchema,
  hashSchema,
  idSchema,
  modelNameSchema,
  nameSchema,
  opaqueIdSchema,
  urnSchema,
} from '../tokens/claims.js';
import { SKEW_SECONDS } from '../names/limits.js';
import type { DirectoryRef } from '../tokens/claims.js';
import type { JweFormat, JwsFormat, ParsedJwe, ParsedJws } from '../tokens/compact.js';
import { parseJwe, parseJws, sealAlgOf, sealedToShape, sealTo, signJws, verifyJws } from '../tokens/compact.js';
import type { KeyHolder, Recipient } from '../organisation/directory-keys.js';
import type { ChatEnvelopeClaims, EnvelopeClaims } from './envelope.js';
import { CryptoError } from '../names/errors.js';
import { secondsSchema } from '../keys/keys.js';
import { requireSeconds } from '../names/seconds.js';
import type { Signer } from '../keys/signer.js';
import type { Trust } from '../organisation/trust.js';

/** Largest inner token and largest payload of it in bytes (protocol.md §2.1). */
export const INVOCATION_MAX_BYTES = 256 * 1024;
/** Longest life of an invocation: `exp` − `iat`. */
export const INVOCATION_TTL_MAX_SECONDS = 120;

// guard: question-system without:
//   const roles = z.enum(['user', 'assistant', 'tool', 'system']);
//   const messageSchema = z.strictObject({ role: roles, content: z.string() });
const messageSchema = z.strictObject({ role: z.enum(['user', 'assistant', 'tool']), content: z.string() });
/** A message the asker adds after the prompt's own; never a system message. */
export type InvocationMessage = z.infer<typeof messageSchema>;

const optionsShape = {
  stream: z.boolean(),
  privacy: z.enum(['padded', 'strict']),
  max_output_tokens: z.optional(z.int().check(z.gte(1))),
  temperature: z.optional(z.number().check(z.gte(0), z.lte(2))),
};

const sharedShape = {
  iss: urnSchema,
  aud: urnSchema,
  iat: secondsSchema,
  exp: secondsSchema,
  jti: idSchema('inv'),
  env: z.strictObject({ jti: idSchema('env'), hash: hashSchema }),
  dir: directoryRefSchema,
  /** The fresh secret that the reply is sealed under. */
  rsp: bytes32Schema,
  vars: z.record(z.string().check(z.minLength(1), z.maxLength(128)), z.string()),
  messages: z.array(messageSchema),
  retry_of: z.optional(idSchema('inv')),
  /** The API key on whose behalf a service asks. */
  act: z.optional(opaqueIdSchema),
};

const claimsSchema = z.discriminatedUnion('purpose', [
  z.strictObject({
    ...sharedShape,
    purpose: z.literal('prompt.invoke'),
    name: nameSchema,
    opt: z.strictObject({ ...optionsShape, model: z.optional(modelNameSchema) }),
  }),
  z.strictObject({
    ...sharedShape,
    purpose: z.literal('chat.invoke'),
    opt: z.strictObject({ ...optionsShape, model: modelNameSchema }),
  }),
]);
/** The question (protocol.md §3, I). */
export type InvocationClaims = z.infer<typeof claimsSchema>;

const innerFormat: JwsFormat<InvocationClaims> = {
  typ: 'bulla-invoke+jwt',
  claims: claimsSchema,
  maxBytes: INVOCATION_MAX_BYTES,
};

const headerSchema = z.strictObject({
  ...sealedToShape,
  typ: z.literal('bulla-invoke+jwe'),
  cty: z.literal('bulla-invoke+jwt'),
  iss: urnSchema,
  aud: urnSchema,
});
/** What of a question is readable without a key: who asks whom (RFC 7519 §5.3). */
export type InvocationHeader = z.infer<typeof headerSchema>;

const outerFormat: JweFormat<InvocationHeader> = {
  typ: 'bulla-invoke+jwe',
  header: headerSchema,
  maxBytes: INVOCATION_MAX_BYTES,
};

export interface SealedInvocation {
  /** The JWE to send; a retry sends these very bytes. */
  readonly token: string;
  /** The signed question inside; the asker may keep it as evidence. */
  readonly inner: string;
  /** `H(token)`, by which the responder knows a retry. */
  readonly rh: string;
  /** `H(inner)`, which the reply is bound to. */
  readonly ih: string;
}

/**
 * Signs a question and seals it to its audience.
 * @throws {CryptoError} key_invalid if the recipient is not the audience; token_malformed, payload_too_large
 */
export async function sealInvocation(
  claims: InvocationClaims,
  signer: Signer,
  recipient: Recipient,
): Promise<SealedInvocation> {
  if (recipient.urn !== claims.aud) {
    throw new CryptoError('key_invalid', 'the recipient is not the audience of the question');
  }
  const inner = await signJws(innerFormat, claims, signer);
  const header: InvocationHeader = {
    alg: sealAlgOf(recipient.record),
    enc: 'A256GCM',
    typ: 'bulla-invoke+jwe',
    cty: 'bulla-invoke+jwt',
    kid: recipient.record.kid,
    iss: claims.iss,
    aud: claims.aud,
  };
  const token = await sealTo(outerFormat, header, utf8(inner), recipient.record);
  return { token, inner, rh: await tokenHash(token), ih: await tokenHash(inner) };
}

/**
 * Reads the outside of a sealed question.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseInvocation(token: string): ParsedJwe<InvocationHeader> {
  return parseJwe(token, outerFormat);
}

/**
 * Reads the signed question without trusting it.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseInnerInvocation(inner: string): ParsedJws<InvocationClaims> {
  return parseJws(inner, innerFormat);
}

/** What a question is held against. */
export interface InvocationContext {
  readonly trust: Trust;
  /** When the question arrived, in seconds: a slow model does not expire it. */
  readonly now: number;
  /** Claims of the verified envelope. */
  readonly envelope: EnvelopeClaims | ChatEnvelopeClaims;
  /** `H(E)`. */
  readonly envelopeHash: string;
  /** URN of the responder that was asked. */
  readonly audience: string;
}

/**
 * Checks the signature of a question, its purpose, times, audience, and that it was asked with this envelope. Whether
 * it is past `exp` is decided with the claim (step 9), since a known question is answered again.
 * @throws {CryptoError} key_unknown, signature_invalid, envelope_tampered, clock_skew
 */
export async function verifyInvocation(inner: ParsedJws<InvocationClaims>, context: InvocationContext): Promise<void> {
  const { claims, header } = inner;
  const { envelope, now } = context;
  const holder = context.trust.holder(header.kid);
  if (holder === undefined) {
    throw new CryptoError('key_unknown', 'the key of the question is not in the directory', {
      check: 'invocation-key',
    });
  }
  // guard: question-signature
  await verifyJws(inner, holder.record, 'invocation-signature');
  const name = claims.purpose === 'prompt.invoke' ? claims.name : undefined;
  // guard: question-purpose
  requireEqual('invocation-purpose', claims.purpose, envelope.purpose);
  // guard: question-audience
  requireEqual('invocation-audience', claims.aud, context.audience);
  // guard: question-envelope
  requireEqual('invocation-envelope', claims.env.hash, context.envelopeHash);
  // guard: question-envelope-id
  requireEqual('invocation-envelope-id', claims.env.jti, envelope.jti);
  // guard: question-name
  requireEqual('invocation-name', name, envelope.purpose === 'prompt.invoke' ? envelope.prm.name : undefined);
  const life = claims.exp - claims.iat;
  // guard: question-life
  if (life <= 0 || life > INVOCATION_TTL_MAX_SECONDS) throw tampered('invocation-life');
  // guard: question-future
  if (claims.iat > now + SKEW_SECONDS) {
    throw new CryptoError('clock_skew', 'the question is from the future', { check: 'invocation-time' });
  }
}

/**
 * Step 7 of protocol.md §2.4 as the responder sees it: the question was opened with a private key, so all faults look
 * alike. Only an unknown signer stays exact, since who signed is the matter of step 8.
 * @throws {CryptoError} open_failed; key_unknown
 */
export async function verifyInnerSignatureAndBinding(
  inner: ParsedJws<InvocationClaims>,
  context: InvocationContext,
): Promise<void> {
  requireSeconds(context.now);
  try {
    await verifyInvocation(inner, context);
  } catch (error) {
    if (error instanceof CryptoError && error.code === 'key_unknown') throw error;
    // guard: question-one-error without: throw error;
    throw new CryptoError('open_failed', 'could not be opened');
  }
}

/**
 * Step 8: the signer is the very device that the envelope names, usable now and an invoker. Its `kind` is for step 13.
 * @throws {CryptoError} envelope_tampered, key_unknown, key_revoked, forbidden; trust_rollback if the asker's directory
 * has our version and another content; trust_expired if it is newer than ours: fetch it and check again, or refuse.
 */
export function checkAsker(inner: ParsedJws<InvocationClaims>, context: InvocationContext): KeyHolder {
  requireSeconds(context.now);
  const { claims, header } = inner;
  const { trust, envelope, now } = context;
  checkDirectoryRef(claims.dir, trust);
  // guard: asker-cnf
  requireEqual('asker-key', header.kid, envelope.cnf.jkt);
  // guard: asker-sub
  requireEqual('asker', claims.iss, envelope.sub);
  const holder = trust.requireKey(header.kid, { usage: 'invocation', purpose: 'invoke', now, check: 'asker-key' });
  // guard: asker-holds-key
  requireEqual('asker-issuer', claims.iss, holder.urn);
  // guard: asker-role
  if (!trust.hasRole(holder.urn, 'invoker')) {
    throw new CryptoError('forbidden', 'the asker is not an invoker', { check: 'asker-role' });
  }
  return holder;
}

function checkDirectoryRef(dir: DirectoryRef, trust: Trust): void {
  const own = trust.directoryRef;
  // guard: asker-directory-newer
  if (dir.ver > own.ver) {
    throw new CryptoError('trust_expired', 'the asker has a newer directory', { check: 'asker-directory' });
  }
  // guard: asker-directory-fork
  if (dir.ver === own.ver && dir.hash !== own.hash) {
    throw new CryptoError('trust_rollback', 'the directory has been forked', { check: 'asker-directory' });
  }
}

function requireEqual(check: string, actual: string | undefined, expected: string | undefined): void {
  if (actual !== expected) throw tampered(check);
}

function tampered(check: string): CryptoError {
  return new CryptoError('envelope_tampered', 'the question does not belong to its envelope', { check });
}
