import type { Trust } from '@bulla/crypto';
import { CryptoError, isEarlierTag, readTags, urnOf, verifyEarlierTag } from '@bulla/crypto';
import type { LabelPosition } from '@bulla/contract';
import { BullaError, bullaError, checked } from './errors.js';
import { headOf, rememberedOf } from './label-memory.js';
import type { LabelOutcome, LabelTarget } from './label-moves.js';
import { baseOf, moveLabel, signPosition } from './label-moves.js';
import type { PromptRef } from './labels.js';
import { accept, readPosition, resolveIfGood, stale, verifyShown } from './labels.js';
import { openVersion } from './open-version.js';
import type { Session } from './session.js';
import { vaultOf } from './session.js';

/** A label whose tags end soon, or no longer count. */
export interface DueLabel {
  readonly label: string;
  /** By the vault's word where no tag can say it. */
  readonly version: number;
}

const DAY_SECONDS = 86_400;

/** Labels of a prompt whose tags have a third of their life left or less, or are no longer good. */
export async function dueLabels(session: Session, trust: Trust, prompt: PromptRef): Promise<DueLabel[]> {
  const due: DueLabel[] = [];
  for (const { label, version } of await labelsOf(session, trust, prompt)) {
    const resolved = await orNotice(session, resolveIfGood(session, trust, prompt, label));
    const life = trust.labelRule(prompt.name, label).days * DAY_SECONDS;
    if (resolved !== undefined && resolved.expiresAt - session.now() > life / 3) continue;
    due.push({ label, version: resolved?.version ?? version });
  }
  return due;
}

/**
 * Adds this person's tag anew, without asking, to labels of a prompt that are due: only where they signed the very position
 * that this client remembers, it is where the label stands, and this device opens its version. What somebody else signed
 * and they never did, what came before it and what this client does not know is never signed.
 * @returns the labels.
 */
export async function renewLabels(session: Session, trust: Trust, prompt: PromptRef): Promise<string[]> {
  const renewed: string[] = [];
  const positions = await labelsOf(session, trust, prompt);
  const due = new Set((await dueLabels(session, trust, prompt)).map(({ label }) => label));
  for (const position of positions.filter(({ label }) => due.has(label))) {
    const { label } = position;
    if (!trust.mayTag(session.identity.urn, prompt.name, label)) continue;
    const signing = position.tags.every(isEarlierTag)
      ? beginAnew(session, trust, prompt, position)
      : signAgain(session, trust, prompt, label);
    if ((await orNotice(session, signing)) === true) renewed.push(label);
  }
  return renewed;
}

/** What is said and left to a person, so that other labels are looked at: one that moved meanwhile, or was moved back. */
const FOR_A_PERSON: ReadonlySet<string> = new Set(['label_stale', 'trust_rollback']);

async function orNotice<Value>(session: Session, work: Promise<Value>): Promise<Value | undefined> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof BullaError) || !FOR_A_PERSON.has(error.code)) throw error;
    session.notice(error.message);
    return undefined;
  }
}

async function signAgain(session: Session, trust: Trust, prompt: PromptRef, label: string): Promise<boolean> {
  const head = headOf(await session.keeper.seen(prompt.name), label);
  if (head === undefined || head.ver === 0 || head.sub !== urnOf(trust.org, 'prompt', prompt.id)) return false;
  const position = await readPosition(session, trust, prompt, label);
  const expected = { name: prompt.name, label, now: session.now(), acceptExpired: true };
  const sets = [head.tags, position?.tags ?? []].filter((tags) => tags.length > 0);
  const read = await Promise.all(sets.map((tags) => checked(() => readTags(tags, { trust, ...expected }))));
  // guard: client-renew-remembered
  if (read.some(({ pos }) => pos !== head.pos)) return false;
  const user = trust.userOf(session.identity.urn);
  // guard: client-renew-own
  if (!read.some(({ signers }) => signers.some((urn) => trust.userOf(urn) === user))) return false;
  const target = { version: head.ver, chash: head.chash };
  if ((await openVersion(session, trust, prompt, target)) === undefined) return false;
  await addTag(session, trust, prompt, label, { ...target, seq: head.seq, prev: head.prev });
  return true;
}

