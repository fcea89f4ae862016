import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';

type Level = 'error' | 'warn' | 'info' | 'debug';
export type LogFormat = 'json' | 'pretty';
export type LogLevel = Level | 'fatal' | 'silent';

/**
 * What may be logged, closed: ids, counts, codes and durations. Text, keys, tokens, headers and messages of
 * libraries do not fit; whoever needs a new event adds it here, with its level below.
 */
export type LogEvent =
  | { event: 'service-ready'; port: number; metricsPort: number }
  | { event: 'service-stopping' }
  | { event: 'service-stopped'; durationMs: number }
  | { event: 'request-finished'; requestId: string; route: string; method: string; status: number; durationMs: number }
  /** How many were refused unread within a second or so: there was no strength for them. */
  | { event: 'requests-turned-away'; count: number }
  | {
      event: 'request-failed';
      requestId: string;
      route: string;
      errorName: string;
      errorCode: string;
      constraint?: string;
    }
  | { event: 'response-cut'; requestId: string; route: string; errorName: string; errorCode: string }
  | { event: 'database-migrated'; schema: string; migrations: number }
  | { event: 'database-connection-lost'; schema: string; errorCode: string }
  /** A restored or promoted database: what was issued earlier than `notBefore`, in seconds, is not run (protocol.md §6). */
  | { event: 'database-replaced'; org: string; notBefore: number }
  /** The clock of the database was wrong when it was marked: runs would have stood still for as long as it was ahead. */
  | { event: 'restore-time-corrected'; org: string; notBefore: number }
  /** A restored or promoted database: nothing moves until everybody has handed back what they keep and an admin says so. */
  | { event: 'vault-restored'; org: string }
  | { event: 'refusals-not-audited'; count: number; errorCode: string }
  | { event: 'expired-rows-purged'; nonces: number; answers: number }
  | { event: 'chore-failed'; chore: string; errorCode: string }
  | { event: 'probe-failed'; probe: string; errorCode: string }
  | { event: 'clock-drifted'; driftMs: number }
  /** The clock of this process is so far from its database's that nothing is claimed and nothing is forgotten. */
  | { event: 'clock-stops-claims'; driftMs: number }
  | { event: 'clock-agrees-again'; driftMs: number }
  /** Limits are counted by each process for itself from now on, and nothing is cached. */
  | { event: 'shared-store-lost'; errorCode: string }
  | { event: 'shared-store-back' }
  /** Redis drops keys when memory is short, and with them what was counted. */
  | { event: 'redis-evicts' }
  | { event: 'redis-policy-unknown'; errorCode: string }
  | { event: 'trust-loaded'; org: string; directoryVersion: number }
  | { event: 'trust-not-loaded'; org: string; code: string }
  /** At `until`, in seconds, what is trusted now counts no longer: no renewer speaks, or a document expires. */
  | { event: 'trust-ending'; org: string; directoryVersion: number; until: number }
  | { event: 'trust-ended'; org: string; directoryVersion: number; until: number }
  /** Somebody else holds another directory of this version: the vault lies to one of us (protocol.md §2.4 step 8). */
  | { event: 'trust-fork'; org: string; directoryVersion: number }
  /** Copies of what was opened may stay in memory that the C library got back: GLIBC_TUNABLES is not set. */
  | { event: 'freed-memory-kept' }
  | { event: 'run-begun'; requestId: string; jti: string; model: string }
  | { event: 'run-finished'; jti: string; model: string; finish: string; durationMs: number; frames: number }
  /** Where a model server is to blame: what became of it, where it is, and which HTTP status it answered. */
  | {
      event: 'run-failed';
      jti: string;
      code: string;
      cause?: string | undefined;
      host?: string | undefined;
      status?: number | undefined;
      durationMs: number;
    }
  /** Nobody waits for the answer any more. */
  | { event: 'asker-left'; jti: string; durationMs: number; frames: number }
  | { event: 'framework'; level: Level; context: string };

const LEVELS: Readonly<Record<Exclude<LogEvent['event'], 'framework'>, Level>> = {
  'service-ready': 'info',
  'service-stopping': 'info',
  'service-stopped': 'info',
  'request-finished': 'info',
  'requests-turned-away': 'warn',
  'request-failed': 'error',
  'response-cut': 'warn',
  'database-migrated': 'info',
  'database-connection-lost': 'warn',
  'database-replaced': 'error',
  'restore-time-corrected': 'error',
  'vault-restored': 'error',
  'refusals-not-audited': 'error',
  'expired-rows-purged': 'debug',
  'chore-failed': 'warn',
  'probe-failed': 'warn',
  'clock-drifted': 'error',
  'clock-stops-claims': 'error',
  'clock-agrees-again': 'info',
  'shared-store-lost': 'warn',
  'shared-store-back': 'info',
  'redis-evicts': 'warn',
  'redis-policy-unknown': 'warn',
  'trust-loaded': 'info',
  'trust-not-loaded': 'warn',
  'trust-ending': 'warn',
  'trust-ended': 'error',
  'trust-fork': 'error',
  'freed-memory-kept': 'warn',
  'run-begun': 'info',
  'run-finished': 'info',
  'run-failed': 'warn',
  'asker-left': 'info',
};

export interface EventLogOptions {
  /** Said in every line: which service wrote it. */
  readonly service: string;
  readonly level?: LogLevel;
  /** JSON for machines, unless people read it. */
  readonly format?: LogFormat;
  /** Where the lines go; standard error unless given. */
  readonly stream?: DestinationStream;
}

/** Lines of the closed union, one for each event. */
export class EventLog {
  readonly #log: Logger;

  constructor(options: EventLogOptions) {
    const settings = {
      level: options.level ?? 'info',
      base: { service: options.service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
    };
    const stream = options.stream ?? pino.destination({ dest: 2, sync: true });
    this.#log = pino(settings, options.format === 'pretty' ? { write: (line) => stream.write(pretty(line)) } : stream);
  }

  write(event: LogEvent): void {
    const level = event.event === 'framework' ? event.level : LEVELS[event.event];
    this.#log[level](event);
  }
}

/** The time of day, the level, who, what, and the rest as it is named. */
function pretty(line: string): string {
  const { time, level, service, event, ...rest } = JSON.parse(line) as Record<string, string | number>;
  const words = Object.entries(rest).map(([name, value]) => ` ${name}=${plain(value)}`);
  return `${String(time).slice(11, 23)} ${String(level).padEnd(5)} ${service} ${event}${words.join('')}\n`;
}

/** A value that could be taken for another part of the line, or for another line, stays as JSON has it. */
function plain(value: string | number): string {
  return typeof value === 'string' && /^[!#-<>-~]+$/.test(value) ? value : JSON.stringify(value);
}
