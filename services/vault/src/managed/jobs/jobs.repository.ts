import { AuditOutbox, auditOfService } from '@bulla/service-kit';
import { mintId } from '@bulla/crypto';
import { Injectable } from '@nestjs/common';
import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import type { JobTrouble } from '../../database/key-types.js';
import type { VaultTables } from '../../database/types.js';
import type { VaultSource, VaultTransaction } from '../../database/vault-database.js';
import { VaultDatabase } from '../../database/vault-database.js';

export type JobRow = Selectable<VaultTables['job']>;

const now = sql<Date>`now()`;

/** Work that goes on by itself. */
@Injectable()
export class JobsRepository {
  constructor(
    private readonly database: VaultDatabase,
    private readonly outbox: AuditOutbox,
  ) {}

  /** Begins a job, or gives the one of this kind that goes on. */
  async begin(
    trx: VaultTransaction,
    { org, what, target, total }: Pick<JobRow, 'org' | 'what' | 'total'> & { readonly target?: string },
  ): Promise<JobRow & { readonly isNew: boolean }> {
    for (;;) {
      const made = await trx
        .insertInto('job')
        .values({ id: mintId('job'), org, what, target: target ?? null, total, state: 'running', trouble: null })
        .onConflict((conflict) => conflict.columns(['org', 'what']).where('ended_at', 'is', null).doNothing())
        .returningAll()
        .executeTakeFirst();
      const job = made ?? (await this.openOf(org, what, trx));
      if (job !== undefined) return { ...job, isNew: made !== undefined };
    }
  }

  find(org: string, id: string, source: VaultSource = this.database.db): Promise<JobRow | undefined> {
    return source.selectFrom('job').selectAll().where('org', '=', org).where('id', '=', id).executeTakeFirst();
  }

  /** One page, the newest first. */
  list(org: string, before: string | undefined, limit: number): Promise<JobRow[]> {
    const rows = this.database.db.selectFrom('job').selectAll().where('org', '=', org).orderBy('id', 'desc');
    return (before === undefined ? rows : rows.where('id', '<', before)).limit(limit).execute();
  }

  openOf(org: string, what: JobRow['what'], source: VaultSource = this.database.db): Promise<JobRow | undefined> {
    return source
      .selectFrom('job')
      .selectAll()
      .where('org', '=', org)
      .where('what', '=', what)
      .where('ended_at', 'is', null)
      .executeTakeFirst();
  }

  openIn(org: string): Promise<JobRow[]> {
    return this.database.db
      .selectFrom('job')
      .selectAll()
      .where('org', '=', org)
      .where('ended_at', 'is', null)
      .orderBy('id')
      .execute();
  }

  /** Of all organisations: one process works for all of them. */
  open(): Promise<JobRow[]> {
    return this.database.db.selectFrom('job').selectAll().where('ended_at', 'is', null).orderBy('id').execute();
  }

  /** What there is to do is known now. */
  async aim({ org, id }: JobRow, target: string, total: number): Promise<void> {
    await this.database.db
      .updateTable('job')
      .set({ target, total, changed_at: now })
      .where('org', '=', org)
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .execute();
  }

  /** So much more is done. */
  async count({ org, id }: JobRow, more: number): Promise<void> {
    await this.database.db
      .updateTable('job')
      .set({ done: sql<number>`done + ${more}`, state: 'running', trouble: null, changed_at: now })
      .where('org', '=', org)
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .execute();
  }

  /** It cannot go on just now. */
  async wait({ org, id }: JobRow, trouble: JobTrouble): Promise<void> {
    await this.database.db
      .updateTable('job')
      .set({ state: 'waiting', trouble, changed_at: now })
      .where('org', '=', org)
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .where((eb) => eb.or([eb('trouble', 'is', null), eb('trouble', '<>', trouble)]))
      .execute();
  }

  /** @returns whether it went on until now */
  async cancel(trx: VaultTransaction, org: string, id: string): Promise<void> {
    await trx
      .updateTable('job')
      .set({ state: 'canceled', trouble: null, changed_at: now, ended_at: now })
      .where('org', '=', org)
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .execute();
  }

  /** All is done, and the audit log says so. */
  async end({ org, id, what }: JobRow, nowMs: number): Promise<void> {
    await this.database.db.transaction().execute(async (trx) => {
      const ended = await trx
        .updateTable('job')
        .set({ state: 'done', trouble: null, changed_at: now, ended_at: now })
        .where('org', '=', org)
        .where('id', '=', id)
        .where('ended_at', 'is', null)
        .returning(['target', 'done'])
        .executeTakeFirst();
      if (ended === undefined) return;
      const { target, done } = ended;
      const obj = { job: id as never, what, done, ...(target !== null && { target }) };
      await this.outbox.write(trx, { org, event: auditOfService(org, { act: 'job.end', obj }, nowMs), evidence: null });
    });
  }
}
