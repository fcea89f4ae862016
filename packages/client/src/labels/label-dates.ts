import type { LabelPosition } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { CryptoError, isEarlierTag, verifyLabelFreshness } from '@bulla/crypto';
import { BullaError } from '../connection/errors.js';
import type { ShownPosition } from './label-memory.js';
import type { PromptRef } from './labels.js';
import { verifyShown } from './labels.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

/** Until when a label counts. Seconds; undefined where what the vault shows does not verify. */
export interface LabelDates {
  readonly label: string;
  readonly version: number;
  /** From then on too few signatures count: a person confirms it before. */
  readonly signedUntil: number | undefined;
  /** From then on nobody has called the position the newest lately: a renewer speaks before. */
  readonly newestUntil: number | undefined;
}

/** Both dates of each label of a prompt, as its tags and the words of renewers say them. Nothing of it is remembered. */
export async function labelDates(session: Session, trust: Trust, prompt: PromptRef): Promise<LabelDates[]> {
  const call = { params: { id: prompt.id } };
  const { data } = await session.transport.call('label.list', vaultOf(session, trust), trust, call);
  const dates: LabelDates[] = [];
  for (const position of data) {
    const { label, version, tags } = position;
    if (version === 0) continue;
    const shown = tags.every(isEarlierTag) ? undefined : await verifiedOf(session, trust, prompt, position);
    dates.push({
      label,
      version,
      signedUntil: shown?.expiresAt,
      newestUntil: shown === undefined ? undefined : await newestUntil(session, trust, shown, position.fresh ?? []),
    });
  }
  return dates;
}

async function verifiedOf(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  position: LabelPosition,
): Promise<ShownPosition | undefined> {
  try {
    return await verifyShown(session, trust, prompt, position, { acceptExpired: true });
  } catch (error) {
    // What is wrong with it, doctor and every use of it say.
    if (error instanceof BullaError && error.origin === 'client') return undefined;
    throw error;
  }
}

async function newestUntil(
  session: Session,
  trust: Trust,
  shown: ShownPosition,
  words: readonly string[],
): Promise<number> {
  let until = shown.freshUntil;
  for (const word of words) {
    try {
      until = Math.max(until, (await verifyLabelFreshness(word, shown, trust, session.now())).until);
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
    }
  }
  return until;
}
