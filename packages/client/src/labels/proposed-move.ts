import type { Trust } from '@bulla/crypto';
import { urnOf } from '@bulla/crypto';
import { BullaError } from '../connection/errors.js';
import { rememberedOf } from './label-memory.js';
import type { LabelBase, LabelOutcome } from './label-moves.js';
import { moveLabel } from './label-moves.js';
import type { PromptRef } from './labels.js';
import { stale } from './labels.js';
import type { OpenedVersion } from '../prompts/open-version.js';
import { openVersion } from '../prompts/open-version.js';
import type { Session } from '../connection/session.js';

/** Where a label points, by what people signed. Their signatures may have expired: it still is what a move changes. */
export interface PresentVersion {
  readonly version: number;
  readonly chash: string;
  /** Undefined where this device cannot open it, or its author may no longer write. */
  readonly opened: OpenedVersion | undefined;
}

/**
 * A move of a label as a person sees it before they sign it. What is in it was opened on this machine, and is what is
 * signed: nothing is fetched again in between.
 */
export interface ProposedMove {
  readonly prompt: PromptRef;
  readonly label: string;
  /** The position that the label would have. */
  readonly seq: number;
  /** `pos` of the position that it would follow, which `present` is; empty where the label begins. */
  readonly prev: string;
  /** Undefined where the label is to be removed. */
  readonly target: OpenedVersion | undefined;
  /** Undefined where the label points nowhere that counts: there is nothing to compare with. */
  readonly present: PresentVersion | undefined;
  /** Whether the label stands there already, by signatures that count now: nobody need sign it again. */
  readonly stands?: boolean;
}

/** Why an older version cannot be opened although nobody lied: its author has lost the right to write, it commits to no key, or somebody sealed
 * another key to this device. */
const UNREADABLE: ReadonlySet<string> = new Set([
  'key_unknown',
  'key_revoked',
  'suite_unknown',
  'forbidden',
  'custody_not_allowed',
  'content_uncommitted',
  'grant_unfit',
]);

/** Whether an older version cannot be opened although nobody lied; a vault that was restored may have lost it. */
export function isUnreadable(error: unknown): boolean {
  if (!(error instanceof BullaError)) return false;
  return error.origin === 'client' ? UNREADABLE.has(error.code) : error.code === 'not_found';
}

/**
 * Puts what was opened beside where the label points: what is shown is what the move follows.
 * @param target a version that was opened; undefined to remove the label
 * @param base where the label stood before anything was decided: a move that comes in between ends this one
 */
export async function proposeMove(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
  target: OpenedVersion | undefined,
  base: LabelBase,
): Promise<ProposedMove> {
  const { version, chash } = base;
  const isBorne = version > 0 && base.sub === urnOf(trust.org, 'prompt', prompt.id);
  const present =
    isBorne && chash !== undefined ? await openPresent(session, trust, prompt, { version, chash }) : undefined;
  const stands = base.counts === true && present !== undefined && present.chash === target?.chash;
  return { prompt, label, seq: base.seq + 1, prev: base.pos, target, present, ...(stands && { stands }) };
}

/** As openVersion, but a version whose author has left since is only named. */
async function openPresent(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  { version, chash }: Omit<PresentVersion, 'opened'>,
): Promise<PresentVersion> {
  try {
    return { version, chash, opened: await openVersion(session, trust, prompt, { version, chash }) };
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return { version, chash, opened: undefined };
  }
}

/**
 * Signs a move as it was seen, for the position that was shown.
 * @throws {ConflictError} label_stale if the label moved meanwhile
 */
export async function signMove(session: Session, trust: Trust, move: ProposedMove): Promise<LabelOutcome> {
  const { prompt, label, seq, prev } = move;
  await requireNotPassed(session, move);
  const base = { seq: seq - 1, pos: prev, version: move.present?.version ?? 0 };
  return moveLabel(session, trust, prompt, label, targetOf(move), base);
}

/** The version and content of a move; 0 and nothing where the label is to be removed. */
export function targetOf({ target }: ProposedMove): { readonly version: number; readonly chash: string } {
  return { version: target?.version ?? 0, chash: target?.chash ?? '' };
}

/** A person takes their time: this machine may have seen the label go further meanwhile. */
export async function requireNotPassed(
  { labels }: Session,
  { prompt, label, seq }: Pick<ProposedMove, 'prompt' | 'label' | 'seq'>,
): Promise<void> {
  // guard: client-move-passed
  if (seq <= (rememberedOf(await labels.seen(prompt.name), label)?.seq ?? 0)) throw stale(label);
}
