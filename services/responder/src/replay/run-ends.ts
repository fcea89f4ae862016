import { AuditedChange } from '@bulla/service-kit';
import type { QueryCreator } from 'kysely';
import type { ResponderTables } from '../database/types.js';
import type { CountedRun } from '../usage/run-usage.js';
import { countInsertion } from '../usage/run-usage.js';
import type { Held } from './claims.repository.js';
import { givingUp, hasReached, sealing } from './claims.repository.js';

/** A run that ends, and what it took. */
export type EndedRun = Held & CountedRun;

const keys = ({ iss, jti }: Held) => [`question ${iss} ${jti}`];
const also = (db: QueryCreator<ResponderTables>, made: string, own: EndedRun) => countInsertion(db, made, own);

/** The end of a run, with its audit row and what it took. */
export const SEALING = new AuditedChange<ResponderTables, EndedRun & Parameters<typeof sealing>[1]>({
  change: sealing,
  isMade: (db, held) => hasReached(db, held, 'sealed'),
  keys,
  also, // guard: usage-sealed
});

/** That a run is given up which has begun, with its audit row and what is known of what it took. */
export const GIVING_UP = new AuditedChange<ResponderTables, EndedRun>({
  change: givingUp,
  isMade: (db, held) => hasReached(db, held, 'indeterminate'),
  keys,
  also, // guard: usage-given-up
});
