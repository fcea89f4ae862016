import { tokenHash } from '../encoding/bytes.js';
import { GROUPS_MAX } from '../names/limits.js';
import * as z from '#zod';
import { parametersShape } from '../chat/parameters.js';
import { PARAMETER_NAMES } from '../names/chat.js';
import { attachmentsSchema } from './attachment.js';
import {
  bytes16Schema,
  modelNameSchema,
  nameSchema,
  opaqueIdSchema,
  urnOfSchema,
  versionSchema,
} from '../tokens/claims.js';
import type { JwsFormat, ParsedJws } from '../tokens/compact.js';
import { parseJws, rereadJws, signJws, verifyJws } from '../tokens/compact.js';
import type { KeyHolder } from '../organisation/directory-keys.js';
import { CryptoError } from '../names/errors.js';
import { organisationUrn } from '../names/ids.js';
import type { MetStatements } from './met-statements.js';
import { secondsSchema } from '../keys/keys.js';
import { custodyOf, groupSchema } from '../organisation/policy.js';
import { requireSeconds } from '../names/seconds.js';
import type { Signer } from '../keys/signer.js';
import type { Trust } from '../organisation/trust.js';

/** Largest payload of a statement in bytes (protocol.md §2.1). */
export const STATEMENT_MAX_BYTES = 256 * 1024;

const groupsSchema = z.array(groupSchema).check(z.maxLength(GROUPS_MAX));
const variableNameSchema = z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/));

const variableSchema = z
  .strictObject({
    type: z.literal('string'),
    /** Longest value in UTF-16 code units. */
    max: z.int().check(z.gte(1), z.lte(262_144)),
    default: z.optional(z.string()),
  })
  .check(z.refine((variable) => (variable.default ?? '').length <= variable.max));
/** What a prompt says of one variable: without a default it must be given. */
export type VariableDeclaration = z.infer<typeof variableSchema>;

const modelSchema = z.strictObject({
  name: modelNameSchema,
  max_output_tokens: z.optional(z.int().check(z.gte(1))),
  ...parametersShape,
});

const inputSchema = z.strictObject({
  messages: z.boolean(),
  /** Parameters that the asker may give in the place of the author's; none unless listed. */
  parameters: z.optional(
    z.array(z.enum(PARAMETER_NAMES)).check(
      z.minLength(1),
      z.maxLength(PARAMETER_NAMES.length),
      z.refine((names) => new Set(names).size === names.length),
    ),
  ),
});

const contentSchema = z.strictObject({
  messages: z
    .array(z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() }))
    .check(z.minLength(1), z.maxLength(256)),
  vars: z.record(variableNameSchema, variableSchema),
  model: modelSchema,
  /** The author's file as written, where it is not the plainest spelling of the rest. Authors' tools read it, responders do not. */
  source: z.optional(z.string()),
});
/** The text of a prompt, its variables and the model it asks for. */
export type PromptContent = z.infer<typeof contentSchema>;

const claimsSchema = z.strictObject({
  iss: urnOfSchema('dev', 'svc:vault'),
  aud: urnOfSchema('organisation'),
  sub: urnOfSchema('prompt'),
  name: nameSchema,
  ver: versionSchema,
  iat: secondsSchema,
  jti: opaqueIdSchema,
  purpose: z.literal('prompt.content'),
  custody: z.enum(['sealed', 'managed']),
  /** 16 random bytes: `cmt` in the clear header of the content then says nothing about a short text. */
  n: bytes16Schema,
  /** Last day, YYYY-MM-DD, on which the text must still be secret. */
  protect_until: z.iso.date(),
  acl: z.strictObject({
    invoke: groupsSchema,
    read: groupsSchema,
    responders: z.array(urnOfSchema('svc:responder')).check(z.maxLength(64)),
  }),
  input: inputSchema,
  content: contentSchema,
  /** Files that belong to the prompt. A party that cannot open them must not run the prompt without them. */
  attachments: attachmentsSchema,
  /** What the author says about this version. */
  message: z.string().check(z.maxLength(1000)),
});
/** An author's prompt statement, PS (protocol.md §2.2). */
export type Statement = z.infer<typeof claimsSchema>;

const format: JwsFormat<Statement> = { typ: 'bulla-prompt+jwt', claims: claimsSchema, maxBytes: STATEMENT_MAX_BYTES };

