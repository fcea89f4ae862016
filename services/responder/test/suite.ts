import { afterAll, beforeAll } from '@jest/globals';
import type { OrganisationOptions, TestOrganisation } from '@bulla/crypto/testing';
import type { Database, EventLog, Limits } from '@bulla/service-kit';
import { TrustSource } from '@bulla/service-kit';
import type { TestResponse } from '@bulla/service-kit/testing';
import type { ResponderTables } from '../src/database/types.js';
import type { AnswerLimits } from '../src/invocations/answer-budget.js';
import type { RunLimits } from '../src/invocations/run-places.js';
import type { Model } from '../src/models/model.js';
import type { ModelRegistry } from '../src/models/model-registry.js';
import type { Asked, OpenedReply, SealedReply, TestMember } from './asking.js';
import { openReply, replyOfStream } from './asking.js';
import { openDatabase, organisationForTest, serveDocuments, startResponder } from './responder-fixture.js';
import type { DocumentServer, RunningResponder } from './responder-fixture.js';

export interface Suite {
  readonly organisation: TestOrganisation;
  readonly vault: DocumentServer;
  readonly database: Database<ResponderTables>;
  readonly responder: RunningResponder;
  /** Has the responder fetch the newest documents. */
  refresh(): Promise<void>;
  /** Sends a question as somebody, the invoker unless given. */
  send(asked: Pick<Asked, 'body'>, as?: TestMember): Promise<TestResponse>;
  /** Sends it and opens the reply, whole or streamed. */
  run(asked: Asked, as?: TestMember): Promise<OpenedReply>;
}

/** One responder for all tests of a file, torn down after them. */
export function suite(
  options: {
    model?: () => Model;
    models?: () => Promise<ModelRegistry>;
    organisation?: OrganisationOptions;
    database?: 'server' | 'embedded';
    limits?: Partial<Limits>;
    runLimits?: RunLimits;
    answerLimits?: AnswerLimits;
    log?: EventLog;
  } = {},
): Suite {
  let parts: Pick<Suite, 'organisation' | 'vault' | 'database' | 'responder'>;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const organisation = await organisationForTest(options.organisation);
    const vault = await serveDocuments(organisation);
    const opened = await openDatabase(options.database ?? 'server');
    const model = options.model?.();
    const models = await options.models?.();
    const responder = await startResponder({
      organisation,
      vault,
      database: opened.database,
      ...(model === undefined ? {} : { model }),
      ...(models === undefined ? {} : { models }),
      limits: options.limits,
      runLimits: options.runLimits,
      answerLimits: options.answerLimits,
      ...(options.log === undefined ? {} : { log: options.log }),
    });
    drop = () => opened.drop();
    parts = { organisation, vault, database: opened.database, responder };
  });

  afterAll(async () => {
    await parts.responder.service.close();
    await drop();
    await parts.vault.close();
  });

  const send: Suite['send'] = (asked, as = parts.organisation.invoker) =>
    parts.responder.client(as).post('/api/v1/invocations', asked.body);
  return {
    get organisation() {
      return parts.organisation;
    },
    get vault() {
      return parts.vault;
    },
    get database() {
      return parts.database;
    },
    get responder() {
      return parts.responder;
    },
    send,
    refresh: () => parts.responder.service.app.get(TrustSource, { strict: false }).refresh(parts.organisation.org),
    async run(asked, as) {
      const response = await send(asked, as);
      if (response.status !== 200) throw new Error(`answered ${response.status}: ${response.text}`);
      const isStream = response.headers['content-type']?.startsWith('text/event-stream') ?? false;
      return openReply(
        parts.organisation,
        asked,
        isStream ? replyOfStream(response.text) : (response.body as SealedReply),
      );
    },
  };
}

/** The code of a problem document, or of an error inside a sealed reply, with where it was. */
export async function refusalOf(
  { organisation }: Suite,
  asked: Asked,
  response: TestResponse,
): Promise<{ code: string; sealed: boolean }> {
  const { code } = (response.body ?? {}) as { code?: string };
  if (code !== undefined) return { code, sealed: false };
  const { fin } = await openReply(organisation, asked, response.body as SealedReply);
  return { code: fin.err?.code ?? fin.finish, sealed: true };
}
