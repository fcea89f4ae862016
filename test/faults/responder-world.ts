import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeOrganisation } from '@bulla/crypto/testing';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { setUpMarkFolder } from '@bulla/service-kit/testing';
import { type FakeOpenai, freePorts, startFakeOpenai } from '@bulla/testkit';
import type { Asked, AskOptions, SealedReply, StoredPrompt } from '../../services/responder/test/asking.js';
import { ask, openReply, replyOfStream, storePrompt } from '../../services/responder/test/asking.js';
import { type DocumentServer, serveDocuments } from '../../services/responder/test/responder-fixture.js';
import { ready, until } from './fault-watch.js';
import { type ServiceProcess, startService } from './service-process.js';
import { call, type HttpAnswer } from './signed-requests.js';

/** How a run ended for its asker. */
export type Outcome =
  | { readonly kind: 'answer'; readonly text: string; readonly finish: string; readonly fin: object }
  /** An error inside the sealed and signed reply; the text is what came before it. */
  | { readonly kind: 'sealed'; readonly text: string; readonly code: string }
  | {
      readonly kind: 'problem';
      readonly status: number;
      readonly code: string;
      readonly retryAfter: string | undefined;
    }
  /** A stream without its end: the asker knows that it is cut. */
  | { readonly kind: 'cut' };

/** A responder in a process of its own, with a scripted model server, documents, and a prompt to ask. */
export interface ResponderWorld {
  readonly organisation: TestOrganisation;
  readonly responder: ServiceProcess;
  readonly upstream: FakeOpenai;
  readonly documents: DocumentServer;
  readonly prompt: StoredPrompt;
  question(options?: AskOptions): Promise<Asked>;
  send(asked: Asked, url?: string): Promise<HttpAnswer>;
  /** What an asker makes of an answer, with every signature verified. */
  outcome(asked: Asked, answer: HttpAnswer): Promise<Outcome>;
  stop(): Promise<void>;
}

export async function startResponderWorld(
  databaseUrl: string,
  more: Readonly<Record<string, string>> = {},
): Promise<ResponderWorld> {
  const organisation = await makeOrganisation();
  const documents = await serveDocuments(organisation);
  // It may be stopped and come back.
  const [upstreamPort] = await freePorts(1);
  const upstream = await startFakeOpenai({}, upstreamPort);
  const folder = await mkdtemp(join(tmpdir(), 'bulla-faults-'));
  const keys = join(folder, 'responder.keys.json');
  await writeFile(keys, JSON.stringify(organisation.responders[0].keyFile), { mode: 0o600 });
  setUpMarkFolder(`${keys}.audit-marks`, organisation.responders[0].keyFile);
  const responder = await startService('responder', {
    BULLA_DATABASE_URL: databaseUrl,
    BULLA_VAULT_URL: documents.url,
    BULLA_PIN: organisation.pin,
    BULLA_KEYS_FILE: keys,
    BULLA_LLM: `openai:${upstream.url}`,
    BULLA_LLM_MODEL: 'm',
    BULLA_LLM_TIMEOUT_MS: '20000',
    ...more,
  });
  await until('ready', async () => (await ready(responder.url)) === 200);
  const prompt = await storePrompt(organisation);
  return {
    organisation,
    responder,
    upstream,
    documents,
    prompt,
    question: (options) => ask(organisation, prompt, { now: nowSeconds(), ...options }),
    send: (asked, url = responder.url) =>
      call(url, organisation.invoker, 'POST', '/api/v1/invocations', { body: asked.body }),
    outcome: (asked, answer) => outcomeOf(organisation, asked, answer),
    async stop() {
      await responder.stop();
      await upstream.stop();
      await documents.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const nowSeconds = () => Math.floor(Date.now() / 1000);

async function outcomeOf(organisation: TestOrganisation, asked: Asked, answer: HttpAnswer): Promise<Outcome> {
  const { status, headers, body } = answer;
  if (status !== 200) {
    return {
      kind: 'problem',
      status,
      code: String((body as { code?: string }).code),
      retryAfter: headers['retry-after'],
    };
  }
  const isStream = headers['content-type']?.startsWith('text/event-stream') ?? false;
  const reply = isStream ? replyOfStream(answer.text) : (body as SealedReply);
  if (reply.final === '') return { kind: 'cut' };
  const { text, fin } = await openReply(organisation, asked, reply, nowSeconds());
  if (fin.finish === 'error') return { kind: 'sealed', text, code: fin.err?.code ?? 'none' };
  return { kind: 'answer', text, finish: fin.finish, fin };
}
