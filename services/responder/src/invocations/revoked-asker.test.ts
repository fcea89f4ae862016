import type { TestOrganisation } from '@bulla/crypto/testing';
import { TrustSource } from '@bulla/service-kit';
import type { FakeOpenai } from '@bulla/testkit';
import { startFakeOpenai } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Asked, SealedReply, StoredPrompt, TestMember } from '../../test/asking.js';
import { ask, openReply, replyOfStream, storePrompt } from '../../test/asking.js';
import type { DocumentServer } from '../../test/responder-fixture.js';
import { openDatabase, organisationForTest, serveDocuments, startResponder } from '../../test/responder-fixture.js';
import { OpenaiModel } from '../models/openai.model.js';
import { Revocations } from '../trust/revocations.js';

const HOUR_MS = 3_600_000;
/** As slow as an upstream may be. */
const PATIENT = { connectMs: HOUR_MS, firstByteMs: HOUR_MS, idleMs: HOUR_MS, totalMs: HOUR_MS };

let organisation: TestOrganisation;
let another: TestMember;
let vault: DocumentServer;
let opened: Awaited<ReturnType<typeof openDatabase>>;
let prompt: StoredPrompt;
let upstream: FakeOpenai;
let model: OpenaiModel;
beforeAll(async () => {
  organisation = await organisationForTest();
  another = await organisation.makeDevice('another', { roles: ['invoker'], groups: ['grp:support'] });
  await organisation.publish((draft) => {
    draft.entities[another.urn] = another.entity;
  });
  vault = await serveDocuments(organisation);
  opened = await openDatabase('server');
  prompt = await storePrompt(organisation);
  upstream = await startFakeOpenai({
    replies: { tokens: ['word', 'more'], faults: [{ afterTokens: 1, kind: 'stall' }] },
  });
  model = new OpenaiModel({ url: upstream.url, timeouts: PATIENT });
});
afterAll(async () => {
  await upstream.stop();
  await model.close();
  await opened.drop();
  await vault.close();
});

describe('a newer directory that revokes an asker', () => {
  it('ends its runs with a signed word of it, streams and others, and lets those of others go on [guard: run-revoked]', async () => {
    const responder = await startResponder({ organisation, vault, database: opened.database, model });
    const admitted = organisation.trust.directoryRef;
    const { invoker } = organisation;
    const begin = async (asker: TestMember, stream: boolean) => {
      const question = { opt: { stream, privacy: 'padded' } } as const;
      const asked = await ask(organisation, prompt, { asker, question });
      const before = upstream.requests.length;
      const sending = responder.client(asker).post('/api/v1/invocations', asked.body);
      const ended = sending.then((response) =>
        stream ? replyOfStream(response.text) : (response.body as SealedReply),
      );
      // It may ask for the list of models before.
      for (let index = before; !(await upstream.arrival(index)).path.endsWith('/completions'); index++);
      return { asked, ended };
    };
    const endOf = async ({ asked, ended }: { asked: Asked; ended: Promise<SealedReply> }) => {
      const { fin } = await openReply(organisation, asked, await ended);
      return { finish: fin.finish, code: fin.err?.code, dir: fin.dir };
    };
    const runs = [await begin(invoker, true), await begin(invoker, false)];
    const others = await begin(another, false);

    await organisation.publish((draft) => {
      draft.revoked = [{ kid: invoker.sig.kid, reason: 'keyCompromise', at: organisation.now }];
    });
    responder.clock.advance(2);
    await responder.service.app.get(TrustSource, { strict: false }).refresh(organisation.org);
    // What still is at work then, is ended for that reason.
    await responder.service.close();
    const revoked = { finish: 'error', code: 'key_revoked', dir: admitted };
    expect(await Promise.all(runs.map(endOf))).toEqual([revoked, revoked]);
    expect(await endOf(others)).toMatchObject({ code: 'overloaded', dir: admitted });
    const watching = responder.service.app.get(Revocations, { strict: false });
    expect(watching.count).toBe(0);
  });
});
