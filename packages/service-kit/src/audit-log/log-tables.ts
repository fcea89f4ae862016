import type { ColumnType, Generated } from 'kysely';

/** Bytes as the database hands them out. */
export type StoredBytes = ColumnType<Uint8Array, Uint8Array, Uint8Array>;
type NullableBytes = ColumnType<Uint8Array | null, Uint8Array | null, Uint8Array | null>;

/** Decisions that are not in the log yet, each written in the transaction of its effect (protocol.md §8). */
export interface AuditOutboxTable {
  org: string;
  id: Generated<number>;
  at: Generated<Date>;
  leaf: StoredBytes;
  /** What shows that the caller asked: JSON text. */
  evidence: string | null;
  /** Which secret of the key file the row is authenticated by; null in rows from before there was one. */
  secret_id: string | null;
  mac: NullableBytes;
}

/** Of each entry that no checkpoint holds yet, by what its row was authenticated: who signs checks that before. */
export interface AuditUnsignedTable {
  org: string;
  log: number;
  idx: number;
  secret_id: string | null;
  mac: NullableBytes;
}

/** Rows that left the outbox and are in no log: forged ones, and those that nobody could check and a person set aside. */
export interface AuditSetAsideTable {
  org: string;
  /** As in the outbox. */
  id: number;
  at: Date;
  leaf: StoredBytes;
  evidence: string | null;
  secret_id: string | null;
  mac: NullableBytes;
  why: 'forged' | 'unknown';
  moved_at: Generated<Date>;
}

/** The logs of each organisation; the newest is the one that grows. */
export interface AuditLogTable {
  org: string;
  /** Counts from 1. */
  log: number;
  origin: string;
  size: number;
  /** Roots of the perfect subtrees, one after another (docs/spec/merkle.md, Frontier). */
  frontier: StoredBytes;
  root: StoredBytes;
  /** The newest signed note, and the size that it is about. */
  checkpoint: string | null;
  checkpoint_size: number;
}

/** Hashes of the tree, up to 256 in a row (C2SP tlog-tiles). */
export interface AuditTileTable {
  org: string;
  log: number;
  level: number;
  idx: number;
  hashes: StoredBytes;
}

/** Entries of the logs, in partitions of a month. All beside `leaf` is there to find it by. */
export interface AuditEntryTable {
  org: string;
  log: number;
  idx: number;
  at: Date;
  leaf: StoredBytes;
  /** What the leaf has a hash of; it can be erased. */
  evidence: string | null;
  act: string;
  res: string;
  kid: string | null;
  /** Ids that it names. */
  objects: string[];
}

/** What was decided, in the log or on its way there: a view for people who look into the database. */
export interface AuditEventView {
  org: string;
  at: Date;
  event: unknown;
  request_id: string | null;
}

export interface LogTables {
  audit_outbox: AuditOutboxTable;
  audit_unsigned: AuditUnsignedTable;
  audit_set_aside: AuditSetAsideTable;
  audit_log: AuditLogTable;
  audit_tile: AuditTileTable;
  audit_entry: AuditEntryTable;
  audit_event: AuditEventView;
}
