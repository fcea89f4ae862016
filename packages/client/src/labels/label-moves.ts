import type { LabelMoveResult, LabelPosition, PendingMove } from '@bulla/contract';
import type { PositionRef, Trust } from '@bulla/crypto';
import { isEarlierTag, organisationUrn, parseTag, positionHash, positionOf, signTag, urnOf } from '@bulla/crypto';
import { BullaError, bullaError, checked } from '../connection/errors.js';
import { readMoves } from './label-chain.js';
import { requireFresh, wasAdopted } from './label-freshness.js';
import type { LabelHead, RememberedLabel } from './label-heads.js';
import type { ShownPosition } from './label-memory.js';
import { headOf, rememberedOf } from './label-memory.js';
import type { PromptRef } from './labels.js';
import { accept, notBorne, OUTDATED, readPosition, signedEarlier, stale, verifyShown } from './labels.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

const DAY_SECONDS = 86_400;

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

/** What the next position of a label follows. */
export interface LabelBase extends PositionRef {
  /** Where it points; version 0 where it points nowhere, and no `sub` before the first. */
  readonly sub?: string | undefined;
  readonly version: number;
  /** Of the version, where its tags say it. */
  readonly chash?: string | undefined;
  /** Whether enough people say so now, and it is the newest; not where a person adopted it. */
  readonly counts?: boolean;
}

/**
 * The position that a move of a label follows: what this client remembers, or what comes after it and enough people say
 * now. Never what the vault says alone, and never what nobody has lately called the newest, unless a person adopted it.
 * @throws {BullaError} trust_rollback; trust_expired, forbidden, … where a position would have to be adopted first
 */
export async function baseOf(session: Session, trust: Trust, prompt: PromptRef, label: string): Promise<LabelBase> {
  const before = await session.labels.seen(prompt.name);
  const position = await readPosition(session, trust, prompt, label);
  const remembered = rememberedOf(before, label);
  if (position === undefined) {
    // guard: client-base-hidden
    if (remembered !== undefined || (await hasMoved(session, trust, prompt, label))) throw hidden(prompt, label);
    return { seq: 0, pos: '', version: 0 };
  }
  if (position.tags.every(isEarlierTag)) return earlierBase(prompt, position, remembered);
  const head = headOf(before, label);
  if (head !== undefined && (await posOf(position)) === head.pos && wasAdopted(session, trust, head))
    return baseAt(head);
  let shown: ShownPosition;
  try {
    shown = await verifyShown(session, trust, prompt, position);
    const isNewest = await accept(session, trust, shown, before, async () => {
      // guard: client-base-fresh
      await requireFresh(session, trust, shown, position.fresh ?? []);
      return true;
    });
    // guard: client-base-newest
    if (!isNewest) throw stale(label);
  } catch (error) {
    throw toAdopt(error, prompt, label);
  }
  const { seq, pos, sub, version, chash } = shown;
  return { seq, pos, sub, version, chash, counts: true };
}

const baseAt = ({ seq, pos, sub, ver: version, chash }: LabelHead): LabelBase => ({ seq, pos, sub, version, chash });

/** After a position that was signed before positions had a predecessor, if this client knows it, the label begins anew. */
function earlierBase(
  prompt: PromptRef,
  { label, seq }: LabelPosition,
  remembered: RememberedLabel | undefined,
): LabelBase {
  // guard: client-base-earlier
  if (remembered === undefined || 'pos' in remembered || remembered.seq !== seq)
    throw signedEarlier(prompt.name, label);
  return { seq, pos: '', version: 0 };
}

/** `pos` that the first tag of a position claims, which is verified by whom it is compared with. */
function posOf({ tags }: Pick<LabelPosition, 'tags'>): Promise<string> {
  return checked(() => positionHash(positionOf(parseTag(tags[0] ?? '').claims)));
}

async function hasMoved(session: Session, trust: Trust, { id }: PromptRef, label: string): Promise<boolean> {
  const moves = await readMoves(session, trust, { id, label, after: 0, until: 1 });
  return moves.length > 0;
}

