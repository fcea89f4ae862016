import type { ChainTuple, PositionRef, ResolvedTag } from '@bulla/crypto';
import { requireDescendant } from '@bulla/crypto';
import type { EarlierHead, LabelFork, LabelHead, RememberedLabel } from './label-heads.js';
import type { SeenName, TrustState } from '../trust/trust-store.js';
import { seenOf } from '../trust/trust-store.js';

/** A position that its tags prove. */
export interface ShownPosition extends ResolvedTag, Pick<LabelHead, 'adopted' | 'vouched'> {
  readonly tags: readonly string[];
}

/** Moves that are kept of a label: as far back as a restored vault is handed something. */
const TUPLES_KEPT = 1_000;
const FORKS_KEPT = 16;

/** What is remembered of a label of a name. */
export function rememberedOf(seen: SeenName | undefined, label: string): RememberedLabel | undefined {
  return seen?.labels.find((one) => one.label === label);
}

/** The position that is remembered of a label, if it has a hash. */
export function headOf(seen: SeenName | undefined, label: string): LabelHead | undefined {
  const remembered = rememberedOf(seen, label);
  return remembered !== undefined && 'pos' in remembered ? remembered : undefined;
}

/** The move that led to a position. */
export function tupleOf({
  sub,
  version,
  chash,
  prev,
}: Pick<ShownPosition, 'sub' | 'version' | 'chash' | 'prev'>): ChainTuple {
  return { sub, ver: version, chash, prev };
}

/**
 * Checks that a position is the one that is remembered or comes after it. An earlier position has no hash: after it the
 * label begins anew, once.
 * @param moves those after what is remembered up to the position, in order.
 * @throws {CryptoError} trust_rollback
 */
export async function requireAfter(
  remembered: RememberedLabel,
  shown: ShownPosition,
  moves: readonly ChainTuple[],
): Promise<void> {
  const of = { name: shown.name, tag: shown.label };
  if ('pos' in remembered) return requireDescendant(of, remembered, shown, moves);
  const from = Math.max(
    moves.findLastIndex(({ prev }) => prev === ''),
    0,
  );
  // guard: client-label-begins
  await requireDescendant(of, { seq: remembered.seq + from, pos: '' }, shown, moves.slice(from));
}

/** The moves from what is remembered to a position, none where it is not above. */
export async function movesSince(
  { seq }: RememberedLabel,
  shown: ShownPosition,
  movesAfter: (seq: number) => Promise<readonly ChainTuple[]>,
): Promise<readonly ChainTuple[]> {
  if (shown.seq <= seq) return [];
  if (shown.seq === seq + 1) return [tupleOf(shown)];
  const moves = await movesAfter(seq);
  return moves.slice(0, shown.seq - seq);
}

/** How a position stands to what is remembered by now, and the state with it where it is newer. */
export type Remembering =
  | { readonly kind: 'newest'; readonly state: TrustState }
  /** Something that comes after it is remembered. */
  | { readonly kind: 'passed' }
  /** Another position is remembered than the one that it was checked against. */
  | { readonly kind: 'changed' };

/**
 * Puts a position that was checked against `before` into the newest state, which another process may have changed since.
 * @param before what was remembered when it was checked.
 * @param moves those from there to the position, in order.
 */
export function remembering(
  state: TrustState,
  shown: ShownPosition,
  before: RememberedLabel | undefined,
  moves: readonly ChainTuple[],
): Remembering {
  const now = rememberedOf(seenOf(state, shown.name), shown.label);
  const isSame = now !== undefined && 'pos' in now && now.pos === shown.pos;
  if (isSame) return { kind: 'newest', state: withHead(state, shown, now.tuples) };
  // guard: client-label-compared-again without: const wasSeen = true;
  const wasSeen = JSON.stringify(now) === JSON.stringify(before);
  if (wasSeen) return { kind: 'newest', state: withHead(state, shown, [...tuplesOf(now), ...moves]) };
  if (now !== undefined && 'pos' in now && leadsThrough(now, shown)) return { kind: 'passed' };
  return { kind: 'changed' };
}

