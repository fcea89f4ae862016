import { connectDatabase, Chores } from '@bulla/service-kit';
import type { Database } from '@bulla/service-kit';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { responderMigrations } from '../../services/responder/src/database/migrations.js';
import type { ResponderTables } from '../../services/responder/src/database/types.js';
import { EchoModel } from '../../services/responder/src/models/echo.model.js';
import type { ModelRequest } from '../../services/responder/src/models/model.js';
import type { StoredPrompt } from '../../services/responder/test/asking.js';
import { ask, storePrompt } from '../../services/responder/test/asking.js';
import type { DocumentServer, RunningResponder } from '../../services/responder/test/responder-fixture.js';
import {
  organisationForTest,
  serveDocuments,
  silent,
  startResponder,
} from '../../services/responder/test/responder-fixture.js';
import type { TableFault, TroubledTables } from './audit-faults.js';
import { LAG_ROWS, OUTBOX_ROWS, troubledTables } from './audit-faults.js';
import { until } from './fault-watch.js';

// The same at a responder: no question is claimed and no model asked without the row that tells it.

const LAG_MAX_SECONDS = 900;
const REFUSED = { status: 503, body: { code: 'overloaded', retryable: true } };
const CLAIMED = ['invocation', 'envelope_use', 'http_nonce', 'audit_outbox', 'audit_entry'] as const;
const server = await databaseForTest();

class CountingModel extends EchoModel {
  asked = 0;
  override stream(request: ModelRequest, signal: AbortSignal) {
    this.asked += 1;
    return super.stream(request, signal);
  }
}

(server.url === undefined ? describe.skip : describe)('a responder', () => {
  const model = new CountingModel();
  let tables: TroubledTables;
  let database: Database<ResponderTables>;
  let organisation: TestOrganisation;
  let vault: DocumentServer;
  let prompt: StoredPrompt;
  let responder: RunningResponder;
  let endFault: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    const own = { schema: 'responder', migrations: responderMigrations };
    tables = await troubledTables(server.url ?? '', own);
    database = connectDatabase<ResponderTables>({ ...own, from: { url: tables.url }, log: silent() });
    organisation = await organisationForTest();
    vault = await serveDocuments(organisation);
    prompt = await storePrompt(organisation);
    const limits = { auditIntervalMs: 3_600_000 };
    responder = await startResponder({ database, organisation, vault, model, limits });
  });
  afterEach(() => end());
  afterAll(async () => {
    await responder.service.close();
    await database.close();
    await vault.close();
    await server.drop();
    await tables.end();
  });

  const end = async () => {
    await endFault?.();
    endFault = undefined;
  };
  const begin = async (fault: TableFault, table: string) => {
    endFault = await fault(tables, table);
  };
  /** A question of its own, which may be sent again. */
  const question = async () => {
    const { body } = await ask(organisation, prompt, { now: responder.clock.now() });
    return () => responder.client(organisation.invoker).post('/api/v1/invocations', body);
  };
  const write = () => responder.service.app.get(Chores, { strict: false }).do('write-audit-log');
  const signed = async () => {
    const log = database.db.selectFrom('audit_log').select('checkpoint_size').where('org', '=', organisation.org);
    return (await log.executeTakeFirstOrThrow()).checkpoint_size;
  };

  it.each(OUTBOX_ROWS)(
    'runs nothing while the table where decisions wait %s, and then by itself',
    async (_how, fault) => {
      // The control: without the fault a question is run.
      expect((await (await question())()).status).toBe(200);
      const send = await question();
      const [before, asked] = [await tables.count(CLAIMED), model.asked];
      await begin(fault, 'audit_outbox');
      const refused = await send();
      expect(refused).toMatchObject(REFUSED);
      expect(refused.headers['retry-after']).toMatch(/^[1-9]/);
      await end();
      expect([await tables.count(CLAIMED), model.asked]).toEqual([before, asked]);
      await until('it is run', async () => (await send()).status === 200);
      expect(model.asked).toBe(asked + 1);
    },
    60_000,
  );

  it.each(LAG_ROWS)(
    'runs while %s %s until that is too long, then nothing, and catches up',
    async (table, _how, fault) => {
      expect((await (await question())()).status).toBe(200);
      await write();
      const size = await signed();
      await begin(fault, table);
      expect((await (await question())()).status).toBe(200);
      await write();
      // By both clocks: that of the database alone may have jumped.
      await tables.run(`update responder.audit_outbox set at = at - interval '1 hour'`);
      responder.clock.advance(LAG_MAX_SECONDS + 1);
      await write();
      const [before, asked] = [await tables.count(['invocation', 'envelope_use']), model.asked];
      expect(await (await question())()).toMatchObject(REFUSED);
      expect([await tables.count(['invocation', 'envelope_use']), model.asked]).toEqual([before, asked]);
      await end();
      await write();
      await write();
      expect((await (await question())()).status).toBe(200);
      await write();
      expect(await signed()).toBeGreaterThan(size + 1);
    },
    60_000,
  );
});
