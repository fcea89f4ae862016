import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import { GatheredLines } from './gathered-lines.js';

type Level = 'error' | 'warn' | 'info' | 'debug';
export type LogFormat = 'json' | 'pretty';
export type LogLevel = Level | 'fatal' | 'silent';

/** What may be said of an event: ids, counts, codes and durations. */
type Facts = Readonly<Record<string, string | number | undefined>>;

/**
 * An event that may be logged, with what is said of it and at which level; it stands in the room that writes it. Text,
 * keys, tokens, headers and messages of libraries are no facts.
 */
export class LogEvent<Said extends Facts | undefined = undefined> {
  readonly name: string;
  readonly level: Level;
  /** Never there: it keeps apart the types of events of which different things are said. */
  declare readonly said: Said;

  constructor(name: string, level: Level) {
    this.name = name;
    this.level = level;
  }
}

export interface EventLogOptions {
  /** Said in every line: which service wrote it. */
  readonly service: string;
  readonly level?: LogLevel;
  /** JSON for machines, unless people read it. */
  readonly format?: LogFormat;
  /** Where the lines go; standard error unless given. */
  readonly stream?: DestinationStream;
}

/** One line for each event. */
export class EventLog {
  readonly #log: Logger;

  constructor(options: EventLogOptions) {
    const settings = {
      level: options.level ?? 'info',
      base: { service: options.service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
    };
    const stream = options.stream ?? standardError();
    this.#log = pino(settings, options.format === 'pretty' ? { write: (line) => stream.write(pretty(line)) } : stream);
  }

  /** @param facts of the event; there is nothing to give where it has none. */
  write<Said extends Facts | undefined>(
    event: LogEvent<Said>,
    ...[facts]: Said extends undefined ? [] : [facts: Said]
  ): void {
    this.#log[event.level]({ event: event.name, ...facts });
  }
}

let toStandardError: GatheredLines | undefined;

/** One for all logs of a process, so that their lines keep their order. */
function standardError(): DestinationStream {
  if (toStandardError === undefined) {
    const lines = new GatheredLines(pino.destination({ dest: 2, sync: true }));
    process.on('exit', () => lines.flush());
    toStandardError = lines;
  }
  return toStandardError;
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
