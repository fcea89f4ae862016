import type { PostgresPoolClient } from 'kysely';
import type { Pool, PoolClient } from 'pg';
import { databaseFault } from './database-fault.js';
import { preparing, StatementNames } from './prepared-statements.js';

const READ_ONLY = '25006';
/** A prepared statement whose table has changed since, or which somebody between us and the server has forgotten. */
const PLAN_OUTDATED = '0A000';
const STATEMENT_UNKNOWN = '26000';
const OUTDATED: readonly unknown[] = [READ_ONLY, PLAN_OUTDATED, STATEMENT_UNKNOWN];
/** What stays wrong must not make us connect anew for every statement. */
const INTERVAL_MS = 1_000;

/**
 * The connections of a pool that lead to a server which takes writes, and know its tables. When one turns out not to,
 * after a failover, while it is being demoted, or after a migration, all that are older than this moment are closed
 * instead of being used again: a name that points to the new server by now is only asked for by new connections, and
 * statements are prepared anew only on them.
 */
export class CurrentConnections {
  readonly #pool: Pool;
  readonly #names = new StatementNames();
  readonly #made = new WeakMap<PoolClient, { readonly atMs: number; readonly usable: PostgresPoolClient }>();
  #usableFromMs = Number.NEGATIVE_INFINITY;
  /** When a connection last turned out to be outdated. */
  #outdatedMs = Number.NEGATIVE_INFINITY;
  /** @param error of any statement. */
  readonly #notice = (error: unknown) => {
    if (OUTDATED.includes(databaseFault(error)?.code)) this.#outdatedMs = performance.now();
  };

  constructor(pool: Pool) {
    this.#pool = pool;
    // Kysely remembers each that it is given: the same one for all that is asked over a connection.
    pool.on('connect', (client) => {
      this.#made.set(client, { atMs: performance.now(), usable: preparing(client, this.#names, this.#notice) });
    });
  }

  get options(): Pool['options'] {
    return this.#pool.options;
  }

  async connect(): Promise<PostgresPoolClient> {
    // One that was made meanwhile is closed as well, and not left to whoever gets it next.
    if (this.#outdatedMs > this.#usableFromMs && performance.now() - this.#usableFromMs >= INTERVAL_MS)
      this.#usableFromMs = this.#outdatedMs;
    for (;;) {
      const client = await this.#pool.connect();
      const made = this.#made.get(client);
      if (made !== undefined && made.atMs >= this.#usableFromMs) return made.usable;
      client.release(true);
    }
  }

  end(): Promise<void> {
    return this.#pool.end();
  }
}
