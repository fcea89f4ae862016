import type { Trust } from '@bulla/crypto';
import { BullaError, bullaError } from './errors.js';
import type { LabelOutcome, PromptRef } from './labels.js';
import { newestSeq, publishPosition, resolveIfGood, stale } from './labels.js';
import type { OpenedVersion } from './open-version.js';
import { openVersion } from './open-version.js';
import type { Session } from './session.js';
import { seqOf } from './trust-store.js';

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
  /** Undefined where the label is to be removed. */
  readonly target: OpenedVersion | undefined;
  /** Undefined where the label points nowhere that counts: there is nothing to compare with. */
  readonly present: PresentVersion | undefined;
}

/** Why an older version cannot be opened although nobody lied: its author has lost the right to write. */
export const UNREADABLE: ReadonlySet<string> = new Set([
  'key_unknown',
  'key_revoked',
  'suite_unknown',
  'forbidden',
  'custody_not_allowed',
]);

/**
 * Puts what was opened beside where the label points now.
 * @param target a version that was opened; undefined to remove the label
 * @throws {BullaError} label_stale where the label moves meanwhile, or the vault shows an older position than was seen
 */
export async function proposeMove(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
  target: OpenedVersion | undefined,
): Promise<ProposedMove> {
  const newest = await newestSeq(session, trust, prompt, label);
  const resolved = await resolveIfGood(session, trust, prompt, label, true);
  // What is shown as the present version must be what the next position replaces.
  // guard: client-move-base
  if (resolved !== undefined && resolved.seq !== newest) {
    const message = `${label} of ${prompt.name} moved while it was looked at`;
    throw bullaError('label_stale', { message, check: 'tag-sequence', origin: 'client' });
  }
  const present = resolved && (await openPresent(session, trust, prompt, resolved));
  return { prompt, label, seq: newest + 1, target, present };
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
    if (!(error instanceof BullaError) || error.origin !== 'client' || !UNREADABLE.has(error.code)) throw error;
    return { version, chash, opened: undefined };
  }
}

/**
 * Signs a move as it was seen, for the position that was shown.
 * @throws {ConflictError} label_stale if the label moved meanwhile
 */
export async function signMove(session: Session, trust: Trust, move: ProposedMove): Promise<LabelOutcome> {
  const { prompt, label, seq } = move;
  await requireNotPassed(session, move);
  return publishPosition(session, trust, prompt, label, { ...targetOf(move), seq });
}

/** The version and content of a move; 0 and nothing where the label is to be removed. */
export function targetOf({ target }: ProposedMove): { readonly version: number; readonly chash: string } {
  return { version: target?.version ?? 0, chash: target?.chash ?? '' };
}

/** A person takes their time: this machine may have seen the label go further meanwhile. */
export async function requireNotPassed(
  { keeper }: Session,
  { prompt, label, seq }: Pick<ProposedMove, 'prompt' | 'label' | 'seq'>,
): Promise<void> {
  // guard: client-move-passed
  if (seq <= (seqOf(await keeper.seen(prompt.name), label) ?? 0)) throw stale(label);
}
