import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Wire } from '@bulla/testkit';
import { findPostgres, openWire } from '@bulla/testkit';
import { ask, storePrompt } from '../../test/asking.js';
import {
  openDatabase,
  organisationForTest,
  serveDocuments,
  silent,
  startResponder,
} from '../../test/responder-fixture.js';

const describeOnServer = findPostgres() === undefined ? describe.skip : describe;

describeOnServer('a run that stores no frames', () => {
  let wire: Wire;
  let opened: Awaited<ReturnType<typeof openDatabase>>;
  beforeAll(async () => {
    opened = await openDatabase('server', silent(), async (url) => (wire = await openWire(url)).url);
  });
  afterAll(async () => {
    await opened.drop();
    await wire.close();
  });

  it('is three round trips to the database: its claim, its beginning, its end; one that is late is none [guard: first-late]', async () => {
    const organisation = await organisationForTest();
    const vault = await serveDocuments(organisation);
    const prompt = await storePrompt(organisation);
    const responder = await startResponder({
      organisation,
      vault,
      database: opened.database,
      limits: { auditIntervalMs: 60_000 },
    });
    const send = async (envelope: Parameters<typeof ask>[2] = {}) => {
      const asked = await ask(organisation, prompt, envelope);
      wire.roundTrips();
      const { status } = await responder.client(organisation.invoker).post('/api/v1/invocations', asked.body);
      return { status, roundTrips: wire.roundTrips() };
    };
    // What is looked at once in a while is looked at now.
    await send();
    expect(await send()).toEqual({ status: 200, roundTrips: 3 });
    const iat = organisation.now - 600;
    expect(await send({ envelope: { iat, nbf: iat, exp: iat + 300 } })).toMatchObject({ status: 403 });
    await responder.service.close();
    await vault.close();
  });
});
