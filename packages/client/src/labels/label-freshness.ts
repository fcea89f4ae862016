import type { FreshPosition, PositionRef, ResolvedTag, Trust } from '@bulla/crypto';
import { CryptoError, parseLabelFreshness, requireFreshPosition, verifyLabelFreshness } from '@bulla/crypto';
import { BullaError, checked } from '../connection/errors.js';
import type { LabelHead } from './label-heads.js';
import type { Session } from '../connection/session.js';

/**
 * Checks that a position was the newest a few days ago. Where a renewer has a newer directory than this client, that is
 * fetched once; what still does not fit then does not count, and is said.
 * @param words what renewers say of it, by the vault
 * @throws {BullaError} trust_expired (tag-fresh), clock_skew
 */
export async function requireFresh(
  session: Session,
  trust: Trust,
  position: ResolvedTag,
  words: readonly string[],
): Promise<FreshPosition> {
  return withWords(session, trust, words, async (under, known) => {
    const found = await checked(() => requireFreshPosition(position, known, { trust: under, now: session.now() }));
    sayForks(session, found.passedOver);
    return found;
  });
}

/** Whether a position was the newest a few days ago. */
export async function isFresh(
  session: Session,
  trust: Trust,
  position: ResolvedTag,
  words: readonly string[],
): Promise<boolean> {
  try {
    await requireFresh(session, trust, position, words);
    return true;
  } catch (error) {
    if (error instanceof BullaError && error.origin === 'client') return false;
    throw error;
  }
}

/**
 * Does what judges words of renewers: once more with the newest directory where one of them has a newer one, and at last
 * without those that nobody can judge.
 */
export async function withWords<Value>(
  session: Session,
  trust: Trust,
  words: readonly string[],
  judge: (trust: Trust, words: readonly string[]) => Promise<Value>,
): Promise<Value> {
  try {
    return await judge(trust, words);
  } catch (error) {
    if (!isNewer(error)) throw error;
  }
  const newest = await session.keeper.refresh();
  const known = words.filter((word) => !isOfLater(word, newest));
  // guard: client-fresh-newer-said
  if (known.length < words.length)
    session.notice('a renewer has a newer directory than the vault shows: what it says does not count here');
  return judge(newest, known);
}

function isNewer(error: unknown): boolean {
  return error instanceof BullaError && error.check === 'fresh-newer';
}

/** Whether a word was given under a directory that comes after this one. */
function isOfLater(word: string, trust: Trust): boolean {
  try {
    return parseLabelFreshness(word).claims.dir.ver > trust.directoryRef.ver;
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}

/** Another directory of the same version is a second branch: somebody must hear of it. */
export function sayForks(session: Session, passedOver: readonly CryptoError[]): void {
  for (const { check, message } of passedOver) if (check === 'fresh-fork') session.notice(message);
}

/**
 * Whether a renewer vouches for the very position, also where its tags say it themselves. If a person signed this
 * position again without that word, it would outlive a later one that somebody hides.
 */
export async function isVouched(
  session: Session,
  trust: Trust,
  position: PositionRef & { readonly name: string; readonly label: string },
  words: readonly string[],
): Promise<boolean> {
  for (const word of words) {
    try {
      await verifyLabelFreshness(word, position, trust, session.now());
      return true;
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
    }
  }
  return false;
}

/** Whether a person said within the last days that this position is the one. */
export function wasAdopted({ now }: Session, trust: Trust, { adopted }: LabelHead): boolean {
  // guard: client-adopted-lately without: return adopted !== undefined;
  return adopted !== undefined && now() < adopted + trust.freshSeconds;
}
