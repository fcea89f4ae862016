import type { Bytes } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { encodeFrontier } from '@bulla/crypto/log';
import type { Kysely } from 'kysely';
import type { LedgerTables } from '../../audit/ledger-tables.js';
import type { EntryTerms } from '../entry-terms.js';
import type { LogHead } from '../log-head.js';

type Db = Kysely<LedgerTables>;

/** What the beginning of a log writes, in one transaction. */
export class LogBeginRepository {
  /**
   * Puts a head in the place of one that was read, or where none was: nobody else does before this transaction ends.
   * @returns false where it is another by now; nothing may be written then
   */
  async claim(trx: Db, head: LogHead, there: TreeHead | undefined): Promise<boolean> {
    const { org, log, origin, size, root, frontier, checkpoint, signedSize } = head;
    const row = { origin, size, root, frontier: encodeFrontier(frontier), checkpoint, checkpoint_size: signedSize };
    if (there === undefined) {
      const { numInsertedOrUpdatedRows } = await trx
        .insertInto('audit_log')
        .values({ org, log, ...row })
        .onConflict((conflict) => conflict.columns(['org', 'log']).doNothing())
        .executeTakeFirstOrThrow();
      return numInsertedOrUpdatedRows === 1n;
    }
    const { numUpdatedRows } = await trx
      .updateTable('audit_log')
      .set(row)
      .where('org', '=', org)
      .where('log', '=', log)
      .where('size', '=', there.size)
      .where('root', '=', there.root)
      .executeTakeFirstOrThrow();
    return numUpdatedRows === 1n;
  }

  /** Takes all away that stands under the number of a log, but its head. */
  async clear(trx: Db, org: string, log: number): Promise<void> {
    for (const table of ['audit_unsigned', 'audit_entry', 'audit_tile', 'audit_cosignature'] as const)
      await trx.deleteFrom(table).where('org', '=', org).where('log', '=', log).execute();
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
