import { Chores } from '@bulla/service-kit';
import type { TestResponse } from '@bulla/service-kit/testing';
import { findPostgres } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { vaultMigrations } from '../../services/vault/src/index.js';
import type { PromptRef } from '../../services/vault/test/authoring.js';
import { basedOn, must, publishPrompt, sealVersion } from '../../services/vault/test/authoring.js';
import type { TestVault } from '../../services/vault/test/running-vault.js';
import { startVault } from '../../services/vault/test/running-vault.js';
import { until } from './fault-watch.js';
import type { TableFault, TroubledTables } from './audit-faults.js';
import { LAG_ROWS, OUTBOX_ROWS, troubledTables } from './audit-faults.js';

// The tables of a vault's audit log take nothing: no effect without its row, and nothing stays so when they take rows again.

const LAG_MAX_SECONDS = 900;
const REFUSED = { status: 503, body: { code: 'overloaded', retryable: true }, headers: { 'retry-after': /^[1-9]/ } };

(findPostgres() === undefined ? describe.skip : describe)('a vault', () => {
  let vault: TestVault;
  let tables: TroubledTables;
  let prompt: PromptRef;
  let version = 1;
  let endFault: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    vault = await startVault('PostgreSQL', undefined, async (url) => {
      tables = await troubledTables(url, { schema: 'vault', migrations: vaultMigrations });
      return tables.url;
    });
    prompt = await publishPrompt(vault, vault.acme);
  });
  afterEach(() => end());
  afterAll(async () => {
    await vault.stop();
    await tables.end();
  });

  const begin = async (fault: TableFault, table: string) => {
    endFault = await fault(tables, table);
  };
  const end = async () => {
    await endFault?.();
    endFault = undefined;
  };
  const path = (rest: string) => `/api/v1/prompts/${prompt.id}/${rest}`;
  const push = async (all: (grants: readonly string[]) => readonly string[]) => {
    const { author } = vault.acme;
    const { content, grants } = await sealVersion(vault.acme, author, prompt, version + 1);
    const send = async () => {
      const body = { content, grants: all(grants) };
      const answer = await vault.clientOf(author).post(path('versions'), body, basedOn(version));
      if (answer.status === 201) version += 1;
      return answer;
    };
    return { grants, send };
  };

  /** Each prepares a request and sends it when it is told to. */
  const REQUESTS: Readonly<Record<string, { status: number; prepare: () => Promise<() => Promise<TestResponse>> }>> = {
    'issues an envelope': {
      status: 201,
      prepare: async () => {
        const { invoker, responders } = vault.acme;
        const body = { prompt: prompt.id, label: 'latest', aud: responders[0].urn, uses: 1 };
        return () => vault.clientOf(invoker).post('/api/v1/envelopes', body);
      },
    },
    'takes a version': { status: 201, prepare: async () => (await push((grants) => grants)).send },
    'takes grants': {
      status: 201,
      async prepare() {
        const { grants, send } = await push(([first = '']) => [first]);
        must(201, await send());
        return () => vault.clientOf(vault.acme.author).post(path('grants'), { grants: grants.slice(1) });
      },
    },
  };
  const prepared = (request: string) => {
    const found = REQUESTS[request];
    if (found === undefined) throw new Error(`there is no request ${request}`);
    return found.prepare();
  };
  const issue = async () => (await prepared('issues an envelope'))();

  const everything = async () => ({
    ...(await vault.countEffects()),
    ...(await tables.count(['http_nonce', 'audit_outbox', 'audit_entry'])),
  });
  const write = () => vault.service.app.get(Chores, { strict: false }).do('write-audit-log');
  const signed = async () => {
    const log = vault.database.db.selectFrom('audit_log').select('checkpoint_size').where('org', '=', 'acme');
    return (await log.executeTakeFirstOrThrow()).checkpoint_size;
  };
  /** Decisions are older than they may be, by both clocks: that of the database alone may have jumped. */
  const growOld = async () => {
    await write();
    await tables.run(`update vault.audit_outbox set at = at - interval '1 hour'`);
    vault.clock.advance(LAG_MAX_SECONDS + 1);
    await write();
  };

  const requests = OUTBOX_ROWS.flatMap(([how, fault]) =>
    Object.entries(REQUESTS).map(([request, { status }]) => ({ how, fault, request, status })),
  );
  it.each(requests)(
    '$request not while the table where decisions wait $how, and then by itself',
    async (row) => {
      // The control: without the fault the same is done.
      must(row.status, await (await prepared(row.request))());
      const send = await prepared(row.request);
      const before = await everything();
      await begin(row.fault, 'audit_outbox');
      const refused = await send();
      expect(refused).toMatchObject({ status: 503, body: REFUSED.body });
      expect(refused.headers['retry-after']).toMatch(REFUSED.headers['retry-after']);
      await end();
      expect(await everything()).toEqual(before);
      await until('it is taken', async () => (await send()).status === row.status);
    },
    60_000,
  );

  it.each(LAG_ROWS)(
    'decides while %s %s until that is too long, then nothing, and catches up',
    async (table, _how, fault) => {
      // The control: it is written, and signed.
      must(201, await issue());
      await write();
      const size = await signed();
      await begin(fault, table);
      must(201, await issue());
      await growOld();
      const effects = await vault.countEffects();
      expect(await issue()).toMatchObject({ status: 503, body: REFUSED.body });
      expect(await vault.countEffects()).toEqual(effects);
      // What is no decision goes on.
      must(200, await vault.clientOf(vault.acme.owner).get('/api/v1/prompts?limit=1'));
      await end();
      await write();
      await write();
      must(201, await issue());
      await write();
      expect(await signed()).toBeGreaterThan(size + 1);
      expect(await tables.count(['audit_outbox'])).toEqual({ audit_outbox: 0 });
    },
    60_000,
  );

  it('takes what the log can tell in as many bytes as an entry may have, and not one more [guard: leaf-too-long]', async () => {
    await write();
    must(201, await issue());
    const [row] = await vault.database.db.selectFrom('audit_outbox').select('leaf').orderBy('id').execute();
    const bytes = row?.leaf.length ?? 0;
    expect(bytes).toBeGreaterThan(400);
    // No request brings about an entry of 65,535 bytes: the bound comes to the entry.
    const allow = (most: number) =>
      tables.run(`alter table vault.audit_outbox drop constraint audit_outbox_leaf_check,
        add constraint audit_outbox_leaf_check check (octet_length(leaf) <= ${most}) not valid`);
    await allow(bytes);
    must(201, await issue());
    await allow(bytes - 1);
    const effects = await vault.countEffects();
    expect(await issue()).toMatchObject({ status: 413, body: { code: 'payload_too_large', retryable: false } });
    expect(await vault.countEffects()).toEqual(effects);
    await allow(65_535);
    must(201, await issue());
  });

  it('that does not own its tables goes on when their owner has made the partition of the month', async () => {
    await write();
    const size = await signed();
    must(201, await issue());
    // As it is at the first moment of a month.
    await tables.run(`update vault.audit_outbox set at = '2031-01-05T00:00:00Z'`);
    await write();
    expect(await signed()).toBe(size);
    await tables.run(`create table vault.audit_entry_2031_01 partition of vault.audit_entry
      for values from ('2031-01-01T00:00:00Z') to ('2031-02-01T00:00:00Z')`);
    await write();
    expect(await signed()).toBe(size + 1);
  });
});
