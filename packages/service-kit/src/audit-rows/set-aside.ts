import { SET_ASIDE_MAX } from '@bulla/contract';
import type { Bytes } from '@bulla/crypto';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { LedgerTables } from '../audit/ledger-tables.js';
import { copyOf } from '../audit-log/log-head.js';
import { isUncheckable } from '../audit-log/waiting.js';

type Db = Kysely<LedgerTables>;

/** What was set aside. */
export interface SetAside {
  /** SHA-256 of the leaf of each, in the order in which they came. */
  readonly leaves: readonly Bytes[];
  readonly more: boolean;
}

/** Moves rows out of the outbox to where a person can look at them: they come into no log. */
export async function moveAside(
  trx: Db,
  org: string,
  ids: readonly number[],
  why: 'forged' | 'unknown',
): Promise<void> {
  if (ids.length === 0) return;
  await trx
    .with('gone', (part) =>
      part
        .deleteFrom('audit_outbox')
        .where('org', '=', org)
        .where(sql<boolean>`id = any(${ids}::int8[])`)
        .returning(['org', 'id', 'at', 'leaf', 'evidence', 'secret_id', 'mac']),
    )
    .insertInto('audit_set_aside')
    .columns(['org', 'id', 'at', 'leaf', 'evidence', 'secret_id', 'mac', 'why'])
    .expression((eb) => eb.selectFrom('gone').selectAll().select(sql<typeof why>`${why}::text`.as('why')))
    .execute();
}

/** Moves rows out of the way that somebody gave numbers that no row comes to. @returns how many */
export async function moveUncounted(trx: Db, org: string): Promise<number> {
  const moved = await trx
    .with('gone', (part) =>
      part
        .deleteFrom('audit_outbox')
        .where('org', '=', org)
        .where('id', '>', Number.MAX_SAFE_INTEGER)
        .returning(['org', 'at', 'leaf', 'evidence', 'secret_id', 'mac']),
    )
    .insertInto('audit_set_aside')
    .columns(['org', 'id', 'at', 'leaf', 'evidence', 'secret_id', 'mac', 'why'])
    .expression((eb) =>
      eb
        .selectFrom('gone')
        .select(['org', sql<number>`0`.as('id'), 'at', 'leaf', 'evidence', 'secret_id', 'mac'])
        .select(sql<'forged'>`'forged'`.as('why')),
    )
    .executeTakeFirst();
  return Number(moved?.numInsertedOrUpdatedRows ?? 0n);
}

/**
 * Sets rows aside that have waited for five minutes and that nobody here can check, the oldest first.
 * @param known ids of the secrets of rows that this process holds.
 */
export async function setUncheckableAside(trx: Db, org: string, known: readonly string[]): Promise<SetAside> {
  const found = await trx
    .selectFrom('audit_outbox')
    .select(['id', sql<Uint8Array>`sha256(leaf)`.as('hash')])
    .where('org', '=', org) // guard: org-set-aside
    .where('id', '<=', Number.MAX_SAFE_INTEGER)
    .where(isUncheckable(known)) // guard: set-aside-uncheckable
    .orderBy('id')
    .limit(SET_ASIDE_MAX + 1)
    .forUpdate()
    .execute();
  const rows = found.slice(0, SET_ASIDE_MAX);
  await moveAside(
    trx,
    org,
    rows.map(({ id }) => id),
    'unknown',
  );
  return { leaves: rows.map(({ hash }) => copyOf(hash)), more: found.length > rows.length };
}