/**
 * Signs where a label points, after a base that was taken before anybody decided, and publishes it. If somebody else moved
 * it meanwhile, that ends it: the move was decided by what is no longer so.
 * @returns the new position; that of a label which several people must move may wait for others.
 * @throws {ConflictError} label_stale
 */
export async function moveLabel(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
  target: LabelTarget | 'delete',
  base: LabelBase,
): Promise<LabelOutcome> {
  const { version, chash } = target === 'delete' ? NOWHERE : target;
  const position = { version, chash, seq: base.seq + 1, prev: base.pos };
  const tag = await signPosition(session, trust, prompt, label, position);
  const call = { params: { id: prompt.id, label }, body: { tags: [tag] }, ifMatch: base.seq };
  const result = await session.transport.call('label.move', vaultOf(session, trust), trust, call);
  return outcomeOf(session, trust, prompt, label, { ...position, tag }, result);
}

/**
 * As moveLabel, for `latest` and a version that this client has just stored. Alone among labels it is signed again where
 * somebody else moved it meanwhile, and only while it would go up.
 */
export async function moveLatest(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
  target: LabelTarget,
  base: LabelBase,
): Promise<LabelOutcome> {
  try {
    return await moveLabel(session, trust, prompt, label, target, base);
  } catch (error) {
    if (!(error instanceof BullaError) || error.code !== 'label_stale') throw error;
    const newer = await movedOn(session, trust, prompt, label, target.version, error);
    return moveLabel(session, trust, prompt, label, target, newer);
  }
}

/**
 * Where a label stands that somebody moved meanwhile.
 * @param refused as it is thrown where it was not the vault's, or where the label points as high already.
 */
export async function movedOn(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
  version: number,
  refused: BullaError,
): Promise<LabelBase> {
  if (refused.origin === 'client') throw refused;
  const newer = await baseOf(session, trust, prompt, label);
  // guard: client-latest-upward
  if (newer.sub === urnOf(trust.org, 'prompt', prompt.id) && newer.version >= version) throw refused;
  return newer;
}

/** A position whole but for its label and prompt. */
export interface NextPosition extends LabelTarget {
  readonly seq: number;
  readonly prev: string;
}

/** The tag by which this device says where a label points. */
export function signPosition(
  { identity, now }: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
  { version, chash, seq, prev }: NextPosition,
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
    prev,
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
  { version, seq, tag }: Pick<NextPosition, 'version' | 'seq'> & { readonly tag: string },
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
  const before = await session.labels.seen(prompt.name);
  // guard: client-move-alone without: const isOwn = true;
  const isOwn = trust.labelRule(prompt.name, label).threshold === 1;
  const tags = isOwn ? [tag] : (await readPosition(session, trust, prompt, label))?.tags;
  if (tags === undefined) throw notBorne(prompt, label);
  const shown = await verifyShown(session, trust, prompt, { label, tags });
  const pos = await posOf({ tags: [tag] });
  // guard: client-move-taken
  if (shown.seq < seq || (shown.seq === seq && shown.pos !== pos)) {
    const message = `the vault said that ${prompt.name}@${label} moved, and shows another position`;
    throw bullaError('envelope_tampered', { message, check: 'tag-sequence', origin: 'client' });
  }
  await accept(session, trust, shown, before);
  return { seq, version };
}

function hidden({ name }: PromptRef, label: string): BullaError {
  return bullaError('trust_rollback', {
    message:
      `the vault shows no position of ${name}@${label}, which has moved before: it may have been restored from a backup, ` +
      `or hide it. Nothing was signed`,
    check: 'tag-sequence',
    origin: 'client',
  });
}

/** Why a position cannot be followed without somebody who looks at it. */
function toAdopt(error: unknown, { name }: PromptRef, label: string): unknown {
  if (!(error instanceof BullaError) || !OUTDATED.has(error.code)) return error;
  return bullaError(error.code, {
    message: `${error.message}: to move it on, look at it first: bulla prompt adopt ${name}@${label}`,
    origin: 'client',
    details: { kind: 'adopt', name, label },
    ...(error.check !== undefined && { check: error.check }),
  });
}