/**
 * Signs a statement with the author's `content` key.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function signStatement(claims: Statement, signer: Signer): Promise<string> {
  return signJws(format, claims, signer);
}

/**
 * Reads a statement without trusting it.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseStatement(token: string): ParsedJws<Statement> {
  return parseJws(token, format);
}

/** What a statement must be about, from an envelope or a tag that was verified. */
export interface StatementContext {
  readonly trust: Trust;
  /** Seconds. */
  readonly now: number;
  /** `H(C)` of the content that held the statement. */
  readonly chash: string;
  readonly expect: { readonly sub: string; readonly name: string; readonly ver: number };
  /** What was found out about statements a moment ago; nothing unless given. */
  readonly met?: MetStatements;
}

export interface VerifiedStatement {
  readonly claims: Statement;
  readonly author: KeyHolder;
}

/**
 * Checks who wrote a prompt and that it is the one asked for (protocol.md §2.4 step 12), in this order; the
 * first fault is thrown and named by its `check`. A responder answers all of them as `open_failed` (protocol.md §2.1).
 * @throws {CryptoError} token_malformed, payload_too_large, key_unknown, key_revoked, suite_unknown, signature_invalid,
 *   envelope_tampered (issuer, place or organisation), custody_not_allowed, forbidden (not an author of this name)
 */
export async function verifyStatement(token: string, context: StatementContext): Promise<VerifiedStatement> {
  requireSeconds(context.now);
  const { trust, now, expect, met } = context;
  const hash = met === undefined ? undefined : await tokenHash(token);
  const known = hash === undefined ? undefined : met?.keyOf(hash);
  const parsed = known === undefined ? parseStatement(token) : rereadJws<Statement>(token);
  const { claims } = parsed;
  const kept = trust.isKept(context.chash);
  const author = kept ? keptAuthor(trust, parsed.header.kid) : activeAuthor(trust, parsed.header.kid, now);
  // A record of a newer directory is another one.
  // guard: statement-met-key without: const isMet = known !== undefined;
  const isMet = known === author.record;
  if (!isMet) {
    // guard: statement-signature
    await verifyJws(parsed, author.record, 'statement-signature');
    if (hash !== undefined) met?.keep(hash, author.record);
  }
  // guard: statement-issuer
  if (claims.iss !== author.urn) throw tampered('statement-issuer', 'its issuer does not hold its key');
  if (
    claims.sub !== expect.sub || // guard: statement-prompt
    claims.name !== expect.name || // guard: statement-name
    claims.ver !== expect.ver // guard: statement-version
  ) {
    throw tampered('statement-place', 'it is about another prompt or version');
  }
  const organisation = organisationUrn(trust.org);
  const foreign = [claims.sub, ...claims.acl.responders].some((urn) => !urn.startsWith(`${organisation}:`));
  // guard: statement-organisation
  if (claims.aud !== organisation || foreign)
    throw tampered('statement-organisation', 'it is for another organisation');
  const custody = custodyOf(claims.name, trust);
  // guard: statement-custody
  if (claims.custody !== custody) {
    throw new CryptoError('custody_not_allowed', 'the policy gives this name another custody', {
      check: 'statement-custody',
    });
  }
  const { kind } = author.entity;
  const allowed =
    kind === 'device'
      ? kept || trust.mayAuthor(author.urn, claims.name)
      : kind === 'vault' &&
        // guard: statement-vault
        custody === 'managed';
  // guard: statement-author
  if (!allowed)
    throw new CryptoError('forbidden', 'its signer may not author this name', { check: 'statement-author' });
  return { claims, author };
}

function activeAuthor(trust: Trust, kid: string, now: number): KeyHolder {
  return trust.requireKey(kid, { usage: 'durable', purpose: 'content', now, check: 'statement-key' });
}

/** Of content that the organisation keeps, the key may be past its end or revoked, but is listed (protocol.md §4). */
function keptAuthor(trust: Trust, kid: string): KeyHolder {
  const holder = trust.holder(kid);
  if (
    holder === undefined ||
    !holder.record.pur.includes('content') // guard: kept-purpose
  ) {
    throw new CryptoError('key_unknown', 'the directory lists no such key', { check: 'statement-key' });
  }
  return holder;
}

function tampered(check: string, why: string): CryptoError {
  return new CryptoError('envelope_tampered', `not the statement that was asked for: ${why}`, { check });
}
