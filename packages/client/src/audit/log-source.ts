import type { ReadLogFile } from '@bulla/crypto/log';

/** What shows that a caller asked for what an entry says: signature base and signature of the request. */
export interface EntryEvidence {
  /** RFC 9421 §2.5. */
  readonly base: string;
  /** base64url. */
  readonly signature: string;
}

/** Where a log is read from: a folder, or the service itself. */
export interface LogSource {
  /** What is at a path of the layout of C2SP tlog-tiles; undefined where there is nothing. */
  readonly read: ReadLogFile;
  /** The evidence of the entries of one tile, by their index in the log; of what was asked for last. */
  readonly evidence: (tile: number) => Promise<ReadonlyMap<number, EntryEvidence>>;
}
