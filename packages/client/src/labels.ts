import type { LabelMoveResult, LabelPosition, PendingMove } from '@bulla/contract';
import type { ResolvedTag, Trust } from '@bulla/crypto';
import { gatherTags, organisationUrn, signTag, urnOf, verifyTags } from '@bulla/crypto';
import { BullaError, bullaError, checked } from './errors.js';
import type { Session } from './session.js';
import { noticeRemade, vaultOf } from './session.js';
import { seqOf } from './trust-store.js';

export const LATEST = 'latest';
const DAY_SECONDS = 86_400;
/** Moves of a label that may have happened unseen, where no tag can prove them. */
const JUMP_MAX = 1_000;

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

/** What a signed move came to: the label is there, or it waits in an approval for the tags of further people. */
export interface LabelOutcome {
  readonly seq: number;
  /** 0 where the label is deleted. */
  readonly version: number;
  readonly pending?: Pick<PendingMove, 'approval' | 'given' | 'needed'>;
}

/** Why tags say nothing now although nobody lied: signed anew, they would. */
export const OUTDATED: ReadonlySet<string> = new Set([
  'label_not_found',
  'trust_expired',
  'key_unknown',
  'key_revoked',
  'forbidden',
  'suite_unknown',
]);

/** The position of a label as the vault has it, or undefined if the name never bore it. Nobody has verified its tags yet. */
async function readPosition(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
): Promise<LabelPosition | undefined> {
  try {
    return await session.transport.call('label.get', vaultOf(session, trust), trust, {
      params: { id: prompt.id, label },
    });
  } catch (error) {
    if (error instanceof BullaError && error.code === 'label_not_found') return undefined;
    throw error;
  }
}

/**
 * The version that a label points to, said by whom the policy allows and not older than what was seen before it was
 * asked for.
 * @param acceptExpired for signing it anew: where it points is certain even when it should no longer be followed.
 * @throws {BullaError} label_not_found, label_stale, trust_expired, signature_invalid, forbidden, …
 */
export async function resolveLabel(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
  acceptExpired = false,
): Promise<ResolvedTag> {
  const seen = await session.keeper.seen(prompt.name);
  const position = await readPosition(session, trust, prompt, label);
  if (position === undefined) throw notBorne(prompt, label);
  const expected = { name: prompt.name, label, now: session.now(), acceptExpired };
  const resolved = await session.keeper.withKnownKeys(trust, (known) =>
    checked(() => verifyTags(position.tags, { trust: known, ...expected })),
  );
  const seq = seqOf(seen, label);
  // guard: client-label-back
  if (resolved.seq < (seq ?? 0)) throw stale(label);
  // A label that an earlier prompt of this name left behind.
  // guard: client-label-earlier
  if (resolved.sub !== urnOf(trust.org, 'prompt', prompt.id)) throw notBorne(prompt, label);
  // A name made again is another prompt; only a later move of a label may say so (protocol.md §2.2, as checkBundleForAsker).
  // guard: client-label-remade
  if (seen !== undefined && seen.sub !== resolved.sub && !(seq !== undefined && resolved.seq > seq)) throw stale(label);
  noticeRemade(session, seen, resolved);
  await session.keeper.remember(resolved);
  return resolved;
}

/** As resolveLabel, but undefined where the label is to be signed anew or was never there. Lies are still thrown. */
export async function resolveIfGood(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
  acceptExpired = false,
): Promise<ResolvedTag | undefined> {
  try {
    return await resolveLabel(session, trust, prompt, label, acceptExpired);
  } catch (error) {
    if (error instanceof BullaError && error.origin === 'client' && OUTDATED.has(error.code)) return undefined;
    throw error;
  }
}

/**
 * Signs where a label points and publishes it. If somebody else moved it meanwhile, its position is read again, once.
 * @returns the new position; that of a label which several people must move may wait for others.
 * @throws {ConflictError} label_stale
 */
export async function moveLabel(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
  target: LabelTarget | 'delete',
): Promise<LabelOutcome> {
  const move = () => moveOnce(session, trust, prompt, label, target === 'delete' ? NOWHERE : target);
  try {
    return await move();
  } catch (error) {
    if (!(error instanceof BullaError) || error.code !== 'label_stale' || error.origin === 'client') throw error;
    return move();
  }
}

