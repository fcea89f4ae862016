import { AuditedChange } from '@bulla/service-kit';
import type { ResponderTables } from '../database/types.js';
import type { Held } from './claims.repository.js';
import { givingUp, hasReached, sealing } from './claims.repository.js';

const keys = ({ iss, jti }: Held) => [`question ${iss} ${jti}`];

/** The end of a run, with its audit row. */
export const SEALING = new AuditedChange<ResponderTables, Parameters<typeof sealing>[1]>({
  change: sealing,
  isMade: (db, held) => hasReached(db, held, 'sealed'),
  keys,
});

/** That a run is given up which has begun, with its audit row. */
export const GIVING_UP = new AuditedChange({
  change: givingUp,
  isMade: (db, held) => hasReached(db, held, 'indeterminate'),
  keys,
});
