import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { ask, CANARY_VALUE, openReply, replyOfStream, storePrompt } from '../../test/asking.js';
import type { SealedReply, StoredPrompt } from '../../test/asking.js';
import { openDatabase, organisationForTest, serveDocuments, startResponder } from '../../test/responder-fixture.js';
import type { DocumentServer, RunningResponder } from '../../test/responder-fixture.js';

describe.each(['server', 'embedded'] as const)('a run with the %s database', (kind) => {
  let organisation: TestOrganisation;
  let vault: DocumentServer;
  let database: Awaited<ReturnType<typeof openDatabase>>;
  let responder: RunningResponder;
  let prompt: StoredPrompt;

  beforeAll(async () => {
    organisation = await organisationForTest();
    vault = await serveDocuments(organisation);
    database = await openDatabase(kind);
    responder = await startResponder({ organisation, vault, database: database.database });
    prompt = await storePrompt(organisation);
  });

  afterAll(async () => {
    await responder.service.close();
    await database.drop();
    await vault.close();
  });

  it('answers whole, sealed to the asker and signed', async () => {
    const asked = await ask(organisation, prompt);
    const response = await responder.client(organisation.invoker).post('/api/v1/invocations', asked.body);
    expect(response.text.slice(0, 300)).not.toContain('problem');
    expect(response.status).toBe(200);
    const { text, fin } = await openReply(organisation, asked, response.body as SealedReply);
    expect(text).toBe(`The claim: ${CANARY_VALUE}`);
    expect(fin).toMatchObject({
      finish: 'stop',
      model: 'builtin:echo',
      usage: { completion_tokens: expect.any(Number) },
    });
    expect(response.headers).toMatchObject({ 'cache-control': 'no-store' });
    expect(response.headers).not.toHaveProperty('signature');
  });

  it('answers the same as a stream', async () => {
    const asked = await ask(organisation, prompt, { question: { opt: { stream: true, privacy: 'padded' } } });
    const response = await responder.client(organisation.invoker).post('/api/v1/invocations', asked.body);
    expect(response.status).toBe(200);
    expect(response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    const { text, fin } = await openReply(organisation, asked, replyOfStream(response.text));
    expect(text).toBe(`The claim: ${CANARY_VALUE}`);
    expect(fin.finish).toBe('stop');
  });
});