const tuplesOf = (remembered: RememberedLabel | undefined) =>
  remembered !== undefined && 'pos' in remembered ? remembered.tuples : [];

/** Whether the moves that are kept of a head lead through a position: the one after it names it. */
export function leadsThrough({ seq, tuples }: LabelHead, position: PositionRef): boolean {
  const steps = seq - position.seq;
  return steps > 0 && tuples.at(-steps)?.prev === position.pos;
}

/** The state with a position as what is remembered of its label, and what its tags say of its version. */
export function withHead(state: TrustState, shown: ShownPosition, tuples: readonly ChainTuple[]): TrustState {
  const { name, label, sub, version, chash, prev, seq, pos, tags, expiresAt } = shown;
  const seen = seenOf(state, name);
  const before = headOf(seen, label);
  const isSame = before?.pos === pos;
  // Only a move says that the name stands for another prompt; what a version said stays with its prompt.
  const named = isSame && seen !== undefined ? seen.sub : sub;
  const contents = seen?.sub === named ? seen.contents : [];
  const isNewContent = version > 0 && named === sub && !contents.some(([one]) => one === version);
  const adopted = shown.adopted ?? (isSame ? before.adopted : undefined);
  const vouched = shown.vouched === true || (isSame && before.vouched === true);
  const isAsBefore = isSame && adopted === before.adopted && vouched === (before.vouched === true);
  // Tags that end sooner than those that are kept change nothing.
  if (isAsBefore && !isNewContent && expiresAt <= before.until) return state;
  const kept = isSame && expiresAt <= before.until ? before : { tags, until: expiresAt };
  const head: LabelHead = {
    label,
    seq,
    pos,
    sub,
    ver: version,
    chash,
    prev,
    tags: kept.tags,
    until: kept.until,
    tuples: tuples.slice(-TUPLES_KEPT),
    ...(adopted !== undefined && { adopted }),
    ...(vouched && { vouched }),
  };
  return withSeenName(state, name, {
    sub: named,
    labels: [...(seen?.labels ?? []).filter((one) => one.label !== label), head],
    contents: isNewContent ? [...contents, [version, chash]] : contents,
  });
}

/** The state without what is remembered of a label, nor of contents that another prompt had. */
export function withoutHead(
  state: TrustState,
  { name, label, sub }: Pick<ShownPosition, 'name' | 'label' | 'sub'>,
): TrustState {
  const seen = seenOf(state, name);
  if (seen === undefined) return state;
  const labels = seen.labels.filter((one) => one.label !== label);
  return withSeenName(state, name, { sub, labels, contents: seen.sub === sub ? seen.contents : [] });
}

/** The state in which an earlier number is all that is known of a label: a person says so. */
export function withEarlierHead(state: TrustState, name: string, sub: string, head: EarlierHead): TrustState {
  const seen = seenOf(state, name);
  const others = (seen?.labels ?? []).filter((one) => one.label !== head.label);
  return withSeenName(state, name, {
    sub,
    labels: [...others, head],
    contents: seen?.sub === sub ? seen.contents : [],
  });
}

function withSeenName(state: TrustState, name: string, seen: SeenName): TrustState {
  return { ...state, names: [...state.names.filter(([key]) => key !== name), [name, seen]] };
}

/** The state with the tags of two positions of which neither comes after the other. */
export function withFork(state: TrustState, fork: LabelFork): TrustState {
  const forks = state.forks ?? [];
  const isKnown = forks.some(
    (one) =>
      one.name === fork.name && one.label === fork.label && JSON.stringify(one.shown) === JSON.stringify(fork.shown),
  );
  return isKnown ? state : { ...state, forks: [...forks, fork].slice(-FORKS_KEPT) };
}

/** The state without those of a label: a person has looked at them. */
export function withoutForks(state: TrustState, { name, label }: Pick<LabelFork, 'name' | 'label'>): TrustState {
  const forks = state.forks ?? [];
  const others = forks.filter((one) => one.name !== name || one.label !== label);
  return others.length === forks.length ? state : { ...state, forks: others };
}
