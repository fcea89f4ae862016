import type { LabelPosition, PromptId } from '@bulla/contract';
import type { ResolvedTag, Trust } from '@bulla/crypto';
import { organisationUrn, signTag, urnOf, verifyTags } from '@bulla/crypto';
import { BullaError, bullaError, checked } from './errors.js';
import type { Session } from './session.js';
import { vaultOf } from './session.js';
import { seqOf } from './trust-store.js';

const DAY_SECONDS = 86_400;

/** A prompt by the two names it has. */
export interface PromptRef {
  readonly id: string;
  readonly name: string;
}

/** Where a label is to point: a version and its content, or nowhere. */
export interface LabelTarget {
  readonly version: number;
  readonly chash: string;
}
const NOWHERE: LabelTarget = { version: 0, chash: '' };

/** What a label points to by its verified tags, or undefined if the prompt never bore it. A deleted one has version 0. */
export async function readLabel(session: Session, trust: Trust, prompt: PromptRef, label: string): Promise<LabelPosition | undefined> {
  try {
    return await session.transport.call('label.get', vaultOf(session, trust), trust, { params: { id: prompt.id as PromptId, label } });
  } catch (error) {
    if (error instanceof BullaError && error.code === 'label_not_found') return undefined;
    throw error;
  }
}

/**
 * The version that a label points to, said by whom the policy allows and not older than what was seen before.
 * @throws {BullaError} label_not_found, label_stale, trust_expired, signature_invalid, forbidden, …
 */
export async function resolveLabel(session: Session, trust: Trust, prompt: PromptRef, label: string): Promise<ResolvedTag> {
  const position = await readLabel(session, trust, prompt, label);
  if (position === undefined) throw bullaError('label_not_found', { message: `${prompt.name} has no label ${label}`, origin: 'client', status: 404 });
  const resolved = await checked(() => verifyTags(position.tags, { trust, name: prompt.name, label, now: session.now() }));
  const seen = await session.keeper.seen(prompt.name);
  if (resolved.seq < (seqOf(seen, label) ?? 0)) {
    throw bullaError('label_stale', { message: `the vault shows an older position of ${label} than was seen before`, check: 'tag-sequence', origin: 'client' });
  }
  if (resolved.sub !== urnOf(trust.org, 'prompt', prompt.id)) {
    throw bullaError('envelope_tampered', { message: `${label} is a label of another prompt`, check: 'tag-prompt', origin: 'client' });
  }
  await session.keeper.remember(resolved);
  return resolved;
}

/**
 * Signs where a label points and publishes it. If somebody else moved it meanwhile, its position is read again, once.
 * @returns the new position.
 * @throws {ConflictError} label_stale
 */
export async function moveLabel(session: Session, trust: Trust, prompt: PromptRef, label: string, target: LabelTarget | 'delete'): Promise<{ seq: number; version: number }> {
  try {
    return await moveOnce(session, trust, prompt, label, target === 'delete' ? NOWHERE : target);
  } catch (error) {
    if (!(error instanceof BullaError) || error.code !== 'label_stale' || error.origin === 'client') throw error;
    return moveOnce(session, trust, prompt, label, target === 'delete' ? NOWHERE : target);
  }
}

async function moveOnce(session: Session, trust: Trust, prompt: PromptRef, label: string, target: LabelTarget): Promise<{ seq: number; version: number }> {
  const current = await readLabel(session, trust, prompt, label);
  const seen = seqOf(await session.keeper.seen(prompt.name), label) ?? 0;
  const seq = (current?.seq ?? 0) + 1;
  if (seq <= seen) {
    throw bullaError('label_stale', { message: `the vault shows an older position of ${label} than was seen before`, check: 'tag-sequence', origin: 'client' });
  }
  const { identity } = session;
  const iat = session.now();
  const sub = urnOf(trust.org, 'prompt', prompt.id);
  const claims = {
    iss: identity.urn,
    aud: organisationUrn(trust.org),
    sub,
    name: prompt.name,
    tag: label,
    ver: target.version,
    chash: target.chash,
    seq,
    iat,
    exp: iat + trust.labelRule(prompt.name, label).days * DAY_SECONDS,
    purpose: 'prompt.tag' as const,
  };
  const tag = await checked(() => signTag(claims, identity.signer));
  const call = { params: { id: prompt.id as PromptId, label }, body: { tags: [tag] }, ifMatch: seq - 1 };
  const moved = await session.transport.call('label.move', vaultOf(session, trust), trust, call);
  await session.keeper.remember({ name: prompt.name, sub, label, seq });
  return { seq: moved.seq, version: moved.version };
}
