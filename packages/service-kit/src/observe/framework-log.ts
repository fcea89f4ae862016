import type { LoggerService } from '@nestjs/common';
import type { EventLog } from './event-log.js';
import { LogEvent } from './event-log.js';

type Level = 'debug' | 'warn' | 'error';
const said = (level: Level) => new LogEvent<{ context: string }>('framework', level);
const EVENTS = { debug: said('debug'), warn: said('warn'), error: said('error') };

/**
 * Nest's messages may quote anything, so only the fact that one came passes, and the class it came from when
 * that looks like a name.
 */
export class FrameworkLog implements LoggerService {
  readonly #log: EventLog;

  constructor(log: EventLog) {
    this.#log = log;
  }

  log(_message: unknown, ...rest: unknown[]): void {
    this.#write('debug', rest);
  }

  warn(_message: unknown, ...rest: unknown[]): void {
    this.#write('warn', rest);
  }

  error(_message: unknown, ...rest: unknown[]): void {
    this.#write('error', rest);
  }

  #write(level: Level, rest: readonly unknown[]): void {
    const last = rest.at(-1);
    const context = typeof last === 'string' && /^[A-Za-z][A-Za-z0-9]{0,63}$/.test(last) ? last : 'unnamed';
    this.#log.write(EVENTS[level], { context });
  }
}
