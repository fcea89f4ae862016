import type { LedgerTables } from '@bulla/service-kit';
import type { ColumnType } from 'kysely';

/** A moment as PostgreSQL keeps it; the database's own clock unless given. */
type Moment = ColumnType<Date, Date | undefined, Date>;

/** The tables of the vault. Each has `org`, and every statement filters by it. */
export interface VaultTables extends LedgerTables {
  organisation: { org: string; pin: string; bootstrap_sha256: string; created_at: Moment };
  /** Signed documents as they were sent; `token` is served byte for byte. */
  org_document: {
    org: string;
    kind: 'root' | 'policy' | 'directory';
    version: number;
    token: string;
    sha256: string;
    created_at: Moment;
  };
  /** Prompts; the name is free again once `deleted_at` is set. */
  prompt: {
    id: string;
    org: string;
    name: string;
    type: 'text' | 'chat';
    latest_version: ColumnType<number, number | undefined, number>;
    created_at: Moment;
    updated_at: Moment;
    deleted_at: ColumnType<Date | null, undefined, Date>;
  };
  /** Content tokens: opaque to the vault, never changed. */
  prompt_version: {
    prompt_id: string;
    version: number;
    org: string;
    chash: string;
    content: string;
    dek_id: string;
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
  /** Every position a label ever had; the highest `seq` counts, version 0 means deleted. */
  prompt_label: {
    org: string;
    name: string;
    label: string;
    seq: number;
    prompt_id: string;
    version: number;
    /** A JSON array. */
    tokens: ColumnType<string[], string, never>;
    created_at: Moment;
  };
  envelope: {
    jti: string;
    org: string;
    prompt_id: string;
    version: number;
    aud: string;
    requester_kid: string;
    whash: string;
    created_at: Moment;
    expires_at: Moment;
  };
}
