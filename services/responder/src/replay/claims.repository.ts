import type { Trust } from '@bulla/crypto';
import { purgeInBatches } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { InvocationState, ResponderTables, ResponderTransaction } from '../database/types.js';
import { isMarkOurs, notBefore } from './restore-mark.repository.js';

/** A worker that gave no sign of life for so long has lost its claim. */
export const LEASE_SECONDS = 60;
/** How long the reply to a single question is kept for those who missed it. */
export const REPLY_SECONDS = 15 * 60;
/** How long a question stays known. */
export const TOMBSTONE_SECONDS = 24 * 60 * 60;

/** Which question: everything that changes it says whose and which. */
export interface ClaimKey {
  readonly org: string;
  /** URN of the asker. */
  readonly iss: string;
  readonly jti: string;
}

/** Which directory: its version, and the hash of its payload. */
export type DirectoryRef = Trust['directoryRef'];

/** What a question is judged by, beside its own claim. */
export interface Ground {
  /** The newest directory that any replica has trusted. */
  readonly newest: DirectoryRef | undefined;
  /** Seconds; what was issued earlier is never run. Undefined in a database that does not bear our mark. */
  readonly notBefore: number | undefined;
}

/** A question that was seen before. */
export interface KnownClaim {
  readonly rh: string;
  readonly state: InvocationState;
  readonly fence: number;
  /** Whether its worker has shown itself within the lease. */
  readonly alive: boolean;
  /** The sealed reply, as long as it is kept. */
  readonly reply: string | null;
}

const now = sql<Date>`now()`;
const past = (seconds: number) => sql<Date>`now() - make_interval(secs => ${seconds})`;

/** Claims of questions; every change after the first names the fence of its worker (protocol.md §6). */
@Injectable()
export class ClaimsRepository {
  constructor(private readonly db: Kysely<ResponderTables>) {}

  inTransaction<Result>(work: (trx: ResponderTransaction) => Promise<Result>): Promise<Result> {
    return this.db.transaction().execute(work);
  }

  /** What has been seen and whether this is still the database in which it was seen, in one look. */
  async ground(trx: ResponderTransaction, org: string): Promise<Ground> {
    const row = await trx
      .selectFrom('restore_mark')
      .leftJoin('seen_document', (join) =>
        join.onRef('seen_document.org', '=', 'restore_mark.org').on('seen_document.kind', '=', 'directory'),
      )
      .select(['seen_document.version as ver', 'seen_document.sha256 as hash'])
      .select([isMarkOurs.as('isOurs'), notBefore.as('notBefore')])
      .where('restore_mark.org', '=', org)
      .executeTakeFirst();
    if (row === undefined) return { newest: undefined, notBefore: undefined };
    const { ver, hash, isOurs } = row;
    const newest = ver === null || hash === null ? undefined : { ver, hash };
    return { newest, notBefore: isOurs ? row.notBefore : undefined };
  }

