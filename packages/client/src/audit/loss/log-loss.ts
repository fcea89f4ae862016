import { encodeBase64url, timestampOf } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { entriesText } from '../counted-entries.js';

/** What a person may accept of a log, so that verifying ends well again. */
export const LOSS_KINDS = ['lost', 'late', 'fork', 'set-aside'] as const;
export type LossKind = (typeof LOSS_KINDS)[number];

/**
 * What is known to be gone from a log, or to count nothing: `lost` where less of it is shown than was signed, `late` where
 * more is shown than a newer log says, `fork` where an ended log is shown as another tree than was seen, `set-aside` where
 * rows came into no log.
 */
export interface LogLoss {
  readonly kind: LossKind;
  readonly origin: string;
  /** What was signed of it, as far as it is known here; absent where nobody knows. */
  readonly known?: TreeHead | undefined;
  /** What is shown of it; absent where nothing is. */
  readonly shown?: TreeHead | undefined;
  /** The entry that says so, of rows that were set aside. */
  readonly index?: number | undefined;
}

/** A loss of a log that was found, in words, and when a person accepted it. */
export interface FoundLoss extends LogLoss {
  readonly message: string;
  /** Seconds; absent where nobody has. */
  readonly acceptedAt?: number | undefined;
}

type KeptTree = readonly [size: number, root: string];

/** A loss that a person accepted, as it is kept: exactly this one, and no greater one. */
export interface AcceptedLoss {
  readonly kind: LossKind;
  readonly origin: string;
  readonly known: KeptTree | null;
  readonly shown: KeptTree | null;
  readonly index?: number | undefined;
  /** Seconds: when. */
  readonly at: number;
}

/** A loss as it is kept once a person accepts it. @param at seconds */
export function acceptedLoss({ kind, origin, known, shown, index }: LogLoss, at: number): AcceptedLoss {
  const of = (head: TreeHead | undefined): KeptTree | null => (head ? [head.size, encodeBase64url(head.root)] : null);
  return { kind, origin, known: of(known), shown: of(shown), ...(index !== undefined && { index }), at };
}

/** When a person accepted exactly this loss, in seconds; undefined where nobody has. */
export function acceptedAt(accepted: readonly AcceptedLoss[] | undefined, loss: LogLoss): number | undefined {
  const key = keyOf(acceptedLoss(loss, 0));
  // guard: audit-loss-exact without: return accepted?.find(({ origin }) => origin === loss.origin && key !== '')?.at;
  return accepted?.find((one) => keyOf(one) === key)?.at;
}

/** With what was accepted before: each once. */
export function withAccepted(
  accepted: readonly AcceptedLoss[] | undefined,
  more: readonly AcceptedLoss[],
): readonly AcceptedLoss[] {
  const all = accepted ?? [];
  const known = new Set(all.map(keyOf));
  const added = more.filter((one) => !known.has(keyOf(one)));
  return added.length === 0 ? all : [...all, ...added];
}

/** A loss that was found, and whether it was accepted. */
export function foundLoss(accepted: readonly AcceptedLoss[] | undefined, loss: LogLoss, message: string): FoundLoss {
  return { ...loss, message, acceptedAt: acceptedAt(accepted, loss) };
}

/** What is said of a loss in a verdict. */
export function lossText({ message, acceptedAt: at }: FoundLoss): string {
  return at === undefined ? message : `${message}; accepted on ${timestampOf(at)}`;
}

/** A log that is gone as a whole. */
export function goneText(known: TreeHead | undefined): string {
  if (known === undefined) return 'the service does not show this log, which the directory lists a key for';
  return `nobody shows this log any more: ${entriesText(known.size)} had been signed`;
}

function keyOf({ kind, origin, known, shown, index }: AcceptedLoss): string {
  return JSON.stringify([kind, origin, known, shown, index ?? null]);
}
