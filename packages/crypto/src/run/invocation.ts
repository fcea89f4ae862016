import * as z from '#zod';
import { requireDataSize } from '../chat/messages.js';
import { tokenHash, utf8 } from '../encoding/bytes.js';
import { urnSchema } from '../tokens/claims.js';
import { SKEW_SECONDS } from '../names/limits.js';
import type { DirectoryRef } from '../tokens/claims.js';
import type { JweFormat, JwsFormat, ParsedJwe, ParsedJws } from '../tokens/compact.js';
import { parseJwe, parseJws, sealAlgOf, sealedToShape, sealTo, signJws, verifyJws } from '../tokens/compact.js';
import type { KeyHolder, Recipient } from '../organisation/directory-keys.js';
import type { ChatEnvelopeClaims, EnvelopeClaims } from './envelope.js';
import { CryptoError } from '../names/errors.js';
import type { InvocationClaims, InvocationKind } from './question.js';
import { invocationSchema, kindAsked } from './question.js';
import { requireSeconds } from '../names/seconds.js';
import type { Signer } from '../keys/signer.js';
import type { Trust } from '../organisation/trust.js';

/** Largest inner token and largest payload of it in bytes (protocol.md §2.1), of a question to a stored prompt. */
export const INVOCATION_MAX_BYTES = 256 * 1024;
/**
 * The same for a chat, which may bring images and files along: 4 MiB of them are two thirds more as base64 in base64url.
 * The sealed question is at most 12 MiB long.
 */
const CHAT_PAYLOAD_MAX_BYTES = 6.5 * 1024 * 1024;
const CHAT_MAX_BYTES = 9 * 1024 * 1024 - 4096;
/** Longest life of an invocation: `exp` − `iat`. */
export const INVOCATION_TTL_MAX_SECONDS = 120;

function innerFormat(kind: InvocationKind): JwsFormat<InvocationClaims> {
  return {
    typ: 'bulla-invoke+jwt',
    claims: invocationSchema,
    maxBytes: kind === 'chat' ? CHAT_PAYLOAD_MAX_BYTES : INVOCATION_MAX_BYTES,
  };
}

const headerSchema = z.strictObject({
  ...sealedToShape,
  typ: z.literal('bulla-invoke+jwe'),
  cty: z.literal('bulla-invoke+jwt'),
  iss: urnSchema,
  aud: urnSchema,
});
/** What of a question is readable without a key: who asks whom (RFC 7519 §5.3). */
export type InvocationHeader = z.infer<typeof headerSchema>;

function outerFormat(kind: InvocationKind): JweFormat<InvocationHeader> {
  return { typ: 'bulla-invoke+jwe', header: headerSchema, maxBytes: innerTokenBytes(kind) };
}

/** Longest signed question inside, in bytes. */
export function innerTokenBytes(kind: InvocationKind): number {
  return kind === 'chat' ? CHAT_MAX_BYTES : INVOCATION_MAX_BYTES;
}

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
  requireDataSize(claims.messages);
  const kind = kindAsked(claims);
  const inner = await signJws(innerFormat(kind), claims, signer);
  const header: InvocationHeader = {
    alg: sealAlgOf(recipient.record),
    enc: 'A256GCM',
    typ: 'bulla-invoke+jwe',
    cty: 'bulla-invoke+jwt',
    kid: recipient.record.kid,
    iss: claims.iss,
    aud: claims.aud,
  };
  const token = await sealTo(outerFormat(kind), header, utf8(inner), recipient.record);
  return { token, inner, rh: await tokenHash(token), ih: await tokenHash(inner) };
}

/**
 * Reads the outside of a sealed question.
 * @param kind what its envelope is for; a chat may be larger.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseInvocation(token: string, kind: InvocationKind = 'prompt'): ParsedJwe<InvocationHeader> {
  return parseJwe(token, outerFormat(kind));
}

/**
 * Reads the signed question without trusting it.
 * @param kind what its envelope is for; a chat may be larger.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseInnerInvocation(inner: string, kind: InvocationKind = 'prompt'): ParsedJws<InvocationClaims> {
  const parsed = parseJws(inner, innerFormat(kind));
  requireDataSize(parsed.claims.messages);
  return parsed;
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
