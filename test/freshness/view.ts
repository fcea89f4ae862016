import type { KnownDirectory, Word } from './directories.js';
import type { History, KnownPosition, Vote } from './history.js';
import type { LabelName } from './organisation.js';
import { LABELS } from './organisation.js';

/** What a vault shows somebody: each part as it was after so many records, and what it does to it. */
export interface View {
  readonly positions: number;
  readonly tags: number;
  readonly words: number;
  readonly directories: number;
  readonly directoryWords: number;
  /** Shown in the place of what stood: what waits, or another branch. */
  readonly instead?: ReadonlyMap<LabelName, KnownPosition> | undefined;
  readonly directoryInstead?: KnownDirectory | undefined;
  readonly tagsAre: 'all' | 'turned' | 'doubled' | 'one' | 'oldest' | 'mixed';
  readonly wordsAre: 'own' | 'none' | 'of others' | 'of all';
  /** Whether a move that follows what is shown is taken, whatever has come meanwhile. */
  readonly takesBranches: boolean;
}

const ALL = Number.MAX_SAFE_INTEGER;
export const HONEST: View = {
  positions: ALL,
  tags: ALL,
  words: ALL,
  directories: ALL,
  directoryWords: ALL,
  tagsAre: 'all',
  wordsAre: 'own',
  takesBranches: false,
};

type Random = () => number;
/** One of several, by chance. */
export function oneOf<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('there is none to choose from');
  return item;
}

/** What a vault that is not honest chooses to show. */
export function drawView(random: Random, history: History): View {
  if (random() < 0.35) return HONEST;
  const past = Math.floor(random() * (history.order + 1));
  const now = (chance: number) => (random() < chance ? ALL : past);
  return {
    positions: now(0.3),
    tags: now(0.7),
    words: now(0.8),
    directories: now(0.7),
    directoryWords: now(0.8),
    instead: random() < 0.15 ? drawInstead(random, history) : undefined,
    directoryInstead: random() < 0.08 ? oneOf(random, history.directories) : undefined,
    tagsAre: random() < 0.7 ? 'all' : oneOf(random, ['turned', 'doubled', 'one', 'oldest', 'mixed']),
    wordsAre: random() < 0.65 ? 'own' : oneOf(random, ['none', 'of others', 'of all']),
    takesBranches: random() < 0.7,
  };
}

/**
 * The newest of everything but one thing: a directory, or a position that is past, waits or is on another branch, with
 * all that helps it.
 * @param known what is shown where it is given
 */
export function drawAttack(
  random: Random,
  history: History,
  known: Readonly<Partial<Record<LabelName, KnownPosition>>>,
): View {
  const wordsAre = random() < 0.7 ? 'of all' : 'own';
  const directories = history.directories.slice(random() < 0.5 ? 1 : -1);
  if (random() < 0.3) return { ...HONEST, directoryInstead: oneOf(random, directories), wordsAre };
  const instead = new Map(drawInstead(random, history));
  for (const label of LABELS) if (known[label] !== undefined) instead.set(label, known[label]);
  const tagsAre = random() < 0.1 ? 'mixed' : 'all';
  return { ...HONEST, instead, tagsAre, wordsAre, takesBranches: random() < 0.6 };
}

function drawInstead(random: Random, { positions }: History): ReadonlyMap<LabelName, KnownPosition> {
  const all = [...positions.values()];
  const drawn = new Map<LabelName, KnownPosition>();
  for (const label of LABELS) {
    const those = all.filter((one) => one.label === label);
    if (those.length > 0) drawn.set(label, oneOf(random, those));
  }
  return drawn;
}

/** Where a label stands, as it is shown. */
export function shownHead({ line }: History, view: View, label: LabelName): KnownPosition | undefined {
  return view.instead?.get(label) ?? line[label].findLast(({ stands = ALL }) => stands <= view.positions);
}

/** As many of a kind as anybody looks at. */
const TOKENS_MAX = 16;

/** The newest tag of each person, as a vault keeps them. */
export function shownTags({ positions }: History, position: KnownPosition, { tags: upTo, tagsAre }: View): string[] {
  const { label, votes } = position;
  const known = votes.filter(({ order }, at) => order <= upTo || at === 0);
  const byUser = new Map<string, Vote>();
  for (const vote of known) if (tagsAre !== 'oldest' || !byUser.has(vote.user)) byUser.set(vote.user, vote);
  const tokens = [...byUser.values()].map(({ token }) => token);
  if (tagsAre === 'turned') return tokens.toReversed();
  if (tagsAre === 'mixed') {
    const others = [...positions.values()].filter((one) => one.label === label && one !== position);
    return [...tokens, ...others.flatMap((one) => one.votes.slice(-1).map(({ token }) => token))].slice(0, TOKENS_MAX);
  }
  if (tagsAre === 'doubled') return [...tokens, ...tokens];
  return tagsAre === 'one' ? tokens.slice(0, 1) : tokens;
}

/** What renewers say of a position, as it is shown. */
export function shownWords({ positions }: History, position: KnownPosition, view: View): string[] {
  if (view.wordsAre === 'none') return [];
  const own = newestOf(position.words, view.words);
  if (view.wordsAre === 'own') return own;
  const others = [...positions.values()].filter((one) => one.label === position.label && one !== position);
  const strange = others.flatMap(({ words }) => newestOf(words, view.words));
  return [...(view.wordsAre === 'of all' ? own : []), ...strange].slice(0, TOKENS_MAX);
}

/** The newest word of each renewer. */
function newestOf(words: readonly Word[], upTo: number): string[] {
  const byRenewer = new Map<string, Word>();
  for (const word of words) if (word.order <= upTo) byRenewer.set(word.renewer, word);
  return [...byRenewer.values()].map(({ token }) => token);
}

export function shownDirectory({ published, newestDirectory }: History, view: View): KnownDirectory {
  const shown = view.directoryInstead ?? published.findLast(({ order }) => order <= view.directories);
  return shown ?? newestDirectory;
}

export function shownDirectoryWords({ directories }: History, shown: KnownDirectory, view: View): string[] {
  const own = newestOf(shown.words, view.directoryWords);
  if (view.wordsAre !== 'of all') return view.wordsAre === 'none' ? [] : own;
  const others = directories.filter((one) => one !== shown);
  return [...own, ...others.flatMap(({ words }) => newestOf(words, view.directoryWords))].slice(0, TOKENS_MAX);
}
