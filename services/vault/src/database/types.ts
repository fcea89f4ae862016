import type { DeviceRole, NewEnrolment } from '@bulla/contract';
import type { LedgerTables, RestoreMarkTable } from '@bulla/service-kit';
import type { ColumnType, RawBuilder } from 'kysely';
import type { KeyTables } from './key-types.js';

/** A moment as PostgreSQL keeps it; the database's own clock unless given. */
type Moment = ColumnType<Date, Date | undefined, Date>;

/** A version, of any prompt of an organisation. */
export interface VersionPlace {
  readonly promptId: string;
  readonly version: number;
}

/** What of an enrolment is kept as it was sent. */
export type StoredRequest = Pick<NewEnrolment, 'label' | 'sig' | 'enc' | 'mac'>;

/** What runs took. Each sum stops where JSON would no longer hold it. */
export type UsageSums = Record<'runs' | 'failed' | 'uncounted' | 'input_tokens' | 'output_tokens', number>;

/** The tables of the vault. Each but those of root keys has `org`, and every statement filters by it. */
export interface VaultTables extends LedgerTables, KeyTables {
  organisation: {
    org: string;
    pin: string;
    bootstrap_sha256: string;
    created_at: Moment;
    /** When it was noticed that a backup was restored; null once an admin has said that all is back. */
    restored_at: ColumnType<Date | null, undefined, Date | null | RawBuilder<Date>>;
  };
  /** Where an organisation's rows were written, so that it is noticed elsewhere. */
  restore_mark: RestoreMarkTable;
  /** Signed documents as they were sent; `token` is served byte for byte. */
  org_document: {
    org: string;
    kind: 'root' | 'policy' | 'directory';
    version: number;
    token: string;
    sha256: string;
    created_at: Moment;
  };
  /** Payload hashes of all directories ever published, from version 1 on: kept for ever. */
  directory_hash: { org: string; version: number; sha256: string; created_at: Moment };
  /** Prompts; the name is free again once `deleted_at` is set. */
  prompt: {
    id: string;
    org: string;
    name: string;
    type: 'text' | 'chat';
    latest_version: ColumnType<number, number | undefined, number>;
    created_at: Moment;
    updated_at: Moment;
    deleted_at: ColumnType<Date | null, Date | undefined, Date>;
  };
  /** Content tokens: opaque to the vault, never changed. */
  prompt_version: {
    prompt_id: string;
    version: number;
    org: string;
    chash: string;
    content: string;
    dek_id: string;
    /** What the content says of its key; null for those that were sealed before contents said it. */
    dkc: string | null;
    author_kid: string;
    author_urn: string;
    created_at: Moment;
  };
  content_grant: {
    whash: string;
    org: string;
    prompt_id: string;
    version: number;
    kid: string;
    aud: string;
    token: string;
    poster_kid: string;
    created_at: Moment;
  };
  /** A grant that its recipient took back as unfit: whoever posted it can give that key that version no more. */
  unfit_grant: {
    org: string;
    prompt_id: string;
    version: number;
    kid: string;
    /** URN of the person of the device that posted it, or of the service. */
    poster_urn: string;
    poster_kid: string;
    aud: string;
    whash: string;
    created_at: Moment;
  };
  /** A grant that its recipient took back: envelopes that name it are given out again until `until`. */
  retired_grant: {
    whash: string;
    org: string;
    prompt_id: string;
    token: string;
    until: ColumnType<Date, Date, Date>;
  };
  /** Who posted a grant that somebody else than its recipient took away: the recipient may still say that it was unfit. */
  deleted_grant: {
    org: string;
    whash: string;
    /** URN of the person of the device that posted it, or of the service. */
    poster_urn: string;
    poster_kid: string;
    prompt_id: string;
    version: number;
    kid: string;
    aud: string;
    until: ColumnType<Date, Date, Date>;
  };
  /** Every position a label ever had; the highest `seq` counts, version 0 means deleted. */
  prompt_label: {
    org: string;
    name: string;
    label: string;
    seq: number;
    prompt_id: string;
    version: number;
    /** Empty where the label is deleted. */
    chash: string;
    /** Null where it was signed before positions named the one before. */
    pos: string | null;
    /** `pos` of the position before; null at a beginning. */
    prev: string | null;
    created_at: Moment;
  };
  /** Every tag of every position, as it was signed. */
  prompt_label_tag: {
    org: string;
    name: string;
    label: string;
    seq: number;
    /** Of the token. */
    sha256: string;
    device_urn: string;
    kid: string;
    /** Its `iat` and `exp`. */
    issued_at: Date;
    expires_at: Date;
    token: string;
    created_at: Moment;
  };
  /** What a renewer said last of the directory. */
  directory_freshness: {
    org: string;
    /** The renewer. */
    urn: string;
    version: number;
    token: string;
    /** Its `iat`. */
    issued_at: Date;
    created_at: Moment;
  };
  /** What a renewer said last of a label: the position that it says is the newest. */
  label_freshness: {
    org: string;
    name: string;
    label: string;
    /** The renewer. */
    urn: string;
    seq: number;
    pos: string;
    token: string;
    /** Its `iat`. */
    issued_at: Date;
    created_at: Moment;
  };
  /** A move of a protected label that waits, or waited, for further people. */
  label_approval: {
    id: string;
    org: string;
    prompt_id: string;
    name: string;
    label: string;
    seq: number;
    /** 0, with an empty `chash`, where the label is to be deleted. */
    version: number;
    chash: string;
    pos: string;
    /** Open ones are expired from `expires_at` on. */
    state: 'open' | 'done' | 'dropped';
    created_at: Moment;
    /** When its first tag has waited long enough. */
    expires_at: Moment;
  };
  /** One tag of each person. */
  label_approval_tag: {
    approval_id: string;
    user_urn: string;
    org: string;
    device_urn: string;
    token: string;
    created_at: Moment;
  };
  /** A ticket for one device; of its secret only what recognises the ticket is here. */
  invitation: {
    id: string;
    org: string;
    ticket_sha256: string;
    /** A JSON array. */
    roles: ColumnType<DeviceRole[], string, never>;
    /** A JSON array. */
    groups: ColumnType<string[], string, never>;
    user_urn: string;
    label: string;
    /** URN of the device that invited. */
    created_by: string;
    created_at: Moment;
    expires_at: Moment;
    /** When an enrolment took it. */
    taken_at: ColumnType<Date | null, undefined, Date>;
    /** When it was taken back. */
    deleted_at: ColumnType<Date | null, undefined, Date>;
  };
  /** The request of a device to be let in. */
  enrolment: {
    id: string;
    org: string;
    invitation: string;
    sig_kid: string;
    enc_kid: string;
    /** What it asked for, without the ticket. */
    request: ColumnType<StoredRequest, string, never>;
    state: ColumnType<'pending' | 'approved' | 'refused', undefined, 'approved' | 'refused'>;
    /** Who it became. */
    device: ColumnType<string | null, undefined, string>;
    created_at: Moment;
  };
  /** Reports of usage that were taken. */
  usage_report: { org: string; responder: string; id: string; created_at: Moment };
  /** What the runs of one hour took, of one asker with one prompt and model, at one responder and prices of one currency. */
  usage_hour: UsageSums & {
    org: string;
    hour: Date;
    responder: string;
    device: string;
    /** Null for chats. */
    prompt: string | null;
    /** As the responder calls it. */
    model: string;
    /** Three letters of ISO 4217; null where no cost is known. */
    currency: string | null;
    /** In billionths of a unit of that; 0 where there is none. */
    cost_nanos: number;
  };
  /** Of a chat, which has no prompt, `prompt_id`, `version` and `whash` are null. */
  envelope: {
    jti: string;
    org: string;
    prompt_id: string | null;
    version: number | null;
    aud: string;
    requester_kid: string;
    whash: string | null;
    created_at: Moment;
    expires_at: Moment;
  };
  /** Which envelopes for several questions of a chat a device has; one row for each, so that many requests are judged one by one. */
  held_chat_envelopes: {
    org: string;
    device: string;
    /** Those that it has not used up, with the second in which each ends. */
    envelopes: ColumnType<HeldChatEnvelope[], string, string>;
    /** When the last of them ends. */
    expires_at: Moment;
  };
}

/** An envelope for several questions of a chat. */
export interface HeldChatEnvelope {
  readonly jti: string;
  /** Seconds. */
  readonly until: number;
}