/** Says anew, with a beginning, what this device said before positions had a predecessor. */
async function beginAnew(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  { label, seq, tags }: LabelPosition,
): Promise<boolean> {
  const remembered = rememberedOf(await session.keeper.seen(prompt.name), label);
  if (remembered?.seq !== seq || 'pos' in remembered) return false;
  const target = await ownEarlierWord(session, trust, prompt, { label, seq, tags });
  if (target === undefined || (await openVersion(session, trust, prompt, target)) === undefined) return false;
  const { pending } = await moveLabel(session, trust, prompt, label, target, { seq, pos: '', version: 0 });
  if (pending === undefined) return true;
  session.notice(
    `label ${label} of ${prompt.name} counts again once ${pending.needed} people have signed, ${pending.given} did: ` +
      `bulla approve yes ${pending.approval}`,
  );
  return false;
}

/** Where a tag by this very device says that a label pointed. */
async function ownEarlierWord(
  { identity }: Session,
  trust: Trust,
  { id, name }: PromptRef,
  { label, seq, tags }: Pick<LabelPosition, 'label' | 'seq' | 'tags'>,
): Promise<LabelTarget | undefined> {
  for (const tag of tags) {
    try {
      const { claims, signer } = await verifyEarlierTag(tag, { trust, name, label });
      const isOwn = signer === identity.urn && claims.seq === seq && claims.sub === urnOf(trust.org, 'prompt', id);
      // guard: client-earlier-own without: return { version: claims.ver, chash: claims.chash };
      if (isOwn && claims.ver > 0) return { version: claims.ver, chash: claims.chash };
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
    }
  }
  return undefined;
}

/** What a person confirms: where a label stands. */
export interface ConfirmedLabel extends LabelTarget {
  readonly label: string;
  readonly seq: number;
  /** Of this position, and of the one before it. */
  readonly pos: string;
  readonly prev: string;
}

/**
 * Where a label stands as this client knows it, for somebody to confirm once they have read its version.
 * @throws {BullaError} label_not_found if it is deleted or was never there; trust_rollback; what baseOf refuses
 */
export async function standingLabel(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
): Promise<ConfirmedLabel> {
  await baseOf(session, trust, prompt, label);
  const head = headOf(await session.keeper.seen(prompt.name), label);
  // guard: client-confirm-deleted
  if (head === undefined || head.ver === 0 || head.sub !== urnOf(trust.org, 'prompt', prompt.id)) {
    const message = `${prompt.name} does not bear the label ${label}: there is nothing to confirm`;
    throw bullaError('label_not_found', { message, origin: 'client', status: 404 });
  }
  return { label, seq: head.seq, pos: head.pos, prev: head.prev, version: head.ver, chash: head.chash };
}

/**
 * Adds this person's tag to the position of a label that was looked at: it lasts longer, and points where it did.
 * @throws {BullaError} label_stale if the label has moved since
 */
export async function confirmLabel(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  { label, seq, pos, prev, version, chash }: ConfirmedLabel,
): Promise<LabelOutcome> {
  const head = headOf(await session.keeper.seen(prompt.name), label);
  // guard: client-confirm-remembered
  if (head?.pos !== pos) throw stale(label);
  await addTag(session, trust, prompt, label, { version, chash, seq, prev });
  return { seq, version };
}

async function addTag(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
  position: LabelTarget & { readonly seq: number; readonly prev: string },
): Promise<void> {
  const before = await session.keeper.seen(prompt.name);
  const tag = await signPosition(session, trust, prompt, label, position);
  const call = { params: { id: prompt.id, label }, body: { tag } };
  const served = await session.transport.call('label.confirm', vaultOf(session, trust), trust, call);
  await accept(session, trust, await verifyShown(session, trust, prompt, { label, tags: served.tags }), before);
}

async function labelsOf(session: Session, trust: Trust, { id }: PromptRef): Promise<LabelPosition[]> {
  const { data } = await session.transport.call('label.list', vaultOf(session, trust), trust, { params: { id } });
  return data;
}
