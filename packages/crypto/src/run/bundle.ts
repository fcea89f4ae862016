import { FRESH_MAX, TAGS_MAX } from '../names/limits.js';
import * as z from '#zod';
import type { DirectoryRef } from '../tokens/claims.js';
import type { ContentHeader } from '../prompt/content.js';
import { parseContent } from '../prompt/content.js';
import type { ParsedJwe } from '../tokens/compact.js';
import { hashOfToken } from '../tokens/compact.js';
import type { ParsedEnvelope, VerifiedChatEnvelope, VerifiedEnvelope, VerifiedPromptEnvelope } from './envelope.js';
import { parseEnvelope, verifyEnvelope } from './envelope.js';
import { CryptoError } from '../names/errors.js';
import type { FreshPosition } from '../prompt/fresh-position.js';
import { requireFreshPosition } from '../prompt/fresh-position.js';
import { directoryHashAt } from '../organisation/freshness.js';
import type { GrantHeader } from '../prompt/grant.js';
import { parseGrant } from '../prompt/grant.js';
import { requireCommitment } from '../prompt/data-key.js';
import { checkShape } from '../encoding/schema.js';
import { requireSeconds } from '../names/seconds.js';
import type { MetBundles } from './met-bundles.js';
import type { ResolvedTag } from '../prompt/tag-set.js';
import { verifyTags } from '../prompt/tag-set.js';
import type { Trust } from '../organisation/trust.js';

const bundleSchema = z.strictObject({
  v: z.literal(1),
  env: z.string(),
  grant: z.optional(z.string()),
  content: z.optional(z.string()),
  tags: z.array(z.string()).check(z.maxLength(TAGS_MAX)),
  /** What renewers say of the position of the tags; left out where the tags say it themselves. */
  fresh: z.optional(z.array(z.string()).check(z.minLength(1), z.maxLength(FRESH_MAX))),
});
/** What a vault hands out: E, and beside a prompt's E its W and C, and the T its name was resolved through (protocol.md §2.2). */
export type Bundle = z.infer<typeof bundleSchema>;

/** The bundle of a prompt, each of its tokens read once; nothing of it is verified. */
export interface PromptBundle {
  readonly kind: 'prompt';
  /** As it came: this is what a responder is sent. */
  readonly sent: Bundle;
  readonly envelope: Extract<ParsedEnvelope, { kind: 'prompt' }>;
  readonly grant: ParsedJwe<GrantHeader>;
  readonly content: ParsedJwe<ContentHeader>;
}
/** The bundle of a chat: an envelope and nothing else. */
export interface ChatBundle {
  readonly kind: 'chat';
  readonly sent: Bundle;
  readonly envelope: Extract<ParsedEnvelope, { kind: 'chat' }>;
}

/**
 * Reads a bundle out of a parsed HTTP body. Its shape follows from the envelope's `typ`: a prompt's has grant and
 * content, a chat's has neither.
 * @param met what was read of bundles a moment ago; nothing unless given.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseBundle(value: unknown, met?: MetBundles): PromptBundle | ChatBundle {
  const sent = checkShape(value, bundleSchema, 'bundle');
  const envelope = met?.envelopes.read(sent.env) ?? parseEnvelope(sent.env);
  const { grant, content, tags, fresh } = sent;
  if (envelope.kind === 'chat') {
    // guard: bundle-chat-alone without: return { kind: 'chat', sent, envelope };
    if (grant === undefined && content === undefined && tags.length === 0 && fresh === undefined)
      return { kind: 'chat', sent, envelope };
    throw malformed('the bundle of a chat holds an envelope and nothing else');
  }
  // guard: bundle-prompt-whole
  if (grant === undefined || content === undefined) throw malformed('the bundle lacks its grant or its content');
  return {
    kind: 'prompt',
    sent,
    envelope,
    grant: met?.grant(grant) ?? parseGrant(grant),
    content: met?.content(content) ?? parseContent(content),
  };
}

/**
 * Checks that grant and content are those the envelope names (protocol.md §2.4 step 4).
 * @param envelope the verified envelope of this bundle.
 * @throws {CryptoError} envelope_tampered
 */
export async function checkBundleHashes(bundle: PromptBundle | ChatBundle, envelope: VerifiedEnvelope): Promise<void> {
  // guard: bundle-verified
  if (bundle.envelope.token !== envelope.token) throw tampered('envelope-hash', 'another envelope was verified');
  if (bundle.kind === 'chat' || envelope.kind === 'chat') return;
  const { whash, prm } = envelope.claims;
  // guard: bundle-grant-hash
  if ((await hashOfToken(bundle.grant)) !== whash)
    throw tampered('grant-hash', 'its grant is not the one the envelope names');
  // guard: bundle-content-hash
  if ((await hashOfToken(bundle.content)) !== prm.chash)
    throw tampered('content-hash', 'its content is not the one the envelope names');
}

