import type { Bytes } from '@bulla/crypto';

/** A folder of exported logs. Paths have `/`, and no part of one is `..`. */
export interface BundleFolder {
  readonly has: (path: string) => Promise<boolean>;
  /** What is at a path; undefined where there is nothing. */
  readonly read: (path: string) => Promise<Bytes | undefined>;
  /** Names of what is in a folder inside; none where it is not there. */
  readonly list: (path: string) => Promise<readonly string[]>;
  /** Writes a file whole or not at all, in the place of what was there. */
  readonly write: (path: string, bytes: Bytes) => Promise<void>;
}
