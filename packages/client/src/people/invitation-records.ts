import type { DeviceRole } from '@bulla/contract';

/**
 * What an inviter keeps of an invitation, and of the device that came of it. It decides what the device may do: the
 * vault's copy could say anything (protocol.md §4).
 */
export interface InvitationRecord {
  /** `ivt_…`. */
  readonly id: string;
  readonly org: string;
  readonly roles: readonly DeviceRole[];
  readonly groups: readonly string[];
  /** URN of the person. */
  readonly user: string;
  /** What people call the device; it never stands in a signed document. */
  readonly label: string;
  /** Seconds. */
  readonly expiresAt: number;
  /** Shared with the device alone; gone once it is in, or was refused. */
  readonly secret?: string | undefined;
  /** URN of the device that came in. */
  readonly device?: string | undefined;
}

/** Where they are kept: on this machine, for its owner alone. */
export interface InvitationRecords {
  list(): Promise<readonly InvitationRecord[]>;
  /** Adds a record, or replaces the one of the same id. */
  put(record: InvitationRecord): Promise<void>;
  remove(id: string): Promise<void>;
}
