import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { databaseForTest } from '@bulla/testkit';
import { sql } from 'kysely';
import { bodyOf, must } from './authoring.js';
import { approve, ENROLMENTS, listing, pendingNewcomer } from './enrolling.js';
import type { TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

const server = await databaseForTest();
await server.drop();
// The embedded database has one connection, so nobody waits for anybody in it.
const withServer = server.url === undefined ? describe.skip : describe;

withServer('a decision that has been read and not yet made', () => {
  let vault: TestVault;
  beforeAll(async () => {
    vault = await startVault();
  });
  afterAll(() => vault.stop());

  it('is lost to one that is made meanwhile, and so is what would have been published', async () => {
    const { acme } = vault;
    const newcomer = await pendingNewcomer(vault);
    const token = await listing(acme, newcomer);
    const { version } = acme.trust.directory;
    let approval: ReturnType<typeof approve> | undefined;
    await vault.database.db.transaction().execute(async (trx) => {
      await trx.updateTable('enrolment').set({ state: 'refused' }).where('id', '=', newcomer.id).execute();
      approval = approve(vault, acme, newcomer.id, token);
      // It has seen a request that is pending, and waits for this row.
      await untilWaiting();
    });
    const answer = await approval;
    expect([answer?.status, bodyOf(answer ?? { body: {} })['code']]).toEqual([412, 'version_conflict']);
    const own = must(200, await vault.clientOf(newcomer.asker).get(`${ENROLMENTS}/${newcomer.id}`));
    expect(own.body).toMatchObject({ state: 'refused', device: null });
    const newest = vault.database.db.selectFrom('org_document').select(({ fn }) => fn.max('version').as('version'));
    const directories = newest.where('org', '=', 'acme').where('kind', '=', 'directory');
    expect(await directories.executeTakeFirstOrThrow()).toEqual({ version });
  });

  async function untilWaiting(): Promise<void> {
    for (;;) {
      const { rows } = await sql<{ waiting: boolean }>`
        select exists (
          select from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock' and query like 'update %enrolment%'
        ) as waiting`.execute(vault.database.db);
      if (rows[0]?.waiting) return;
      await sleep(20);
    }
  }
});
