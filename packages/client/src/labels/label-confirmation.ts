import type { Trust } from '@bulla/crypto';
import { CryptoError, isEarlierTag, readTags, urnOf, verifyEarlierTag } from '@bulla/crypto';
import type { LabelPosition } from '@bulla/contract';
import { BullaError, bullaError, checked } from '../connection/errors.js';
import { isVouched, wasAdopted } from './label-freshness.js';
import { headOf, rememberedOf } from './label-memory.js';
import type { LabelOutcome, LabelTarget } from './label-moves.js';
import { baseOf, moveLabel, signPosition } from './label-moves.js';
import type { PromptRef } from './labels.js';
import { accept, readPosition, resolveIfGood, stale } from './labels.js';
import { openVersion } from '../prompts/open-version.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

/** A label whose tags end soon, or no longer count. */
export interface DueLabel {
  readonly label: string;
  /** By the vault's word where no tag can say it. */
  readonly version: number;
}

const DAY_SECONDS = 86_400;

/** The end of a year's tags is announced early: a person who must sign them again may be away for two months. */
const ANNOUNCED_SECONDS = 65 * DAY_SECONDS;

/** Labels of a prompt whose tags end within 65 days, or within a third of a shorter life, or are no longer good. */
export async function dueLabels(session: Session, trust: Trust, prompt: PromptRef): Promise<DueLabel[]> {
  const due: DueLabel[] = [];
  for (const { label, version } of await labelsOf(session, trust, prompt)) {
    const resolved = await orNotice(session, resolveIfGood(session, trust, prompt, label, { ofKnown: true }));
    const life = trust.labelRule(prompt.name, label).days * DAY_SECONDS;
    if (resolved !== undefined && resolved.expiresAt - session.now() > Math.min(ANNOUNCED_SECONDS, life / 3)) continue;
    due.push({ label, version: resolved?.version ?? version });
  }
  return due;
}

/**
 * Begins labels of a prompt anew that this device signed before positions had a predecessor: where it remembers the very
 * position, it is where the label stands, and this device opens its version. Nothing else is ever signed without asking.
 * @returns the labels.
 */
export async function renewLabels(session: Session, trust: Trust, prompt: PromptRef): Promise<string[]> {
  const renewed: string[] = [];
  for (const position of await labelsOf(session, trust, prompt)) {
    const { label, tags } = position;
    if (!tags.every(isEarlierTag) || !trust.mayTag(session.identity.urn, prompt.name, label)) continue;
    if ((await orNotice(session, beginAnew(session, trust, prompt, position))) === true) renewed.push(label);
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

/** Says anew, with a beginning, what this device said before positions had a predecessor. */
async function beginAnew(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  { label, seq, tags }: LabelPosition,
): Promise<boolean> {
  const remembered = rememberedOf(await session.labels.seen(prompt.name), label);
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
  const words = (await readPosition(session, trust, prompt, label))?.fresh ?? [];
  const head = headOf(await session.labels.seen(prompt.name), label);
  // guard: client-confirm-deleted
  if (head === undefined || head.ver === 0 || head.sub !== urnOf(trust.org, 'prompt', prompt.id)) {
    const message = `${prompt.name} does not bear the label ${label}: there is nothing to confirm`;
    throw bullaError('label_not_found', { message, origin: 'client', status: 404 });
  }
  // guard: client-confirm-vouched
  if (!wasAdopted(session, trust, head) && !(await isVouched(session, trust, { ...head, name: prompt.name }, words)))
    throw unvouched(prompt, label);
  return { label, seq: head.seq, pos: head.pos, prev: head.prev, version: head.ver, chash: head.chash };
}

/** A person who signs a position again makes it last: it could outlive a later one that somebody hides. */
function unvouched({ name }: PromptRef, label: string): BullaError {
  const message =
    `no renewer vouches for the position of ${name}@${label} yet: wait for the next round of the service renew, ` +
    `or look at it: bulla prompt adopt ${name}@${label}`;
  return bullaError('trust_expired', {
    message,
    check: 'tag-fresh',
    origin: 'client',
    details: { kind: 'adopt', name, label },
  });
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
  const head = headOf(await session.labels.seen(prompt.name), label);
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
  const before = await session.labels.seen(prompt.name);
  const tag = await signPosition(session, trust, prompt, label, position);
  const call = { params: { id: prompt.id, label }, body: { tag } };
  const { tags } = await session.transport.call('label.confirm', vaultOf(session, trust), trust, call);
  const expected = { name: prompt.name, label, now: session.now() };
  const set = await session.keeper.withKnownKeys(trust, (known) =>
    checked(() => readTags(tags, { trust: known, ...expected })),
  );
  if (set.given >= set.needed) return void (await accept(session, trust, { ...set, tags }, before));
  // It was taken all the same, and waits for those of others.
  session.notice(
    `${prompt.name}@${label} counts again once ${set.needed} people have confirmed it, ${set.given} did so far`,
  );
}

async function labelsOf(session: Session, trust: Trust, { id }: PromptRef): Promise<LabelPosition[]> {
  const { data } = await session.transport.call('label.list', vaultOf(session, trust), trust, { params: { id } });
  return data;
}
