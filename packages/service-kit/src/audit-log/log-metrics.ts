import type { Metrics } from '../observe/metrics.js';
import { LogLost } from './log-lost.js';

/** What operators watch of the audit logs: all organisations together, since a metric names nobody. */
export class LogMetrics {
  readonly #checkpoints;
  readonly #entries;
  readonly #lost;
  readonly #alarms;
  readonly #signs;
  readonly #sizes = new Map<string, number>();
  readonly #lostOf = new Set<string>();

  constructor(metrics: Pick<Metrics, 'counter' | 'gauge'>) {
    this.#checkpoints = metrics.counter('bulla_audit_checkpoints_total', 'Tries to write and sign a log', ['result']);
    this.#entries = metrics.gauge('bulla_audit_checkpoint_entries', 'Entries that this process signed for last', []);
    this.#lost = metrics.gauge('bulla_audit_lost_logs', 'Logs that lack what was signed of them and stand still', []);
    this.#signs = metrics.gauge('bulla_audit_signs', 'Whether the folder of marks of this process is set up', []);
    const alarms = 'Rows that came into no log: forged, of an unknown secret, or gone';
    this.#alarms = metrics.counter('bulla_audit_row_alarms_total', alarms, ['why']);
  }

  /** Whether this process signs: its folder of marks is set up. */
  signs(does: boolean): void {
    this.#signs.set(does ? 1 : 0);
  }

  /** Rows come into no log. */
  alarm(why: 'forged' | 'unknown' | 'missing'): void {
    this.#alarms.inc({ why });
  }

  /** A log was written and is signed as far as that. */
  signed(org: string, size: number): void {
    this.#checkpoints.inc({ result: 'signed' });
    this.#sizes.set(org, size);
    this.#entries.set([...this.#sizes.values()].reduce((sum, one) => sum + one, 0));
    this.#lostOf.delete(org);
    this.#lost.set(this.#lostOf.size);
  }

  /** It was not, and why. */
  failed(org: string, error: unknown): void {
    this.#checkpoints.inc({ result: 'failed' });
    if (error instanceof LogLost) this.#lostOf.add(org);
    this.#lost.set(this.#lostOf.size);
  }
}
