import { CHAT_MODELS_MAX, CHAT_USES_MAX, USES_MAX } from '../names/limits.js';
import * as z from '#zod';
import { decodeBase64url, tokenHash } from '../encoding/bytes.js';
import {
  directoryRefSchema,
  hashSchema,
  idSchema,
  modelNameSchema,
  opaqueIdSchema,
  promptRefSchema,
  urnOfSchema,
} from '../tokens/claims.js';
import { SKEW_SECONDS } from '../names/limits.js';
import type { JwsFormat, ParsedJws } from '../tokens/compact.js';
import { parseJws, signJws, verifyJws } from '../tokens/compact.js';
import type { KeyHolder } from '../organisation/directory-keys.js';
import { CryptoError } from '../names/errors.js';
import { parseUrn, urnOf } from '../names/ids.js';
import type { KeyRecord } from '../keys/keys.js';
import { kidSchema, secondsSchema } from '../keys/keys.js';
import { requireSeconds } from '../names/seconds.js';
import type { Signer } from '../keys/signer.js';
import { strictParse } from '../encoding/strict-parse.js';
import type { Trust } from '../organisation/trust.js';

/** Largest payload of an envelope in bytes. */
export const ENVELOPE_MAX_BYTES = 16 * 1024;
/** Longest life of an envelope: `exp` − `iat` (protocol.md §2.2). */
export const ENVELOPE_TTL_MAX_SECONDS = 300;

const sharedShape = {
  iss: urnOfSchema('svc:vault'),
  aud: urnOfSchema('svc:responder'),
  iat: secondsSchema,
  nbf: secondsSchema,
  exp: secondsSchema,
  jti: idSchema('env'),
  /** Idempotency key of the request that this envelope answers. */
  req: opaqueIdSchema,
  /** The requester's signing key (RFC 7800): what makes a stolen envelope useless. */
  cnf: z.strictObject({ jkt: kidSchema }),
  /** The newest directory that the vault had; absent in envelopes from before it was said. */
  dir: z.optional(directoryRefSchema),
};
const limitsShape = {
  /** How many questions this envelope is good for. */
  uses: z.int().check(z.gte(1), z.lte(USES_MAX)),
  stream: z.boolean(),
  max_output_tokens: z.optional(z.int().check(z.gte(1))),
};

const claimsSchema = z.strictObject({
  ...sharedShape,
  sub: urnOfSchema('dev', 'svc:gateway'),
  purpose: z.literal('prompt.invoke'),
  prm: promptRefSchema,
  /** `H(W)` of the grant that travels beside it. */
  whash: hashSchema,
  pol: z.strictObject(limitsShape),
});
/** A vault's permission to run one stored prompt once, E (protocol.md §2.2). */
export type EnvelopeClaims = z.infer<typeof claimsSchema>;

const chatClaimsSchema = z.strictObject({
  ...sharedShape,
  // A service has no chat of its own: only devices ask without a stored prompt.
  sub: urnOfSchema('dev'), // guard: chat-by-device without: sub: urnOfSchema('dev', 'svc:gateway')
  purpose: z.literal('chat.invoke'),
  pol: z.strictObject({
    ...limitsShape,
    // guard: chat-uses without: uses: limitsShape.uses
    uses: z.int().check(z.gte(1), z.lte(CHAT_USES_MAX)),
    models: z.array(modelNameSchema).check(z.minLength(1), z.maxLength(CHAT_MODELS_MAX)),
  }),
});
/** The same for a chat without a stored prompt. */
export type ChatEnvelopeClaims = z.infer<typeof chatClaimsSchema>;

const promptFormat: JwsFormat<EnvelopeClaims> = {
  typ: 'bulla-envelope+jwt',
  claims: claimsSchema,
  maxBytes: ENVELOPE_MAX_BYTES,
};
const chatFormat: JwsFormat<ChatEnvelopeClaims> = {
  typ: 'bulla-chat-envelope+jwt',
  claims: chatClaimsSchema,
  maxBytes: ENVELOPE_MAX_BYTES,
};

/** An envelope whose signature is not checked; `kind` follows from its `typ`. */
export type ParsedEnvelope =
  | (ParsedJws<EnvelopeClaims> & { readonly kind: 'prompt' })
  | (ParsedJws<ChatEnvelopeClaims> & { readonly kind: 'chat' });

/**
 * Signs an envelope with the vault's `envelope` key.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function signEnvelope(claims: EnvelopeClaims, signer: Signer): Promise<string> {
  return signJws(promptFormat, claims, signer);
}

/**
 * Signs an envelope for a chat without a stored prompt.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function signChatEnvelope(claims: ChatEnvelopeClaims, signer: Signer): Promise<string> {
  return signJws(chatFormat, claims, signer);
}

/**
 * Reads an envelope of either type without trusting it.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseEnvelope(token: string): ParsedEnvelope {
  return typOf(token) === chatFormat.typ
    ? { ...parseJws(token, chatFormat), kind: 'chat' }
    : { ...parseJws(token, promptFormat), kind: 'prompt' };
}

/** The `typ` that a token claims, to choose a format by; the format then holds the token to it. */
function typOf(token: string): unknown {
  const header = strictParse(decodeBase64url(token.slice(0, 4096).split('.', 1)[0] ?? ''), { maxBytes: 2048 });
  return typeof header === 'object' && header !== null && 'typ' in header ? header.typ : undefined;
}

