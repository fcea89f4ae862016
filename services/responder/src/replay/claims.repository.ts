import type { Trust } from '@bulla/crypto';
import type { Clock } from '@bulla/service-kit';
import { agreesWith, GroupedChange, isMarkOurs, purgeInBatches, Statement } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { InvocationState, ResponderTables, ResponderTransaction } from '../database/types.js';
import type { Mark } from './restore-mark.repository.js';
import { isAhead, markId, notBefore } from './restore-mark.repository.js';

/** A worker that gave no sign of life for so long has lost its claim. */
export const LEASE_SECONDS = 60;
/** How long the reply to a single question is kept for those who missed it. */
export const REPLY_SECONDS = 15 * 60;
/** How long a question stays known, and a use of an envelope past its end: longer than either could come back. */
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

/** One use of an envelope. */
export interface EnvelopeUse {
  readonly jti: string;
  /** How often it may be used. */
  readonly max: number;
  readonly expiresAt: Date;
}

/** What became of a question, and what it is judged by. */
export interface Taken {
  /** False where it was known. */
  readonly isNew: boolean;
  /** Whether its envelope had a use left; false where the question was known. */
  readonly isUsed: boolean;
  /** The newest directory that any replica has trusted. */
  readonly newest: DirectoryRef | undefined;
  /** Seconds; what was issued earlier is never run. Undefined in a database that does not bear our mark, or a wrong one. */
  readonly notBefore: number | undefined;
  /** The mark itself; undefined where there is none. */
  readonly mark: Mark | undefined;
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

  /**
   * Adds a question, unless it is known, and counts one use of its envelope, unless it has none left; with that, what has
   * been seen and whether this is still the database in which it was seen. All in one statement: of many that arrive
   * together the primary key lets one in, the others wait.
   */
  async take(trx: ResponderTransaction, key: ClaimKey, rh: string, use: EnvelopeUse): Promise<Taken> {
    const row = await trx
      .with('taken', (db) =>
        db
          .insertInto('invocation')
          .values({ ...key, rh, state: 'accepted', reply: null })
          .onConflict((conflict) => conflict.columns(['iss', 'jti']).doNothing())
          .returning('jti'),
      )
      .with('used', (db) =>
        db
          .insertInto('envelope_use')
          .columns(['env_jti', 'org', 'uses', 'max', 'expires_at'])
          .expression((eb) =>
            eb
              .selectFrom('taken')
              .select([
                sql<string>`${use.jti}::text`.as('env_jti'),
                sql<string>`${key.org}::text`.as('org'),
                sql<number>`1`.as('uses'),
                sql<number>`${use.max}::int`.as('max'),
                sql<Date>`${use.expiresAt}::timestamptz`.as('expires_at'),
              ]),
          )
          .onConflict(
            (conflict) =>
              conflict
                .column('env_jti')
                .doUpdateSet({ uses: sql`envelope_use.uses + 1` })
                .whereRef('envelope_use.uses', '<', 'envelope_use.max') // guard: use-count
                .where('envelope_use.org', '=', key.org), // guard: use-org
          )
          .returning('env_jti'),
      )
      .selectFrom('restore_mark')
      .leftJoin('seen_document', (join) =>
        join.onRef('seen_document.org', '=', 'restore_mark.org').on('seen_document.kind', '=', 'directory'),
      )
      .select(['seen_document.version as ver', 'seen_document.sha256 as hash'])
      .select([isMarkOurs.as('isOurs'), notBefore.as('notBefore'), isAhead.as('isAhead')])
      .select(['restore_mark.generation as generation', markId.as('markId')])
      .select([
        sql<boolean>`exists (select from taken)`.as('isNew'),
        sql<boolean>`exists (select from used)`.as('isUsed'),
      ])
      .where('restore_mark.org', '=', key.org)
      .executeTakeFirst();
    if (row === undefined)
      return { newest: undefined, notBefore: undefined, mark: undefined, isNew: false, isUsed: false };
    const { ver, hash, isOurs, isAhead: ahead, isNew, isUsed } = row;
    const newest = ver === null || hash === null ? undefined : { ver, hash };
    const mark = { generation: row.generation, id: row.markId };
    // guard: mark-ahead without: return { newest, notBefore: isOurs ? row.notBefore : undefined, mark, isNew, isUsed };
    return { newest, notBefore: isOurs && !ahead ? row.notBefore : undefined, mark, isNew, isUsed };
  }

  /** A known question, locked until the transaction ends. */
  lock(trx: ResponderTransaction, key: ClaimKey): Promise<KnownClaim | undefined> {
    return trx
      .selectFrom('invocation')
      .select(['rh', 'state', 'fence'])
      .select(sql<boolean>`heartbeat > ${past(LEASE_SECONDS)}`.as('alive'))
      .select(sql<string | null>`case when ended_at > ${past(REPLY_SECONDS)} then reply end`.as('reply'))
      .where('org', '=', key.org) // guard: claim-org
      .where('iss', '=', key.iss)
      .where('jti', '=', key.jti)
      .forUpdate()
      .executeTakeFirst();
  }