/** What the asker asked for, by name and label (default `latest`) or by name and version. */
export interface WantedPrompt {
  readonly name: string;
  readonly label?: string | undefined;
  readonly version?: number | undefined;
  /**
   * `H(C)` that was first seen for the version of the prompt that the name stands for: two authors of a name can each sign
   * one (protocol.md §4). Where it is known, nobody need say that a position is the newest.
   */
  readonly chash?: string | undefined;
}

/** Who asked for a bundle, and where it is going. */
export interface RequesterContext {
  readonly trust: Trust;
  /** Seconds. */
  readonly now: number;
  /** Who asked: its URN, and the `kid` of its signing key. */
  readonly asker: { readonly urn: string; readonly kid: string };
  /** URN of the responder that is going to be asked. */
  readonly audience: string;
  /** Idempotency key of the request that the bundle answers. */
  readonly request: string;
}

export interface AskerContext extends RequesterContext {
  readonly wanted: WantedPrompt;
}

export interface ChatAskerContext extends RequesterContext {
  readonly wanted: {
    /** The models that it is to name, and no others. */
    readonly models: readonly string[];
    /** How many questions it is to be good for. */
    readonly uses: number;
  };
}

export interface CheckedBundle {
  readonly envelope: VerifiedPromptEnvelope;
  /** What the name stands for. Whether that comes after what the asker saw before is for its memory to judge (requireDescendant). */
  readonly resolved: ResolvedTag;
  /** By what the position was the newest; undefined where a version and its content were known. */
  readonly fresh: FreshPosition | undefined;
}

/**
 * Checks a bundle as its asker before anything is sent to a responder (protocol.md §2.5, "the client MUST").
 * @throws {CryptoError} trust_expired; as verifyEnvelope, verifyTags, requireFreshPosition and checkBundleHashes;
 *   key_unknown (envelope-newer) where the vault has a newer directory, which is to be fetched first; trust_rollback
 *   (envelope-fork) for one on another branch; envelope_tampered for another requester, key, request, prompt, version,
 *   content or recipient; content_uncommitted for a content that nobody runs
 */
export async function checkBundleForAsker(
  bundle: PromptBundle | ChatBundle,
  context: AskerContext,
): Promise<CheckedBundle> {
  const { trust, now, wanted } = context;
  const envelope = await verifyForAsker(bundle, context);
  // guard: asker-chat-for-prompt
  if (bundle.kind !== 'prompt' || envelope.kind !== 'prompt') throw tampered('envelope-type', 'it is for a chat');
  checkRequester(envelope, context);
  const resolved = await resolve(bundle, context);
  checkPrompt(envelope, wanted, resolved);
  // guard: asker-position-fresh without: const fresh = undefined;
  const fresh = isKnown(wanted)
    ? undefined
    : await requireFreshPosition(resolved, bundle.sent.fresh ?? [], { trust, now });
  await checkBundleHashes(bundle, envelope);
  checkHeaders(bundle, envelope, trust);
  return { envelope, resolved, fresh };
}

/**
 * Checks the bundle of a chat as its asker, before a question is sealed. One for several questions is checked once for
 * each directory that it is used by.
 * @throws {CryptoError} trust_expired; as verifyEnvelope; key_unknown, trust_rollback and envelope_tampered as
 *   checkBundleForAsker, and envelope_tampered for other models or fewer questions than were asked for
 */
export async function checkChatBundleForAsker(
  bundle: PromptBundle | ChatBundle,
  context: ChatAskerContext,
): Promise<VerifiedChatEnvelope> {
  const { wanted } = context;
  const envelope = await verifyForAsker(bundle, context);
  // guard: asker-prompt-for-chat
  if (envelope.kind !== 'chat') throw tampered('envelope-type', 'it is for a stored prompt');
  checkRequester(envelope, context);
  // Every vault that issues envelopes for chats says which directory is its newest.
  // guard: asker-chat-directory
  if (envelope.claims.dir === undefined) throw tampered('envelope-newer', 'it names no directory');
  const { models, uses } = envelope.claims.pol;
  // guard: asker-chat-models
  if (models.length !== wanted.models.length || models.some((model) => !wanted.models.includes(model)))
    throw tampered('envelope-models', 'it is for other models');
  // guard: asker-chat-uses
  if (uses !== wanted.uses) throw tampered('envelope-uses', 'it is for another number of questions');
  return envelope;
}