  /** Adds a question. False if it is known: of many that arrive together the primary key lets one in, the others wait. */
  async insert(trx: ResponderTransaction, key: ClaimKey, rh: string): Promise<boolean> {
    const result = await trx
      .insertInto('invocation')
      .values({ ...key, rh, state: 'accepted', reply: null })
      .onConflict((conflict) => conflict.columns(['iss', 'jti']).doNothing())
      .executeTakeFirstOrThrow();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  /** A known question, locked until the transaction ends. */
  lock(trx: ResponderTransaction, key: ClaimKey): Promise<KnownClaim | undefined> {
    return trx
      .selectFrom('invocation')
      .select(['rh', 'state', 'fence'])
      .select(sql<boolean>`heartbeat > ${past(LEASE_SECONDS)}`.as('alive'))
      .select(sql<string | null>`case when ended_at > ${past(REPLY_SECONDS)} then reply end`.as('reply'))
      .where('org', '=', key.org)
      .where('iss', '=', key.iss)
      .where('jti', '=', key.jti)
      .forUpdate()
      .executeTakeFirst();
  }

  /** Takes a claim over whose worker was lost before it began; returns the new fence. */
  async takeOver(trx: ResponderTransaction, key: ClaimKey): Promise<number> {
    const { fence } = await this.change(trx, key)
      .set((eb) => ({ fence: eb('fence', '+', 1), heartbeat: now }))
      .returning('fence')
      .executeTakeFirstOrThrow();
    return fence;
  }

  /** Settles a claim whose worker was lost after it began; no other is touched. */
  async settle(key: ClaimKey): Promise<void> {
    await this.change(this.db, key)
      .set({ state: 'indeterminate', ended_at: now })
      .where('state', '=', 'running')
      .where('heartbeat', '<=', past(LEASE_SECONDS))
      .execute();
  }

  /** Counts one use of an envelope; false if it has none left. */
  async use(
    trx: ResponderTransaction,
    use: { readonly org: string; readonly jti: string; readonly max: number; readonly expiresAt: Date },
  ): Promise<boolean> {
    const { org, jti, max, expiresAt } = use;
    const result = await trx
      .insertInto('envelope_use')
      .values({ env_jti: jti, org, uses: 1, max, expires_at: expiresAt })
      .onConflict((conflict) =>
        conflict
          .column('env_jti')
          .doUpdateSet({ uses: sql`envelope_use.uses + 1` })
          .whereRef('envelope_use.uses', '<', 'envelope_use.max')
          .where('envelope_use.org', '=', org),
      )
      .executeTakeFirstOrThrow();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  /** Moves an accepted question to `running`; false if another worker has it now. */
  begin(key: ClaimKey, fence: number): Promise<boolean> {
    return this.changed(this.change(this.db, key).set({ state: 'running', heartbeat: now }), fence, 'accepted');
  }

  /** Shows that the worker lives; false if it has lost its claim. */
  beat(key: ClaimKey, fence: number): Promise<boolean> {
    return this.changed(this.change(this.db, key).set({ heartbeat: now }), fence, 'running');
  }

  /** Ends a run, with the reply to keep; false if the claim was lost. */
  seal(trx: ResponderTransaction, key: ClaimKey, fence: number, reply: string | null): Promise<boolean> {
    return this.changed(this.change(trx, key).set({ state: 'sealed', reply, ended_at: now }), fence, 'running');
  }

  /** Gives up what has begun; false if that is not so, or the claim was lost. */
  giveUp(trx: ResponderTransaction, key: ClaimKey, fence: number): Promise<boolean> {
    return this.changed(this.change(trx, key).set({ state: 'indeterminate', ended_at: now }), fence, 'running');
  }

  /** Frees what has not begun: the asker's next try finds it at once. */
  async free(trx: ResponderTransaction, key: ClaimKey, fence: number): Promise<void> {
    const longAgo = sql<Date>`to_timestamp(0)`;
    await this.changed(this.change(trx, key).set({ heartbeat: longAgo }), fence, 'accepted');
  }

  /**
   * Forgets replies, questions and uses whose time is over, in small batches so that nobody waits for it long; what is
   * left over is for the next time. The database's clock says when.
   */
  async purge(org: string): Promise<void> {
    const { db } = this;
    const invocations = db.selectFrom('invocation').select(sql`ctid`.as('at')).where('org', '=', org);
    const uses = db.selectFrom('envelope_use').select(sql`ctid`.as('at')).where('org', '=', org);
    const answered = invocations.where('reply', 'is not', null).where('ended_at', '<', past(REPLY_SECONDS));
    const old = invocations.where('created_at', '<', past(TOMBSTONE_SECONDS));
    const spent = uses.where('expires_at', '<', now);
    const among = (rows: typeof old | typeof spent) => sql<boolean>`ctid = any(array(${rows}))`;
    await purgeInBatches(async (rows) => {
      const query = db
        .updateTable('invocation')
        .set({ reply: null })
        .where(among(answered.limit(rows)));
      return (await query.executeTakeFirstOrThrow()).numUpdatedRows;
    });
    await purgeInBatches(async (rows) => {
      const query = db.deleteFrom('invocation').where(among(old.limit(rows)));
      return (await query.executeTakeFirstOrThrow()).numDeletedRows;
    });
    await purgeInBatches(async (rows) => {
      const query = db.deleteFrom('envelope_use').where(among(spent.limit(rows)));
      return (await query.executeTakeFirstOrThrow()).numDeletedRows;
    });
  }

  private change(db: Kysely<ResponderTables>, key: ClaimKey) {
    return db
      .updateTable('invocation')
      .where('org', '=', key.org)
      .where('iss', '=', key.iss)
      .where('jti', '=', key.jti);
  }

  private async changed(
    update: ReturnType<ClaimsRepository['change']>,
    fence: number,
    state: InvocationState,
  ): Promise<boolean> {
    const result = await update.where('fence', '=', fence).where('state', '=', state).executeTakeFirstOrThrow();
    return result.numUpdatedRows === 1n;
  }
}
