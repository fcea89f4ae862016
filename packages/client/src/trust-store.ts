import type { TrustDocuments, TrustMemory } from '@bulla/crypto';

/** What a client has seen of one prompt name: which prompt it was, how far each label had come, and which contents. */
export interface SeenName {
  /** URN of the prompt. */
  readonly sub: string;
  /** Label and highest `seq`, as pairs, since a label may be called like a member of Object.prototype. */
  readonly labels: readonly (readonly [label: string, seq: number])[];
  /** Version and `H(C)`, as the first tag seen for that version said: two authors can each sign one (protocol.md §4). */
  readonly contents: readonly (readonly [version: number, chash: string])[];
}

/** What a verified tag says about a name. */
export interface SeenTag {
  readonly name: string;
  readonly sub: string;
  readonly label: string;
  readonly seq: number;
  /** 0 and an empty `chash` where the label is deleted. */
  readonly version: number;
  readonly chash: string;
}

/** What a version opened to. */
export interface OpenedContent {
  /** URN of the prompt. */
  readonly sub: string;
  readonly version: number;
  /** `H(C)`. */
  readonly chash: string;
}

/** What a client keeps of an organisation between runs. */
export interface TrustState {
  readonly pin: string;
  readonly documents: TrustDocuments;
  /** What no later documents may contradict. */
  readonly memory: TrustMemory;
  /** Seconds: when the documents were last fetched. */
  readonly fetchedAt: number;
  readonly names: readonly (readonly [name: string, seen: SeenName])[];
  /** Every version that this machine opened; absent in a state that was kept before openings were. */
  readonly opened?: readonly (readonly [sub: string, version: number, chash: string])[];
}

/** Makes the next state of the newest one; the same object means that nothing changes. */
export type TrustChange = (current: TrustState | undefined) => TrustState | Promise<TrustState>;

/** Where trust is kept. One change at a time: each sees what the one before it left, so what is kept only rises. */
export interface TrustStore {
  load(org: string): Promise<TrustState | undefined>;
  /** Replaces the state by what `change` makes of it. If that throws, nothing changes. */
  update(org: string, change: TrustChange): Promise<TrustState>;
}

/** Keeps trust for the life of the process: a first use each time. */
export class MemoryTrustStore implements TrustStore {
  readonly #states = new Map<string, TrustState>();
  #last: Promise<unknown> = Promise.resolve();

  load(org: string): Promise<TrustState | undefined> {
    return Promise.resolve(this.#states.get(org));
  }

  update(org: string, change: TrustChange): Promise<TrustState> {
    const next = this.#last.then(async () => {
      const state = await change(this.#states.get(org));
      this.#states.set(org, state);
      return state;
    });
    this.#last = next.catch(() => undefined);
    return next;
  }
}

/** What was seen of a name, or undefined. */
export function seenOf(state: TrustState | undefined, name: string): SeenName | undefined {
  return state?.names.find(([key]) => key === name)?.[1];
}

/** The highest `seq` seen of a label of a name. */
export function seqOf(seen: SeenName | undefined, label: string): number | undefined {
  return seen?.labels.find(([key]) => key === label)?.[1];
}

/** `H(C)` that was first seen for a version of a name. */
export function contentOf(seen: SeenName | undefined, version: number): string | undefined {
  return seen?.contents.find(([key]) => key === version)?.[1];
}

/** `H(C)` that this machine opened as a version of a prompt before, or that a label showed for it first. */
export function knownContent(
  state: TrustState | undefined,
  { sub, version }: Pick<OpenedContent, 'sub' | 'version'>,
): string | undefined {
  const opened = state?.opened?.find(([of, number]) => of === sub && number === version);
  return opened?.[2] ?? contentOf(state?.names.find(([, seen]) => seen.sub === sub)?.[1], version);
}

/** The state with what a version opened to; the first content counts, and {@link knownContent} tells it. */
export function withOpened(state: TrustState, { sub, version, chash }: OpenedContent): TrustState {
  const opened = state.opened ?? [];
  if (opened.some(([of, number]) => of === sub && number === version)) return state;
  return { ...state, opened: [...opened, [sub, version, chash]] };
}

/** The state with what a tag showed. One that is older than what was seen, or says nothing new, changes nothing. */
export function withSeen(state: TrustState, tag: SeenTag): TrustState {
  const before = seenOf(state, tag.name);
  const seq = seqOf(before, tag.label) ?? 0;
  const isSamePrompt = before?.sub === tag.sub;
  const contents = isSamePrompt ? before.contents : [];
  const isNewContent = tag.version > 0 && !contents.some(([version]) => version === tag.version);
  if (
    tag.seq < seq || // guard: client-seen-rises
    (tag.seq === seq && isSamePrompt && !isNewContent)
  )
    return state;
  const seen: SeenName = {
    sub: tag.sub,
    labels: [...(before?.labels ?? []).filter(([label]) => label !== tag.label), [tag.label, tag.seq]],
    contents: isNewContent ? [...contents, [tag.version, tag.chash]] : contents,
  };
  return { ...state, names: [...state.names.filter(([name]) => name !== tag.name), [tag.name, seen]] };
}