/** The part that does not depend on what is asked. */
function verifyForAsker(
  bundle: PromptBundle | ChatBundle,
  { trust, now, audience }: RequesterContext,
): Promise<VerifiedEnvelope> {
  requireSeconds(now);
  // guard: asker-fresh
  trust.requireFresh(now);
  return verifyEnvelope(bundle.envelope, { trust, now, audience });
}

/** It is for who asked, for the key that asked, and answers what was asked. */
function checkRequester({ claims }: VerifiedEnvelope, { trust, asker, request }: RequesterContext): void {
  // guard: asker-requester
  if (claims.sub !== asker.urn) throw tampered('envelope-requester', 'it is for another requester');
  // guard: asker-key
  if (claims.cnf.jkt !== asker.kid) throw tampered('envelope-requester-key', 'it is for another key of the requester');
  // guard: asker-request
  if (claims.req !== request) throw tampered('envelope-request', 'it answers another request');
  if (claims.dir !== undefined) requireNewestHere(claims.dir, trust);
}

/** Nothing is sealed by an older directory than the vault has, nor beside one of another branch (protocol.md A13). */
function requireNewestHere({ ver, hash }: DirectoryRef, trust: Trust): void {
  // guard: envelope-newer
  if (ver > trust.directoryRef.ver)
    throw new CryptoError('key_unknown', 'the vault has a newer directory', { check: 'envelope-newer' });
  // guard: envelope-fork
  if (directoryHashAt(trust, ver) !== hash)
    throw new CryptoError('trust_rollback', `nothing shows that the vault's directory ${ver} led to this one`, {
      check: 'envelope-fork',
    });
}

/** A version whose content was seen before cannot be another one, however old the position is that leads to it. */
function isKnown({ version, chash }: WantedPrompt): boolean {
  return version !== undefined && chash !== undefined;
}

/** What the name stands for, by tags the organisation's members signed and never by the vault's word. */
function resolve({ sent }: PromptBundle, context: AskerContext): Promise<ResolvedTag> {
  const { trust, now, wanted } = context;
  const label = wanted.version === undefined ? (wanted.label ?? 'latest') : 'latest';
  return verifyTags(sent.tags, { trust, name: wanted.name, label, now });
}

function checkPrompt(envelope: VerifiedPromptEnvelope, wanted: WantedPrompt, resolved: ResolvedTag): void {
  const { prm } = envelope.claims;
  // guard: asker-prompt
  if (prm.name !== wanted.name || envelope.sub !== resolved.sub) {
    throw tampered('envelope-prompt', 'it is for another prompt');
  }
  // guard: asker-version
  if (prm.ver !== (wanted.version ?? resolved.version)) throw tampered('envelope-version', 'it is for another version');
  const named = prm.ver === resolved.version ? [resolved.chash, wanted.chash] : [wanted.chash];
  // guard: asker-content
  if (named.some((chash) => chash !== undefined && chash !== prm.chash)) {
    throw tampered('envelope-content', 'it is for another content of this version');
  }
}

/** The clear headers of C and W: what the responder is going to check, seen before the question is sent. */
function checkHeaders(bundle: PromptBundle, envelope: VerifiedPromptEnvelope, trust: Trust): void {
  const { claims, sub } = envelope;
  const content = bundle.content.header;
  // guard: asker-content-place
  if (content.org !== trust.org || content.sub !== sub || content.ver !== claims.prm.ver) {
    throw tampered('content-place', 'its content belongs elsewhere');
  }
  // guard: asker-committed without: const { dkc } = content;
  const dkc = requireCommitment(content);
  const grant = bundle.grant.header;
  // guard: asker-grant-place
  if (
    grant.sub !== sub ||
    grant.ver !== claims.prm.ver ||
    grant.chash !== claims.prm.chash ||
    grant.dek !== content.kid ||
    grant.dkc !== dkc
  ) {
    throw tampered('grant-place', 'its grant is for another content');
  }
  const recipient = trust.holder(grant.kid);
  if (recipient === undefined)
    throw new CryptoError('key_unknown', 'the directory lists no such key', { check: 'grant-recipient' });
  // guard: asker-grant-recipient
  if (grant.aud !== claims.aud || recipient.urn !== claims.aud)
    throw tampered('grant-recipient', 'its grant is for somebody else');
}

function malformed(message: string): CryptoError {
  return new CryptoError('token_malformed', message);
}

function tampered(check: string, why: string): CryptoError {
  return new CryptoError('envelope_tampered', `not the bundle that was asked for: ${why}`, { check });
}
