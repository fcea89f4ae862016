import type { TrustDocuments } from '@bulla/crypto';

/** What a client has seen of one prompt name: which prompt it was, and how far each label had come. */
export interface SeenName {
  /** URN of the prompt. */
  readonly sub: string;
  /** Label and highest `seq`, as pairs, since a label may be called like a member of Object.prototype. */
  readonly labels: readonly (readonly [label: string, seq: number])[];
}

/** What a client keeps of an organisation between runs. */
export interface TrustState {
  readonly pin: string;
  readonly documents: TrustDocuments;
  /** Version of the directory in `documents`. */
  readonly directoryVersion: number;
  /** Seconds: when the documents were last fetched. */
  readonly fetchedAt: number;
  readonly names: readonly (readonly [name: string, seen: SeenName])[];
}

/** Where trust is kept. One update at a time; what is kept only rises. */
export interface TrustStore {
  load(org: string): Promise<TrustState | undefined>;
  /** Replaces the state by what `change` makes of the newest one, and returns it. */
  update(org: string, change: (current: TrustState | undefined) => TrustState): Promise<TrustState>;
}

/** Keeps trust for the life of the process: a first use each time. */
export class MemoryTrustStore implements TrustStore {
  readonly #states = new Map<string, TrustState>();

  load(org: string): Promise<TrustState | undefined> {
    return Promise.resolve(this.#states.get(org));
  }

  update(org: string, change: (current: TrustState | undefined) => TrustState): Promise<TrustState> {
    const next = change(this.#states.get(org));
    this.#states.set(org, next);
    return Promise.resolve(next);
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

/** The state with what a tag showed; a lower `seq` than the one kept changes nothing. */
export function withSeen(state: TrustState, tag: { name: string; sub: string; label: string; seq: number }): TrustState {
  const before = seenOf(state, tag.name);
  if (tag.seq < (seqOf(before, tag.label) ?? 0)) return state;
  const others = (before?.labels ?? []).filter(([label]) => label !== tag.label);
  const seen: SeenName = { sub: tag.sub, labels: [...others, [tag.label, tag.seq]] };
  return { ...state, names: [...state.names.filter(([name]) => name !== tag.name), [tag.name, seen]] };
}