  /** Takes a claim over whose worker was lost before it began; returns the new fence. */
  async takeOver(trx: ResponderTransaction, key: ClaimKey): Promise<number> {
    const { fence } = await change(trx, key)
      .set((eb) => ({
        fence: eb('fence', '+', 1), // guard: fence-rises
        heartbeat: now,
      }))
      .returning('fence')
      .executeTakeFirstOrThrow();
    return fence;
  }

  /** Settles a claim whose worker was lost after it began; no other is touched. */
  async settle(key: ClaimKey): Promise<void> {
    await change(this.db, key)
      .set({ state: 'indeterminate', ended_at: now })
      .where('state', '=', 'running')
      .where('heartbeat', '<=', past(LEASE_SECONDS)) // guard: settle-lost
      .execute();
  }

  /** Moves an accepted question to `running`; false if another worker has it now. */
  async begin(key: ClaimKey, fence: number): Promise<boolean> {
    return (await BEGIN.run(this.db, { ...key, fence })) === 1;
  }

  /** Shows that the worker lives; false if it has lost its claim. */
  async beat(key: ClaimKey, fence: number): Promise<boolean> {
    return (await BEAT.run(this.db, { ...key, fence })).length === 1;
  }

  /** Frees what has not begun: the asker's next try finds it at once. */
  async free(key: ClaimKey, fence: number): Promise<void> {
    const longAgo = sql<Date>`to_timestamp(0)`;
    await heldBy(change(this.db, key).set({ heartbeat: longAgo }), fence, 'accepted').execute();
  }

  /**
   * Forgets replies, questions and uses whose time is over, in small batches so that nobody waits for it long; what is
   * left over is for the next time. The database's clock says when, and nothing is forgotten while the one of this process
   * does not agree with it.
   */
  async purge(org: string, clock: Clock): Promise<void> {
    const { db } = this;
    const isSure = agreesWith(clock);
    const invocations = db
      .selectFrom('invocation')
      .select(sql`ctid`.as('at'))
      .where(isSure) // guard: claim-purge-drifted
      .where('org', '=', org);
    const uses = db
      .selectFrom('envelope_use')
      .select(sql`ctid`.as('at'))
      .where(isSure) // guard: use-purge-drifted
      .where('org', '=', org);
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
}

/** Who holds a claim: its worker's fence. */
export interface Held extends ClaimKey {
  readonly fence: number;
}

/** What ends a run, with the reply to keep; changes nothing if the claim was lost. */
export function sealing(db: Kysely<ResponderTables>, held: Held & { readonly reply: string | null }) {
  const sealed = change(db, held).set({ state: 'sealed', reply: held.reply, ended_at: now });
  return heldBy(sealed, held.fence, 'running').returning('jti');
}

/** What gives up a run that has begun; changes nothing if that is not so, or the claim was lost. */
export function givingUp(db: Kysely<ResponderTables>, held: Held) {
  return heldBy(change(db, held).set({ state: 'indeterminate', ended_at: now }), held.fence, 'running').returning(
    'jti',
  );
}

/** Whether a run is in a state into which nobody but the worker with this fence, or who found that one lost, can have brought it. */
export function hasReached(db: Kysely<ResponderTables>, { org, iss, jti, fence }: Held, state: InvocationState) {
  const ended = db
    .selectFrom('invocation')
    .select('jti')
    .where('org', '=', org)
    .where('iss', '=', iss)
    .where('jti', '=', jti)
    .where('fence', '=', sql<number>`${fence}::integer`)
    .where('state', '=', state);
  return sql<boolean>`exists ${ended}`;
}

const BEGIN = new GroupedChange<ResponderTables, Held>({
  change: (db, held) => heldBy(change(db, held).set({ state: 'running', heartbeat: now }), held.fence, 'accepted'),
  isMade: (db, held) => hasReached(db, held, 'running'),
  keys: ({ iss, jti }) => [`question ${iss} ${jti}`],
});
const BEAT = new Statement((db: Kysely<ResponderTables>, held: Held) =>
  heldBy(change(db, held).set({ heartbeat: now }), held.fence, 'running').returning('jti'),
);

function change(db: Kysely<ResponderTables>, key: ClaimKey) {
  return db
    .updateTable('invocation')
    .where('org', '=', key.org) // guard: claim-change-org
    .where('iss', '=', key.iss)
    .where('jti', '=', key.jti);
}

type Change = ReturnType<typeof change>;

/** The fence decides: only the worker that has the claim changes it. */
function heldBy(update: Change, fence: number, state: InvocationState): Change {
  // guard: fence without: return update.where('state', '=', state);
  // guard: fence-state without: return update.where('fence', '=', sql<number>`${fence}::integer`);
  return update.where('fence', '=', sql<number>`${fence}::integer`).where('state', '=', state);
}
