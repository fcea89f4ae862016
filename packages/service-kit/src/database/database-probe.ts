import type { Clock } from '../process/clock.js';
import type { Database } from './database.js';
import type { EventLog } from '../observe/event-log.js';
import { LogEvent } from '../observe/event-log.js';
import type { Probe } from '../observe/health.js';

const CLOCK_DRIFTED = new LogEvent<{ driftMs: number }>('clock-drifted', 'error');

const DRIFT_MAX_MS = 5_000;

/**
 * Passes while the database answers and its clock agrees with ours to five seconds: leases end by its time, tokens by
 * ours (protocol.md §6).
 */
export function databaseProbe(database: Pick<Database<unknown>, 'nowMs'>, clock: Clock, log: EventLog): Probe {
  return async () => {
    const askedMs = clock.nowMs();
    const theirsMs = await database.nowMs();
    // It looked at its clock at some moment between the two looks at ours.
    const driftMs = Math.max(askedMs - theirsMs, theirsMs - clock.nowMs());
    if (driftMs <= DRIFT_MAX_MS) return;
    log.write(CLOCK_DRIFTED, { driftMs: Math.round(driftMs) });
    throw new Error('the clocks of service and database differ');
  };
}
