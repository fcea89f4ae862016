import { Injectable } from '@nestjs/common';
import type { ExpressionBuilder } from 'kysely';
import { Kysely } from 'kysely';
import type { LedgerTables } from '../audit/ledger-tables.js';
import type { AuditCosignatureTable } from './cosignature-table.js';

/** Cosignatures of witnesses. */
@Injectable()
export class CosignaturesRepository {
  constructor(private readonly db: Kysely<LedgerTables>) {}

  /** Those of one organisation. */
  ofOrganisation(org: string, db: Kysely<LedgerTables> = this.db): Promise<AuditCosignatureTable[]> {
    return db
      .selectFrom('audit_cosignature')
      .selectAll()
      .where('org', '=', org) // guard: org-audit-cosignature
      .orderBy('log')
      .orderBy('witness')
      .execute();
  }

  /** Keeps a cosignature, unless a newer one by the same key is there. False if one is. */
  async keep(trx: Kysely<LedgerTables>, row: AuditCosignatureTable): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await trx
      .insertInto('audit_cosignature')
      .values(row)
      .onConflict(
        (conflict) =>
          conflict
            .columns(['org', 'log', 'witness'])
            .doUpdateSet((eb) => ({
              key: eb.ref('excluded.key'),
              size: eb.ref('excluded.size'),
              at: eb.ref('excluded.at'),
              checkpoint: eb.ref('excluded.checkpoint'),
              line: eb.ref('excluded.line'),
            }))
            .where(isNewer), // guard: cosignature-newer
      )
      .executeTakeFirstOrThrow();
    return numInsertedOrUpdatedRows === 1n;
  }
}

/** Of a larger tree, of the same later on, or by a key that the policy names since. */
function isNewer(
  eb: ExpressionBuilder<LedgerTables & { excluded: AuditCosignatureTable }, 'audit_cosignature' | 'excluded'>,
) {
  const isLater = eb.and([
    eb('audit_cosignature.size', '=', eb.ref('excluded.size')),
    eb('audit_cosignature.at', '<', eb.ref('excluded.at')),
  ]);
  return eb.or([
    eb('audit_cosignature.key', '<>', eb.ref('excluded.key')),
    eb('audit_cosignature.size', '<', eb.ref('excluded.size')),
    isLater,
  ]);
}
