import { ActAtOnce, asText, isMarkOurs } from '@bulla/service-kit';
import type { RawBuilder } from 'kysely';
import { sql } from 'kysely';
import type { ResponderTables } from '../database/types.js';
import { isAhead, markId, notBefore } from './restore-mark.repository.js';

/** A question that comes for the first time, and what it is judged by. */
export interface FirstClaim {
  readonly org: string;
  readonly iss: string;
  readonly jti: string;
  readonly rh: string;
  readonly envelope: string;
  readonly max: number;
  readonly expiresAt: Date;
  /** Seconds: when the older of it and its envelope was signed. */
  readonly issuedAt: number;
  readonly directoryVersion: number;
  readonly directoryHash: string;
  /** The newest mark that this process has worked with. */
  readonly generation: number;
  readonly mark: string;
}

/**
 * The claim of a question that nobody has seen, in one statement: step 9 of protocol.md §2.4 for the usual case. In every
 * other case it writes nothing, and ReplayService finds out which case that is.
 */
export const FIRST_CLAIM = new ActAtOnce<ResponderTables, FirstClaim>({
  holds(db, { org, iss, jti, envelope, issuedAt, generation, mark, directoryVersion, directoryHash }) {
    const known = db
      .selectFrom('restore_mark')
      .select('org')
      .where('org', '=', org)
      .where(isMarkOurs) // guard: first-mark-ours
      .where(sql<boolean>`not ${isAhead}`) // guard: first-mark-ahead
      .where(sql<boolean>`(restore_mark.generation = ${generation}::integer and ${markId} = ${mark}::text)`) // guard: first-mark-newest
      .where(sql<boolean>`${notBefore} <= ${issuedAt}::int8`); // guard: first-before-restore
    const other = db
      .selectFrom('seen_document')
      .select('org')
      .where('org', '=', org)
      .where('kind', '=', 'directory')
      .where(
        sql<boolean>`(version > ${directoryVersion}::integer or (version = ${directoryVersion}::integer and sha256 <> ${directoryHash}::text))`,
      );
    // The unique keys decide below between those that come at the same moment. Taking one back is an error in the log of the
    // database, so what is known already is not begun.
    const asked = db
      .selectFrom('invocation')
      .select('jti')
      .where('org', '=', org)
      .where('iss', '=', iss)
      .where('jti', '=', jti);
    const spent = db
      .selectFrom('envelope_use')
      .select('env_jti')
      .where('org', '=', org)
      .where('env_jti', '=', envelope)
      .whereRef('uses', '>=', 'max');
    const isNew = sql<boolean>`(exists ${known} and not exists ${asked} and not exists ${spent})`;
    // guard: first-directory without: return isNew;
    return sql<boolean>`(${isNew} and not exists ${other})`;
  },
  effects(db, { org, iss, jti, rh, envelope, max, expiresAt }) {
    const taken = (decided: RawBuilder<unknown>) =>
      db
        .insertInto('invocation')
        .columns(['org', 'iss', 'jti', 'rh', 'state'])
        // In the order of the key, as below, so that no two statements wait for each other.
        .expression(
          sql`(select ${asText(org)}, ${asText(iss)}, ${asText(jti)}, ${asText(rh)}, 'accepted'
            from ${decided} as given order by ${iss}, ${jti})` as never,
        )
        .onConflict((conflict) => conflict.columns(['iss', 'jti']).doNothing())
        .returning(['iss', 'jti']);
    const counted = (decided: RawBuilder<unknown>) =>
      db
        .insertInto('envelope_use')
        .columns(['env_jti', 'org', 'uses', 'max', 'expires_at'])
        .expression(
          sql`(select ${asText(envelope)}, ${asText(org)}, 1, ${max}::integer, ${expiresAt}::timestamptz
            from ${decided} as given order by ${envelope})` as never,
        )
        .onConflict(
          (conflict) =>
            conflict
              .column('env_jti')
              .doUpdateSet({ uses: sql`envelope_use.uses + 1` })
              .whereRef('envelope_use.uses', '<', 'envelope_use.max') // guard: first-use-count
              .whereRef('envelope_use.org', '=', 'excluded.org'), // guard: first-use-org
        )
        .returning('env_jti');
    return [
      { name: 'taken', part: taken, named: { iss, jti } },
      { name: 'counted', part: counted, named: { env_jti: envelope } },
    ];
  },
  keys: ({ iss, jti, envelope }) => [`question ${iss} ${jti}`, `envelope ${envelope}`],
});
