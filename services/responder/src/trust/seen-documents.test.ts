import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Trust, TrustMemory } from '@bulla/crypto';
import type { Database } from '@bulla/service-kit';
import { connectDatabase } from '@bulla/service-kit';
import { databaseForTest } from '@bulla/testkit';
import { sql } from 'kysely';
import { setTimeout as pause } from 'node:timers/promises';
import { organisationForTest, silent } from '../../test/responder-fixture.js';
import { responderMigrations } from '../database/migrations.js';
import type { ResponderTables } from '../database/types.js';
import { SeenDocumentsRepository } from './seen-documents.repository.js';

const server = await databaseForTest();
/** The embedded database has one connection: there nobody could come in between. */
const withServer = server.url === undefined ? describe.skip : describe;

withServer('two replicas with documents at the same moment [guard: trust-one-replica]', () => {
  let database: Database<ResponderTables>;
  let trust: Trust;
  beforeAll(async () => {
    const from = { url: server.url ?? '' };
    database = connectDatabase({ from, schema: 'responder', migrations: responderMigrations, log: silent() });
    await database.migrate();
    ({ trust } = await organisationForTest());
  });
  afterAll(async () => {
    await database.close();
    await server.drop();
  });

  it('[red] take them one after the other: the second is held against what the first has seen', async () => {
    const replica = () => new SeenDocumentsRepository(database.db);
    const looked: (TrustMemory | undefined)[] = [];
    const first = Promise.withResolvers<Trust>();
    const both = [
      replica().replace('acme', (seen) => {
        looked.push(seen);
        return first.promise;
      }),
      replica().replace('acme', (seen) => {
        looked.push(seen);
        return first.promise;
      }),
    ];
    // Until the other one either waits for its turn or has looked as well.
    while (looked.length < 2 && (await waiting()) === 0) await pause(5);
    first.resolve(trust);
    await Promise.all(both);
    expect(looked).toEqual([undefined, trust.memory]);
  });

  /** How many transactions of this database wait for a lock by name. */
  async function waiting(): Promise<number> {
    const { rows } = await sql<{ count: number }>`
      select count(*)::int as count from pg_locks
      where locktype = 'advisory' and not granted
        and database = (select oid from pg_database where datname = current_database())`.execute(database.db);
    return rows[0]?.count ?? 0;
  }
});
