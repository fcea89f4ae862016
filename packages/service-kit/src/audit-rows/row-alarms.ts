import type { EventLog } from '../observe/event-log.js';
import { LogEvent } from '../observe/event-log.js';
import type { Clock } from '../process/clock.js';
import type { LogMetrics } from '../audit-log/log-metrics.js';

/** Somebody wrote rows for the audit log who does not have the key file of the service. */
const ROW_FORGED = new LogEvent<{ org: string; rows: number }>('audit-row-forged', 'error');
/** Rows wait that no process of the service could check for five minutes. */
const ROW_UNKNOWN = new LogEvent<{ org: string; rows: number }>('audit-row-unknown', 'error');
/** The log lacks decisions that this process told callers of, or they are late for longer than a log may be behind. */
const LEAF_MISSING = new LogEvent<{ org: string; leaves: number }>('audit-leaf-missing', 'error');
const TELL_EVERY_MS = 60_000;

export interface RowAlarmsParts {
  readonly metrics: Pick<LogMetrics, 'alarm'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: EventLog;
}

/** Tells of rows that come into no log; of one kind in one organisation once a minute, with how many there were. */
export class RowAlarms {
  readonly #parts: RowAlarmsParts;
  readonly #untold = new Map<string, number>();
  readonly #toldMs = new Map<string, number>();

  constructor(parts: RowAlarmsParts) {
    this.#parts = parts;
  }

  /** So many more were found and moved away. */
  forged(org: string, rows: number): void {
    if (rows > 0) this.#parts.metrics.alarm('forged');
    const all = (this.#untold.get(org) ?? 0) + rows;
    this.#untold.set(org, all);
    if (all > 0 && this.#mayTell(`forged ${org}`)) {
      this.#parts.log.write(ROW_FORGED, { org, rows: all });
      this.#untold.delete(org);
    }
  }

  /** So many wait now. */
  unknown(org: string, rows: number): void {
    if (rows === 0 || !this.#mayTell(`unknown ${org}`)) return;
    this.#parts.metrics.alarm('unknown');
    this.#parts.log.write(ROW_UNKNOWN, { org, rows });
  }

  /** So many decisions are in no log. */
  missing(org: string, leaves: number): void {
    if (leaves === 0 || !this.#mayTell(`missing ${org}`)) return;
    this.#parts.metrics.alarm('missing');
    this.#parts.log.write(LEAF_MISSING, { org, leaves });
  }

  #mayTell(what: string): boolean {
    const nowMs = this.#parts.clock.monotonicMs();
    const toldMs = this.#toldMs.get(what);
    if (toldMs !== undefined && nowMs - toldMs < TELL_EVERY_MS) return false;
    this.#toldMs.set(what, nowMs);
    return true;
  }
}