async function moveOnce(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
  target: LabelTarget,
): Promise<LabelOutcome> {
  const seq = (await newestSeq(session, trust, prompt, label)) + 1;
  return publishPosition(session, trust, prompt, label, { version: target.version, chash: target.chash, seq });
}

/**
 * Signs one position of a label and publishes it, as the one after `seq` - 1 and no other.
 * @throws {ConflictError} label_stale
 */
export async function publishPosition(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
  position: LabelTarget & { readonly seq: number },
): Promise<LabelOutcome> {
  const tag = await signPosition(session, trust, prompt, label, position);
  const call = { params: { id: prompt.id, label }, body: { tags: [tag] }, ifMatch: position.seq - 1 };
  const result = await session.transport.call('label.move', vaultOf(session, trust), trust, call);
  return outcomeOf(session, trust, prompt, label, position, result);
}

/** The tag by which this device says where a label points. */
export function signPosition(
  { identity, now }: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
  { version, chash, seq }: LabelTarget & { readonly seq: number },
): Promise<string> {
  const iat = now();
  const claims = {
    iss: identity.urn,
    aud: organisationUrn(trust.org),
    sub: urnOf(trust.org, 'prompt', prompt.id),
    name: prompt.name,
    tag: label,
    ver: version,
    chash,
    seq,
    iat,
    exp: iat + trust.labelRule(prompt.name, label).days * DAY_SECONDS,
    purpose: 'prompt.tag' as const,
  };
  return checked(() => signTag(claims, identity.signer));
}

/** What the vault made of a tag. A position is remembered that this device's tag alone proves, or whose tags were read. */
export async function outcomeOf(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
  { version, chash, seq }: LabelTarget & { readonly seq: number },
  result: LabelMoveResult,
): Promise<LabelOutcome> {
  // guard: client-move-answer
  if (result.label !== label || result.seq !== seq || result.version !== version) {
    const message = 'the vault answered for another move of a label';
    throw bullaError('envelope_tampered', { message, check: 'tag-sequence', origin: 'client' });
  }
  if ('approval' in result) {
    const { approval, given, needed } = result;
    return { seq, version, pending: { approval, given, needed } };
  }
  const { name } = prompt;
  // guard: client-move-alone without: const isOwn = true;
  const isOwn = trust.labelRule(name, label).threshold === 1;
  if (isOwn)
    await session.keeper.remember({ name, sub: urnOf(trust.org, 'prompt', prompt.id), label, seq, version, chash });
  else if (version > 0) await resolveLabel(session, trust, prompt, label);
  return { seq, version };
}

/**
 * The position that the next tag of a label follows. The vault says it, and its tags must bear it out: whoever signs the
 * last position there is has frozen the label for ever. Where no tag can be believed any more, since its signer left, the
 * vault's number is taken within a bound over what was seen.
 */
export async function newestSeq(session: Session, trust: Trust, prompt: PromptRef, label: string): Promise<number> {
  const seen = seqOf(await session.keeper.seen(prompt.name), label) ?? 0;
  const position = await readPosition(session, trust, prompt, label);
  const newest = position?.seq ?? 0;
  // guard: client-label-next
  if (newest < seen) throw stale(label);
  if (
    position !== undefined &&
    newest > seen + JUMP_MAX && // guard: client-label-jump without: false
    !(await isBorneOut(session, trust, prompt, label, position))
  ) {
    throw bullaError('label_stale', {
      message: `the vault shows a position of ${label} that nobody signed`,
      check: 'tag-sequence',
      origin: 'client',
    });
  }
  return newest;
}

/** Whether tags say the position that they came with; those that delete the label and expired ones count too. */
async function isBorneOut(
  session: Session,
  trust: Trust,
  { name }: PromptRef,
  label: string,
  { seq, tags }: LabelPosition,
): Promise<boolean> {
  try {
    const gathered = await gatherTags(tags, { trust, name, label, now: session.now(), acceptExpired: true });
    return gathered.seq === seq && gathered.given >= gathered.needed;
  } catch {
    return false;
  }
}

/** The prompt does not bear the label. */
export function notBorne({ name }: PromptRef, label: string): BullaError {
  return bullaError('label_not_found', { message: `${name} has no label ${label}`, origin: 'client', status: 404 });
}

export function stale(label: string): BullaError {
  return bullaError('label_stale', {
    message: `the vault shows an older position of ${label} than was seen before`,
    check: 'tag-sequence',
    origin: 'client',
  });
}
