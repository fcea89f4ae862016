import { Problem } from '@bulla/contract';
import type {
  ChatBundle,
  InvocationContext,
  InvocationHeader,
  MetBundles,
  ParsedJwe,
  PromptBundle,
  Trust,
  VerifiedChatEnvelope,
  VerifiedEnvelope,
  VerifiedPromptEnvelope,
} from '@bulla/crypto';
import {
  checkBundleHashes,
  CryptoError,
  parseBundle,
  parseInvocation,
  requireCommitment,
  verifyEnvelope,
} from '@bulla/crypto';
import type { Caller } from '@bulla/service-kit';

/** By what one request is judged: the documents of one moment, and when it came. */
export interface Judgement {
  /** Who signed the request; what it may do now stands in `trust`. */
  readonly caller: Caller;
  readonly trust: Trust;
  /** Arrival in seconds: a slow step or model expires nothing. */
  readonly now: number;
  /** URN of this responder. */
  readonly responder: string;
}

/** A bundle whose envelope the organisation's vault signed for this responder and for the sender. */
export type Presented =
  | { readonly bundle: PromptBundle; readonly envelope: VerifiedPromptEnvelope }
  | { readonly bundle: ChatBundle; readonly envelope: VerifiedChatEnvelope };

/** Known questions are answered again for so long past their envelope's time; the claim refuses all others. */
const REPLAY_SECONDS = 15 * 60;

/**
 * Step 3 of protocol.md §2.4: the shape of the bundle, its envelope, and that it belongs to the caller.
 * @param met what was met of bundles a moment ago.
 * @throws {CryptoError} as parseBundle and verifyEnvelope; envelope_tampered for somebody else's envelope
 */
export async function presentBundle(
  value: unknown,
  { trust, now, responder, caller }: Judgement,
  met: MetBundles,
): Promise<Presented> {
  const bundle = parseBundle(value, met);
  const envelope = await verifyEnvelope(bundle.envelope, {
    trust,
    now,
    audience: responder,
    graceSeconds: REPLAY_SECONDS,
    shared: met.envelopes,
  });
  const { sub, cnf } = envelope.claims;
  // Only a gateway carries what is another's; for anybody else a stolen envelope costs us no private-key work.
  const isCarried =
    trust.entity(caller.urn)?.kind === 'gateway' &&
    // guard: run-gateway-role
    trust.hasRole(caller.urn, 'gateway');
  // guard: run-requester
  if (!isCarried && (sub !== caller.urn || cnf.jkt !== caller.kid)) {
    throw tampered('envelope-requester', 'it is for another requester');
  }
  if (bundle.kind === 'chat' && envelope.kind === 'chat') return { bundle, envelope };
  if (bundle.kind === 'prompt' && envelope.kind === 'prompt') return { bundle, envelope };
  throw tampered('envelope-type', 'its envelope is of another kind');
}

/**
 * Step 4: grant and content are those of the envelope, the version is not withdrawn, and the keys that things are
 * sealed to may be used. The callers' and the vault's keys were looked up where their signatures were checked.
 * @throws {CryptoError} envelope_tampered, content_uncommitted, key_unknown, key_revoked, suite_unknown
 * @throws {Problem} envelope_revoked
 */
export async function checkContents(presented: Presented, { trust, now }: Judgement): Promise<void> {
  // guard: run-hashes
  await checkBundleHashes(presented.bundle, presented.envelope);
  if (!isOfPrompt(presented)) return;
  const { bundle, envelope } = presented;
  // guard: run-withdrawn
  if (trust.isWithdrawn(envelope.sub, envelope.claims.prm.ver)) {
    throw new Problem('envelope_revoked', { detail: 'this version of the prompt has been withdrawn' });
  }
  // guard: run-committed
  requireCommitment(bundle.content.header);
  // guard: run-grant-key
  requireSealingKey(bundle.grant.header.kid, trust, now, 'grant-recipient');
}

/**
 * Step 5: the policy allows this, and the outside of the question says what the envelope says. In whose custody a name
 * is, step 12 compares with what its author signed.
 * @returns the question, read and not opened
 * @throws {CryptoError} token_malformed, payload_too_large, envelope_tampered, key_unknown, key_revoked, suite_unknown
 * @throws {Problem} forbidden for a chat of somebody whom the policy does not let chat
 */
export function checkPolicy(
  { envelope }: Presented,
  question: string,
  { trust, now, responder }: Judgement,
): ParsedJwe<InvocationHeader> {
  // guard: run-chat
  if (envelope.kind === 'chat' && !trust.mayChat(envelope.claims.sub))
    throw new Problem('forbidden', { detail: 'the policy lets no group of the asker chat without a stored prompt' });
  const outer = parseInvocation(question, envelope.kind);
  const { header } = outer;
  // guard: run-outside-audience
  if (header.aud !== responder) throw tampered('invocation-audience', 'the question is for another responder');
  // guard: run-outside-issuer
  if (header.iss !== envelope.claims.sub) throw tampered('invocation-issuer', 'the question is of another requester');
  // guard: run-question-key
  requireSealingKey(header.kid, trust, now, 'invocation-recipient');
  return outer;
}

/** Whether a stored prompt is asked; else it is a chat. */
export function isOfPrompt(presented: Presented): presented is Extract<Presented, { bundle: PromptBundle }> {
  return presented.envelope.kind === 'prompt';
}

/** What steps 7 and 8 hold a question against. */
export function questionContext(envelope: VerifiedEnvelope, judgement: Judgement): InvocationContext {
  const { trust, now, responder } = judgement;
  return { trust, now, envelope: envelope.claims, envelopeHash: envelope.hash, audience: responder };
}

/** Whether it is past a time that was set for it, both clocks being right within the skew. */
export function isPast(exp: number, { trust, now }: Judgement): boolean {
  return now > exp + trust.policy.max_skew;
}

function requireSealingKey(kid: string, trust: Trust, now: number, check: string): void {
  trust.requireKey(kid, { usage: 'durable', purpose: 'unwrap', now, check });
}

function tampered(check: string, why: string): CryptoError {
  return new CryptoError('envelope_tampered', `not what this responder was asked with: ${why}`, { check });
}
