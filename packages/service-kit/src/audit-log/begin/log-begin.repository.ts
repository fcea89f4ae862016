import type { Bytes } from '@bulla/crypto';
import { equalBytes } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { encodeFrontier } from '@bulla/crypto/log';
import type { Kysely } from 'kysely';
import type { LedgerTables } from '../../audit/ledger-tables.js';
import type { EntryTerms } from '../entry-terms.js';
import type { LogHead } from '../log-head.js';

type Db = Kysely<LedgerTables>;

/** What the beginning of a log writes, in one transaction. */
export class LogBeginRepository {
  /** Whether a log is as it was read, or still not there; nobody else changes it before this transaction ends. */
  async isStill(trx: Db, { org, log }: Pick<LogHead, 'org' | 'log'>, there: TreeHead | undefined): Promise<boolean> {
    const row = await trx
      .selectFrom('audit_log')
      .select(['size', 'root'])
      .where('org', '=', org)
      .where('log', '=', log)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined || there === undefined) return row === undefined && there === undefined;
    return row.size === there.size && equalBytes(row.root, there.root);
  }

  /** Takes all away that stands under the number of a log. */
  async clear(trx: Db, org: string, log: number): Promise<void> {
    for (const table of ['audit_unsigned', 'audit_entry', 'audit_tile', 'audit_cosignature', 'audit_log'] as const)
      await trx.deleteFrom(table).where('org', '=', org).where('log', '=', log).execute();
  }

  /** @throws whatever the database says where it is there already */
  async insert(trx: Db, { org, log, origin, size, root, frontier, checkpoint, signedSize }: LogHead): Promise<void> {
    const row = { org, log, origin, size, root, frontier: encodeFrontier(frontier), checkpoint };
    await trx
      .insertInto('audit_log')
      .values({ ...row, checkpoint_size: signedSize })
      .execute();
  }

  /** Writes the first entry of a log, which was in no outbox. */
  async addFirst(
    trx: Db,
    { org, log }: LogHead,
    { at, leaf, act, res, kid, objects }: EntryTerms & { at: Date; leaf: Bytes },
  ): Promise<void> {
    const entry = { org, log, idx: 0, at, leaf, evidence: null, act, res, kid, objects: [...objects] };
    await trx.insertInto('audit_entry').values(entry).execute();
  }
}
