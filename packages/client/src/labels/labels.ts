import type { LabelPosition } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { isEarlierTag, parseUrn, urnOf, verifyPosition } from '@bulla/crypto';
import { BullaError, bullaError, checked } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import { noticeRemade, vaultOf } from '../connection/session.js';
import { readMoves } from './label-chain.js';
import { isFresh, requireFresh } from './label-freshness.js';
import type { ShownPosition } from './label-memory.js';
import type { SeenName } from '../trust/trust-store.js';

export const LATEST = 'latest';

/** A prompt by the two names it has. */
export interface PromptRef {
  readonly id: string;
  readonly name: string;
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
export async function readPosition(
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
 * What the tags of a position say, if enough people say it; a deleted label is such a position too.
 * @throws {BullaError} trust_expired, forbidden, key_unknown, signature_invalid, …
 */
export async function verifyShown(
  session: Session,
  trust: Trust,
  { name }: PromptRef,
  { label, tags }: Pick<LabelPosition, 'label' | 'tags'>,
  { acceptExpired = false } = {},
): Promise<ShownPosition> {
  // guard: client-label-earlier-tags
  if (tags.every(isEarlierTag)) throw signedEarlier(name, label);
  const expected = { name, label, now: session.now(), acceptExpired };
  const resolved = await session.keeper.withKnownKeys(trust, (known) =>
    checked(() => verifyPosition(tags, { trust: known, ...expected })),
  );
  return { ...resolved, tags };
}

/**
 * Takes a verified position into this client's memory, if it comes after what is remembered.
 * @param before what was seen of the name before the position was asked for.
 * @param judge as LabelKeeper.accept has it.
 * @returns whether it is the newest that this client knows.
 * @throws {TrustError} trust_rollback; what `judge` throws
 */
export function accept(
  session: Session,
  trust: Trust,
  shown: ShownPosition,
  before: SeenName | undefined,
  judge?: () => Promise<boolean>,
): Promise<boolean> {
  const { sub, label, seq: until } = shown;
  const id = parseUrn(sub)?.id ?? '';
  return session.labels.accept(shown, before, (after) => readMoves(session, trust, { id, label, after, until }), judge);
}

/**
 * The version that a label points to, said by whom the policy allows and the newest a few days ago, and the position that
 * this client remembers or one that comes after it.
 * @param ofKnown whether the content that is asked for is known: then the label only says which prompt the name stands for
 * @throws {BullaError} label_not_found, trust_rollback, trust_expired, signature_invalid, forbidden, …
 */
export async function resolveLabel(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
  { ofKnown = false } = {},
): Promise<ShownPosition> {
  const before = await session.labels.seen(prompt.name);
  const position = await readPosition(session, trust, prompt, label);
  if (position === undefined) throw notBorne(prompt, label);
  const shown = await verifyShown(session, trust, prompt, position);
  const words = position.fresh ?? [];
  await accept(session, trust, shown, before, async () => {
    // What is known needs nobody's word, and is remembered as it was.
    if (ofKnown) return isFresh(session, trust, shown, words);
    // guard: client-label-fresh
    await requireFresh(session, trust, shown, words);
    return true;
  });
  // Deleted, or a label that an earlier prompt of this name left behind.
  // guard: client-label-earlier
  if (shown.version === 0 || shown.sub !== urnOf(trust.org, 'prompt', prompt.id)) throw notBorne(prompt, label);
  noticeRemade(session, before, shown);
  return shown;
}

/** As resolveLabel, but undefined where nothing good is there. Lies are still thrown. */
export async function resolveIfGood(
  session: Session,
  trust: Trust,
  prompt: PromptRef,
  label: string,
  options: { readonly ofKnown?: boolean } = {},
): Promise<ShownPosition | undefined> {
  try {
    return await resolveLabel(session, trust, prompt, label, options);
  } catch (error) {
    if (error instanceof BullaError && error.origin === 'client' && OUTDATED.has(error.code)) return undefined;
    throw error;
  }
}

/** The prompt does not bear the label. */
export function notBorne({ name }: PromptRef, label: string): BullaError {
  return bullaError('label_not_found', { message: `${name} has no label ${label}`, origin: 'client', status: 404 });
}

/** Tags from before positions had a predecessor count nowhere. */
export function signedEarlier(name: string, label: string): BullaError {
  const message =
    `${name}@${label} was last signed by an earlier version of bulla: who signed it runs bulla trust renew, ` +
    `or you look at it: bulla prompt adopt ${name}@${label}`;
  return bullaError('trust_expired', {
    message,
    check: 'tag-earlier',
    origin: 'client',
    details: { kind: 'adopt', name, label },
  });
}

export function stale(label: string): BullaError {
  return bullaError('label_stale', {
    message: `label ${label} has moved since it was looked at: look again, then decide`,
    check: 'tag-sequence',
    origin: 'client',
  });
}
