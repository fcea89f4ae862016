import type { Pool, PoolClient } from 'pg';
import { databaseFault } from './database-fault.js';

const READ_ONLY = '25006';
/** A server that stays read-only must not make us connect anew for every statement. */
const INTERVAL_MS = 1_000;

/**
 * The connections of a pool that lead to a server which takes writes. When one turns out not to, after a failover or
 * while it is being demoted, all that are older than this moment are closed instead of being used again: a name that
 * points to the new server by now is only asked for by new connections.
 */
export class CurrentConnections {
  readonly #pool: Pool;
  readonly #madeMs = new WeakMap<PoolClient, number>();
  #usableFromMs = Number.NEGATIVE_INFINITY;

  constructor(pool: Pool) {
    this.#pool = pool;
    pool.on('connect', (client) => this.#madeMs.set(client, performance.now()));
  }

  get options(): Pool['options'] {
    return this.#pool.options;
  }

  /** @param error of any statement. */
  notice(error: unknown): void {
    const nowMs = performance.now();
    if (databaseFault(error)?.code !== READ_ONLY || nowMs - this.#usableFromMs < INTERVAL_MS) return;
    this.#usableFromMs = nowMs;
  }

  async connect(): Promise<PoolClient> {
    for (;;) {
      const client = await this.#pool.connect();
      if ((this.#madeMs.get(client) ?? 0) >= this.#usableFromMs) return client;
      client.release(true);
    }
  }

  end(): Promise<void> {
    return this.#pool.end();
  }
}
