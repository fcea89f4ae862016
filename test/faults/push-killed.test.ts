import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { mintId } from '@bulla/crypto';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { sealVersion, tagOf } from '../../services/vault/test/authoring.js';
import { query } from './postgres-control.js';
import { type ServiceProcess, startService } from './service-process.js';
import { call } from './signed-requests.js';
import { startVaultWorld, type VaultWorld } from './vault-world.js';

// A push is one transaction: a vault that is killed in the middle of it has stored all or nothing.

const database = await databaseForTest();
const url = database.url ?? '';
const withServer = url === '' ? describe.skip : describe;
afterAll(() => database.drop());

withServer('a push whose vault is killed', () => {
  let world: VaultWorld;
  let again: ServiceProcess | undefined;
  beforeEach(async () => {
    world = await startVaultWorld(url);
  });
  afterEach(async () => {
    await again?.stop();
    await world.stop();
  });

  const rowsOf = async (id: string) => {
    const count = async (table: string, column: string) =>
      (await query({ url }, `select 1 from vault.${table} where ${column} = '${id}'`)).length;
    return {
      prompts: await count('prompt', 'id'),
      versions: await count('prompt_version', 'prompt_id'),
      grants: await count('content_grant', 'prompt_id'),
      labels: await count('prompt_label', 'prompt_id'),
      audit: (await query({ url }, `select 1 from vault.audit_event where event::text like '%${id}%'`)).length,
    };
  };

  it('after prompt, version and grants were written and before its labels leaves nothing, and is done by its retry', async () => {
    const { author } = world.organisation;
    const prompt = { id: mintId('prm'), name: `killed/${randomUUID()}` };
    const { content, grants, chash } = await sealVersion(world.organisation, author, prompt, 1);
    const tag = await tagOf(world.organisation, author, prompt, { tag: 'latest', ver: 1, chash, seq: 1 });
    const body = { content, grants, prompt: { name: prompt.name, type: 'text' }, tags: [tag] };
    const options = { body, headers: { 'if-match': '"0"' }, idempotencyKey: randomUUID() };
    const path = `/api/v1/prompts/${prompt.id}/versions`;
    const holder = new pg.Client({ connectionString: url });
    await holder.connect();
    try {
      // Nobody writes a label meanwhile: the push stands still after all that comes before.
      await holder.query('begin');
      await holder.query('lock table vault.prompt_label in exclusive mode');
      const pushing = call(world.vault.url, author, 'POST', path, options).catch((error: unknown) => error);
      const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
        and query like '%prompt_label%'`;
      for (const last = performance.now() + 60_000; (await query({ url }, waiting)).length === 0; await pause(20))
        if (performance.now() > last) throw new Error('the push never came to its labels');
      await world.vault.stop('SIGKILL');
      expect(await pushing).toBeInstanceOf(Error);
    } finally {
      await holder.query('rollback');
      await holder.end();
    }
    expect(await rowsOf(prompt.id)).toEqual({ prompts: 0, versions: 0, grants: 0, labels: 0, audit: 0 });
    again = await startService('vault', world.settings);
    expect(await call(again.url, author, 'POST', path, options)).toMatchObject({ status: 201 });
    expect(await rowsOf(prompt.id)).toEqual({ prompts: 1, versions: 1, grants: grants.length, labels: 1, audit: 3 });
  });
});
