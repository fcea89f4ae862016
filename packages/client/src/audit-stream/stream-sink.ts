import type { StreamedEntry } from './streamed-entry.js';

/** What a sink did with a batch. */
export type Delivery =
  /** It has all of it, as far as its protocol tells. */
  | { readonly kind: 'taken' }
  /** It will not have this batch, ever: one of the entries is at fault. */
  | { readonly kind: 'refused'; readonly reason: string; readonly tooLarge: boolean }
  /** It does not take anything now; the entries are not at fault. */
  | { readonly kind: 'away'; readonly reason: string; readonly retryAfterMs?: number | undefined }
  /** The connection ended; `takeEnd` tells what becomes of what was delivered before. */
  | { readonly kind: 'ended'; readonly reason: string };

/** What became of all that was delivered over a connection, once that has ended. */
export type ConnectionEnd = 'sure' | 'unsure';

/** Where entries go. One batch at a time; nothing it says or throws holds a token. */
export interface StreamSink {
  /** Most entries of a batch. */
  readonly countMax: number;
  /** Most bytes of a batch; a single entry may have more. */
  readonly bytesMax: number;
  /** How many bytes of what was taken may not have arrived, because no answer says that they have. */
  readonly unsureBytes: number;
  /** What an entry adds to a batch, in bytes. */
  readonly sizeOf: (entry: StreamedEntry) => number;
  readonly deliver: (batch: readonly StreamedEntry[]) => Promise<Delivery>;
  /** Asked between two batches: how a connection ended since the last time; undefined where none has. */
  readonly takeEnd: () => ConnectionEnd | undefined;
  /** Ends in order. @returns whether all that was taken is sure to have arrived */
  readonly close: () => Promise<ConnectionEnd>;
}