/** Envelopes whose signature was verified a moment ago (`SharedEnvelopes`). */
export interface MetEnvelopes {
  /** `H(E)` of a token whose signature was found good under this very key record; undefined otherwise. */
  hashOf(token: string, key: KeyRecord): string | undefined;
  /** Is told of one whose signature was verified. */
  keep(envelope: ParsedEnvelope, key: KeyRecord, hash: string): void;
}

export interface EnvelopeContext {
  readonly trust: Trust;
  /** When the envelope arrived, in seconds. */
  readonly now: number;
  /** URN of the responder it must be for. */
  readonly audience: string;
  /** How long past `exp` it is still taken, where that exceeds the skew: a responder replays stored answers for 15 minutes. */
  readonly graceSeconds?: number;
  /** What was found out about envelopes for several questions a moment ago; nothing unless given. */
  readonly shared?: MetEnvelopes;
}

interface Verified {
  /** `H(E)`. */
  readonly hash: string;
  /** The vault's key that signed it. */
  readonly issuer: KeyHolder;
}
export interface VerifiedPromptEnvelope extends ParsedJws<EnvelopeClaims>, Verified {
  readonly kind: 'prompt';
  /** URN of the prompt. */
  readonly sub: string;
}
export interface VerifiedChatEnvelope extends ParsedJws<ChatEnvelopeClaims>, Verified {
  readonly kind: 'chat';
}
/** An envelope that the organisation's vault signed for this audience and this time. */
export type VerifiedEnvelope = VerifiedPromptEnvelope | VerifiedChatEnvelope;

/**
 * Checks an envelope (protocol.md §2.4 step 3) but for its requester, whom only the caller knows.
 * @throws {CryptoError} key_unknown, key_revoked, suite_unknown, signature_invalid,
 *   envelope_tampered (issuer, audience, organisation, life), clock_skew (not valid yet), envelope_expired
 */
export async function verifyEnvelope(parsed: ParsedEnvelope, context: EnvelopeContext): Promise<VerifiedEnvelope> {
  requireSeconds(context.now);
  if (context.graceSeconds !== undefined) requireSeconds(context.graceSeconds);
  const { trust, now, audience, shared } = context;
  const { claims, token } = parsed;
  const issuer = trust.requireKey(parsed.header.kid, {
    usage: 'envelope',
    purpose: 'envelope',
    now,
    check: 'envelope-key',
  });
  const known = shared?.hashOf(token, issuer.record);
  // guard: envelope-signature
  if (known === undefined) await verifyJws(parsed, issuer.record, 'envelope-signature');
  // guard: envelope-issuer
  if (claims.iss !== issuer.urn || issuer.entity.kind !== 'vault') {
    throw tampered('envelope-issuer', 'its issuer does not hold its key');
  }
  // guard: envelope-audience
  if (claims.aud !== audience) throw tampered('envelope-audience', 'it is for another responder');
  // guard: envelope-organisation
  if ([claims.aud, claims.sub].some((urn) => parseUrn(urn)?.org !== trust.org)) {
    throw tampered('envelope-organisation', 'it names another organisation');
  }
  checkTimes(claims, now, context.graceSeconds ?? 0);
  // guard: control without: const verified = { issuer, hash: known ?? (await tokenHash(token)) };
  const verified = { issuer, hash: known ?? (await tokenHash(token)) };
  if (known === undefined) shared?.keep(parsed, issuer.record, verified.hash);
  return parsed.kind === 'prompt'
    ? { ...parsed, ...verified, sub: urnOf(trust.org, 'prompt', parsed.claims.prm.id) }
    : { ...parsed, ...verified };
}

function checkTimes(claims: { iat: number; nbf: number; exp: number }, now: number, graceSeconds: number): void {
  const { iat, nbf, exp } = claims;
  // guard: envelope-life
  if (exp <= nbf || exp <= iat || exp - iat > ENVELOPE_TTL_MAX_SECONDS) {
    throw tampered('envelope-life', 'its times do not fit each other');
  }
  // guard: envelope-not-yet
  if (Math.max(iat, nbf) > now + SKEW_SECONDS) {
    throw new CryptoError('clock_skew', 'the envelope is not valid yet: the clocks differ', {
      check: 'envelope-times',
    });
  }
  // guard: envelope-expired
  if (now > exp + Math.max(SKEW_SECONDS, graceSeconds)) {
    throw new CryptoError('envelope_expired', 'the envelope has expired', { check: 'envelope-times' });
  }
}

function tampered(check: string, why: string): CryptoError {
  return new CryptoError('envelope_tampered', `not the envelope that was asked for: ${why}`, { check });
}
