import type { Database } from '../database/database.js';
import { databaseFault } from '../database/database-fault.js';
import type { EventLog } from '../observe/event-log.js';
import { LogEvent } from '../observe/event-log.js';
import type { Metrics } from '../observe/metrics.js';

const CHORE_FAILED = new LogEvent<{ chore: string; errorCode: string }>('chore-failed', 'warn');

/** Work that no request asks for, done now and then while the service listens. */
export interface Chore {
  /** Lower-case words with hyphens, one of a kind in a service: what log and metric call it. */
  readonly name: string;
  readonly everyMs: number;
  /** One of all processes on a database does it at a time, unless each has to do it for itself. */
  readonly inEachProcess?: boolean;
  /** What fails is logged and counted, and done again the next time. */
  run(): Promise<unknown>;
}

export interface ChoresParts {
  readonly database: Pick<Database<unknown>, 'exclusively'>;
  readonly log: EventLog;
  readonly metrics: Pick<Metrics, 'choreFailures'>;
}

/** Does the chores of a service. Rooms bring theirs when they are made. */
export class Chores {
  readonly #parts: ChoresParts;
  readonly #chores = new Map<string, Chore>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #atWork = new Map<string, Promise<void>>();

  constructor(parts: ChoresParts) {
    this.#parts = parts;
  }

  /** @throws {Error} for a second chore of one name */
  add(chore: Chore): void {
    if (this.#chores.has(chore.name)) throw new Error(`there are two chores called ${chore.name}`);
    this.#chores.set(chore.name, chore);
  }

  start(): void {
    for (const chore of this.#chores.values())
      this.#timers.push(setInterval(() => this.#begin(chore), chore.everyMs).unref());
  }

  /** Begins none any more, and waits for those at work. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#atWork.values());
  }

  /** Does one now. A chore that is at work still is left to it. */
  async do(name: string): Promise<void> {
    const chore = this.#chores.get(name);
    if (chore === undefined) throw new Error(`there is no chore called ${name}`);
    this.#begin(chore);
    await this.#atWork.get(name);
  }

  #begin(chore: Chore): void {
    if (this.#atWork.has(chore.name)) return;
    this.#atWork.set(
      chore.name,
      this.#done(chore).finally(() => this.#atWork.delete(chore.name)),
    );
  }

  /** Never rejects: it is a timer's. */
  async #done(chore: Chore): Promise<void> {
    const { database, log, metrics } = this.#parts;
    try {
      if (chore.inEachProcess === true) await chore.run();
      else await database.exclusively(chore.name, async () => void (await chore.run()));
    } catch (error) {
      metrics.choreFailures.inc({ chore: chore.name });
      log.write(CHORE_FAILED, { chore: chore.name, errorCode: databaseFault(error)?.code ?? 'unknown' });
    }
  }
}
