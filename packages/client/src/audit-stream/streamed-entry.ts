import type { AuditLeaf } from '@bulla/contract';

/** An entry that was shown to be in the signed tree of its log, on its way to a sink. */
export interface StreamedEntry {
  /** The log; with the index it names the entry, so that a receiver can drop what it has already. */
  readonly origin: string;
  /** Place in the log; counts from 0. */
  readonly index: number;
  /** Exactly as it was hashed: one line of JSON. */
  readonly leaf: string;
  /** What it says. */
  readonly entry: AuditLeaf;
  /** Why it is not what its service can have written, for people; absent where it may be. */
  readonly misfit?: string;
}
