import type { ColumnType, RawBuilder } from 'kysely';

/** A moment as PostgreSQL keeps it; the database's own clock unless given. */
type Moment = ColumnType<Date, Date | undefined, Date>;
/** A moment that comes later. */
type LaterMoment = ColumnType<Date | null, Date | undefined, Date>;

/** Why a job does not go on just now. */
export type JobTrouble = 'processes_without_key' | 'sealed' | 'overloaded' | 'internal';

/** The tables of keys at rest. Root keys and processes are of the vault; everything else is of an organisation. */
export interface KeyTables {
  /** The names of root keys, never the keys. */
  root_key: {
    kid: string;
    /** By which a key is recognised before anything is opened with it. */
    check_value: string;
    state: 'pre-active' | 'active' | 'deactivated';
    created_at: Moment;
    activated_at: LaterMoment;
    deactivated_at: LaterMoment;
  };
  /** Processes on this database, and the root keys that each holds. */
  vault_process: { id: string; root_kids: string[]; seen_at: Moment };
  /** The keys of an organisation under a root key. */
  kek: {
    org: string;
    version: number;
    state: 'pre-active' | 'active' | 'deactivated' | 'destroyed';
    root_kid: string;
    /** Null once it is destroyed. */
    wrapped: ColumnType<string | null, string, string | null>;
    /** How often it may have been used: blocks are taken before they are used up. */
    uses_reserved: ColumnType<number, number | undefined, number>;
    created_at: Moment;
    activated_at: LaterMoment;
    deactivated_at: LaterMoment;
    /** When no data key was under it any more. */
    emptied_at: LaterMoment;
    destroyed_at: LaterMoment;
  };
  /** Work that goes on by itself, in small steps. */
  job: {
    id: string;
    org: string;
    what: 'kek' | 'root';
    state: 'waiting' | 'running' | 'done' | 'canceled';
    /** The key that everything goes under; null while it is not there yet. */
    target: string | null;
    /** What there was to do when it began. */
    total: ColumnType<number, number | undefined, number>;
    done: ColumnType<number, number | undefined, number | RawBuilder<number>>;
    /** Why it does not go on just now. */
    trouble: JobTrouble | null;
    created_at: Moment;
    changed_at: Moment;
    ended_at: LaterMoment;
  };
  /** The data key of a version under a KEK: what makes it managed. */
  kek_wrap: {
    prompt_id: string;
    version: number;
    org: string;
    kek_version: number;
    wrap: string;
    created_at: Moment;
  };
}
