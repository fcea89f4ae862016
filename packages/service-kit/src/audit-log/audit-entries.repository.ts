import type { AuditErasure, AuditRecord } from '@bulla/contract';
import { leafText } from './entry-terms.js';
import { Injectable } from '@nestjs/common';
import type { Selectable } from 'kysely';
import { Kysely, sql } from 'kysely';
import type { AuditEntryTable } from './log-tables.js';
import type { LedgerTables } from '../audit/ledger-tables.js';

/** Which entries are wanted; all where nothing is said. */
export interface EntryFilter {
  readonly actor?: string | undefined;
  readonly act?: string | undefined;
  readonly object?: string | undefined;
  readonly result?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

/** Where in a log, and how many at most. */
export interface EntryRange {
  readonly org: string;
  readonly log: number;
  /** Begins there and goes on to newer ones; from the newest on to older ones unless given. */
  readonly from?: number | undefined;
  /** The last one of the page before. */
  readonly after?: number | undefined;
  readonly limit: number;
}

/** Whose evidence, and of which entries. */
export interface EvidenceRange {
  readonly org: string;
  readonly log: number;
  /** Of the log: what came since is let be. */
  readonly size: number;
  readonly actor: string;
  readonly until?: string | undefined;
}

const ERASED_MAX = 5_000;
/** The act whose evidence is never erased. */
const ERASURE = 'audit.erase';

/** An entry, and what it says it is. */
export interface EntryRow extends AuditRecord {
  readonly act: string;
}

/** Entries of the logs. */
@Injectable()
export class AuditEntriesRepository {
  constructor(private readonly db: Kysely<LedgerTables>) {}

  /** Entries that fit, in the order in which they are asked for. */
  async page({ org, log, from, after, limit }: EntryRange, filter: EntryFilter): Promise<EntryRow[]> {
    const { actor, act, object, result, since, until } = filter;
    // An object has few entries, of which the planner knows nothing: it would walk the log by its indices for a page of them.
    const place = object === undefined ? sql.ref<number>('idx') : sql<number>`idx + 0`;
    const rows = await this.entries(org, log)
      .$if(from !== undefined, (query) => query.where('idx', '>=', from as number).orderBy(place))
      .$if(from === undefined, (query) => query.orderBy(place, 'desc'))
      .$if(after !== undefined, (query) => query.where('idx', from === undefined ? '<' : '>', after as number))
      .$if(actor !== undefined, (query) => query.where('kid', '=', actor as string))
      .$if(act !== undefined, (query) => query.where('act', '=', act as string))
      .$if(result !== undefined, (query) => query.where('res', '=', result as string))
      // The index of refusals is of these alone: a plan for any result must be told that it may use it.
      .$if(result !== undefined && result !== 'ok', (query) => query.where('res', '<>', sql.lit('ok')))
      .$if(object !== undefined, (query) => query.where(sql<boolean>`objects @> array[${object}::text]`))
      .$if(since !== undefined, (query) => query.where('at', '>=', new Date(since as string)))
      .$if(until !== undefined, (query) => query.where('at', '<', new Date(until as string)))
      .limit(limit)
      .execute();
    return rows.map(entryOf);
  }

  /** Entries from an index on, in their order, without a gap; fewer where the log ends or has forgotten them. */
  async range(org: string, log: number, { first, count }: { first: number; count: number }): Promise<EntryRow[]> {
    const rows = await this.entries(org, log)
      .where('idx', '>=', first)
      .where('idx', '<', first + count)
      .orderBy('idx')
      .execute();
    return rows.map(entryOf);
  }

  /**
   * Erases the evidence of entries that a key asked for, of so many at once that no transaction takes long. What shows
   * who had something erased stays: it is all that speaks for what is missing.
   * @param trx that of the entry that says so.
   */
  async erase(trx: Kysely<LedgerTables>, { org, log, size, actor, until }: EvidenceRange): Promise<AuditErasure> {
    const end = await this.endBefore(trx, { org, log, size, until });
    const next = await trx
      .selectFrom('audit_entry')
      .select('idx')
      .where('org', '=', org)
      .where('log', '=', log)
      .where('kid', '=', actor)
      .where('idx', '<', end)
      .where('evidence', 'is not', null)
      .where('act', '<>', ERASURE)
      .orderBy('idx')
      .offset(ERASED_MAX)
      .limit(1)
      .executeTakeFirst();
    const below = next?.idx ?? end;
    const { numUpdatedRows } = await trx
      .updateTable('audit_entry')
      .set({ evidence: null })
      .where('org', '=', org) // guard: org-audit-erase
      .where('log', '=', log)
      .where('kid', '=', actor)
      .where('idx', '<', below)
      .where('evidence', 'is not', null)
      .where('act', '<>', ERASURE) // guard: erasure-stays
      .executeTakeFirstOrThrow();
    return { erased: Number(numUpdatedRows), below, more: next !== undefined };
  }

  /** The first index that came at that moment or later. */
  private async endBefore(
    trx: Kysely<LedgerTables>,
    { org, log, size, until }: Omit<EvidenceRange, 'actor'>,
  ): Promise<number> {
    if (until === undefined) return size;
    const row = await trx
      .selectFrom('audit_entry')
      .select('idx')
      .where('org', '=', org)
      .where('log', '=', log)
      .where('at', '>=', new Date(until))
      .orderBy('idx')
      .limit(1)
      .executeTakeFirst();
    return row?.idx ?? size;
  }

  private entries(org: string, log: number) {
    return this.db
      .selectFrom('audit_entry')
      .select(['idx', 'at', 'leaf', 'evidence', 'act'])
      .where('org', '=', org) // guard: org-audit-entry
      .where('log', '=', log);
  }
}

type StoredEntry = Pick<Selectable<AuditEntryTable>, 'idx' | 'at' | 'leaf' | 'evidence' | 'act'>;

function entryOf({ idx, at, leaf, evidence, act }: StoredEntry): EntryRow {
  const shown = evidence === null ? null : (JSON.parse(evidence) as AuditRecord['evidence']);
  return { index: idx, at: at.toISOString(), leaf: leafText(leaf), evidence: shown, act };
}
