import type { ProposedKind, TrustDocuments, TrustMemory } from '@bulla/crypto';
import type { KeptHead } from '../audit/kept-heads.js';
import type { AcceptedLoss } from '../audit/loss/log-loss.js';
import type { SignedAnswer } from '../connection/errors.js';
import type { LabelFork, RememberedLabel } from '../labels/label-heads.js';

/** What a client has seen of one prompt name: which prompt it was, where each label had come to, and which contents. */
export interface SeenName {
  /** URN of the prompt. */
  readonly sub: string;
  /** A list, since a label may be called like a member of Object.prototype. */
  readonly labels: readonly RememberedLabel[];
  /** Version and `H(C)`, as the first tag seen for that version said: two authors can each sign one (protocol.md §4). */
  readonly contents: readonly (readonly [version: number, chash: string])[];
}

/** What a version opened to. */
export interface OpenedContent {
  /** URN of the prompt. */
  readonly sub: string;
  readonly version: number;
  /** `H(C)`. */
  readonly chash: string;
}

/** A document that a key of this place signed. */
export interface SignedPayload {
  readonly kind: ProposedKind;
  readonly version: number;
  /** base64url SHA-256 of the payload. */
  readonly hash: string;
  /** Seconds: until then a vault takes it. */
  readonly until: number;
  /** The document, where it was whole and sent; and the request to come in that it answers. */
  readonly token?: string;
  readonly enrolment?: string;
  /** What the vault signed when it refused it. */
  readonly refused?: SignedAnswer;
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
  /** Positions of labels that contradict each other, the newest last: evidence. */
  readonly forks?: readonly LabelFork[] | undefined;
  /** Every version that this machine opened; absent in a state that was kept before openings were. */
  readonly opened?: readonly (readonly [sub: string, version: number, chash: string])[];
  /** The newest head of each audit log that this machine verified; absent in a state that was kept before logs were. */
  readonly heads?: readonly KeptHead[];
  /** Heads of audit logs that answers brought, as signed notes, in the order in which they came. */
  readonly told?: readonly string[];
  /** What a person accepted of audit logs that are not whole any more; absent where there was none. */
  readonly accepted?: readonly AcceptedLoss[];
  /** Documents that keys of this place signed and that may still be taken; absent where there were none. */
  readonly signed?: readonly SignedPayload[];
}

/** Makes the next state of the newest one; the same object means that nothing changes. */
export type TrustChange = (current: TrustState | undefined) => TrustState | Promise<TrustState>;

/**
 * Where trust is kept, by organisation and pin: another pin is another root of trust, and what was seen under one is
 * neither a measure for the other nor forgotten when that is used. One change at a time: each sees what the one before it
 * left, so what is kept only rises.
 */
export interface TrustStore {
  load(org: string, pin: string): Promise<TrustState | undefined>;
  /** Replaces the state by what `change` makes of it, which is of the same pin. If that throws, nothing changes. */
  update(org: string, pin: string, change: TrustChange): Promise<TrustState>;
}

/** Keeps trust for the life of the process: a first use each time. */
export class MemoryTrustStore implements TrustStore {
  readonly #states = new Map<string, TrustState>();
  #last: Promise<unknown> = Promise.resolve();

  load(org: string, pin: string): Promise<TrustState | undefined> {
    return Promise.resolve(this.#states.get(`${org} ${pin}`));
  }

  update(org: string, pin: string, change: TrustChange): Promise<TrustState> {
    const next = this.#last.then(async () => {
      const state = await change(this.#states.get(`${org} ${pin}`));
      this.#states.set(`${org} ${pin}`, state);
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
