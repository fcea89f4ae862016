import type { Unwrapper } from '@bulla/crypto';
import { makeOrganisation } from '@bulla/crypto/testing';
import type { OrganisationOptions, TestOrganisation } from '@bulla/crypto/testing';
import type { Database, Limits, Rates, Service } from '@bulla/service-kit';
import { connectDatabase, EventLog, openapiDocument, openPglite, ServiceKeys } from '@bulla/service-kit';
import { OpenapiContract, setUpMarkFolder, SignedClient, TestClock } from '@bulla/service-kit/testing';
import { committedKeyPair, databaseForTest, folderForTest, pgliteForTest } from '@bulla/testkit';
import { sql } from 'kysely';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestMember } from './asking.js';
import { responderMigrations } from '../src/database/migrations.js';
import type { ResponderTables } from '../src/database/types.js';
import { RestoreMarkRepository } from '../src/replay/restore-mark.repository.js';
import { EchoModel } from '../src/models/echo.model.js';
import type { Model } from '../src/models/model.js';
import { ModelRegistry } from '../src/models/model-registry.js';
import type { AnswerLimits } from '../src/invocations/answer-budget.js';
import type { RunLimits } from '../src/invocations/run-places.js';
import { createResponder } from '../src/responder.js';

/** A vault as a responder sees it: an address that serves whatever documents it likes, and counts who asks. */
export interface DocumentServer {
  readonly url: string;
  readonly requests: string[];
  /** Answers by path after `/.well-known/bulla/<org>/`; undefined is 404, a number that status, null hangs up. */
  answer: (name: string) => string | number | undefined | null;
  close(): Promise<void>;
}

/** Serves the newest documents of an organisation, until told otherwise. */
export async function serveDocuments(organisation: TestOrganisation): Promise<DocumentServer> {
  const requests: string[] = [];
  const served: DocumentServer = {
    url: '',
    requests,
    answer: (name) => documentOf(organisation, name),
    close: async () => {},
  };
  const server = createServer((request, response) => {
    const name = (request.url ?? '').replace(`/.well-known/bulla/${organisation.org}/`, '');
    requests.push(name);
    const answer = served.answer(name);
    if (typeof answer === 'string') response.writeHead(200, { 'content-type': 'application/jose+json' }).end(answer);
    else if (answer === null) request.socket.destroy();
    else response.writeHead(answer ?? 404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(served, {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

/** What a vault serves of an organisation: its documents, and what renewers say of them. */
export function documentOf(
  { documents, hashes }: Pick<TestOrganisation, 'documents'> & Partial<Pick<TestOrganisation, 'hashes'>>,
  name: string,
): string | undefined {
  if (name === 'fresh.json') return wordsAsServed(documents.fresh ?? []);
  const from = /^directory\/hashes\?from=([0-9]+)$/.exec(name)?.[1];
  if (from !== undefined) return JSON.stringify({ v: 1, hashes: hashes?.hashes.slice(Number(from) - 1) ?? [] });
  if (name === 'directory.json') return documents.directory;
  if (name === 'policy.json') return documents.policy;
  const version = /^root\/([0-9]+)\.json$/.exec(name)?.[1];
  return version === undefined ? undefined : documents.roots[Number(version) - 1];
}

export function wordsAsServed(fresh: readonly string[]): string {
  return JSON.stringify({ v: 1, fresh });
}

/** Counts what is done with a private encryption key. */
export interface CountingUnwrapper extends Unwrapper {
  calls: number;
}

export async function countingUnwrapper(member: TestMember): Promise<CountingUnwrapper> {
  const unwrapper = await member.unwrapper();
  const counting: CountingUnwrapper = {
    kid: unwrapper.kid,
    alg: unwrapper.alg,
    calls: 0,
    unwrap(encryptedKey) {
      counting.calls += 1;
      return unwrapper.unwrap(encryptedKey);
    },
  };
  return counting;
}

/**
 * A database with the responder's tables, migrated.
 * @param through where a server is reached instead of where it is
 */
export async function openDatabase(
  kind: 'server' | 'embedded',
  log = silent(),
  through: (url: string) => Promise<string> = async (url) => url,
): Promise<{ database: Database<ResponderTables>; drop(): Promise<void> }> {
  const options = { schema: 'responder', migrations: responderMigrations, log };
  const server = kind === 'server' ? await databaseForTest() : undefined;
  if (server?.url !== undefined) {
    const database = connectDatabase<ResponderTables>({ ...options, from: { url: await through(server.url) } });
    await database.migrate();
    return { database, drop: () => database.close().then(() => server.drop()) };
  }
  const { dataDir, remove } = pgliteForTest();
  const pglite = await openPglite(dataDir);
  const database = connectDatabase<ResponderTables>({ ...options, from: { pglite } });
  await database.migrate();
  return { database, drop: () => pglite.close().then(remove) };
}

export function silent(): EventLog {
  return new EventLog({ service: 'responder', level: 'silent' });
}

export interface StartOptions {
  readonly database: Database<ResponderTables>;
  readonly organisation: TestOrganisation;
  readonly vault: DocumentServer;
  /** Answers under every name; echo under its own alone unless given. */
  readonly model?: Model;
  readonly models?: ModelRegistry;
  readonly unwrappers?: readonly Unwrapper[];
  readonly clock?: TestClock;
  readonly log?: EventLog;
  /** `eu1` unless given. */
  readonly member?: TestMember;
  readonly limits?: Partial<Limits> | undefined;
  readonly rates?: Partial<Rates> | undefined;
  readonly runLimits?: RunLimits | undefined;
  readonly answerLimits?: AnswerLimits | undefined;
}

/** A responder that listens on a free port, with everything a test may want to look at. */
export interface RunningResponder {
  readonly service: Service;
  readonly url: string;
  readonly clock: TestClock;
  readonly unwrapper: CountingUnwrapper;
  client(member: TestMember): SignedClient;
}

export const contract = new OpenapiContract(openapiDocument('responder', '0.0.0'), {
  noteTo: process.env['BULLA_TEST_PROBLEMS'],
});

export async function startResponder(options: StartOptions): Promise<RunningResponder> {
  const { organisation, vault, database, member = organisation.responders[0] } = options;
  const clock = options.clock ?? new TestClock(organisation.now * 1000);
  await makeOld(database, organisation.org);
  const unwrapper = await countingUnwrapper(member);
  const service = await createResponder({
    version: '0.0.0',
    database,
    keys: await ServiceKeys.load(member.keyFile),
    unwrappers: options.unwrappers ?? [unwrapper],
    pin: organisation.pin,
    vaultUrl: vault.url,
    models: options.models ?? registryOf(options.model),
    clock,
    log: options.log ?? silent(),
    auditMarks: marksOf(database, member),
    runLimits: options.runLimits,
    answerLimits: options.answerLimits,
    listen: { host: '127.0.0.1', port: 0, metricsPort: 0 },
    // Tests ask more in a second than people do, by a clock that stands still.
    rates: { keyPerSecond: 10_000, organisationPerSecond: 10_000, failuresPerSecond: 10_000, ...options.rates },
    // The tests share the event loop with what they test, and a machine with other tests.
    limits: { loopLagMaxMs: 60_000, ...options.limits },
  });
  const { port } = await service.listen();
  return {
    service,
    url: `http://127.0.0.1:${port}`,
    clock,
    unwrapper,
    client: ({ keyid, signer }) => new SignedClient(service, { keyid, signer }, { now: () => clock.now(), contract }),
  };
}

const folders = new WeakMap<object, Map<string, string>>();

/** The folder of marks of a responder: processes on one database share it. */
function marksOf(database: object, { urn, keyFile }: TestMember): string {
  const known = folders.get(database) ?? new Map<string, string>();
  folders.set(database, known);
  const folder = known.get(urn) ?? setUpMarkFolder(folderForTest('audit-marks'), keyFile);
  known.set(urn, folder);
  return folder;
}

function registryOf(model: Model = new EchoModel()): ModelRegistry {
  const entry = { targets: [{ model, upstream: model.name }] };
  const others = model instanceof EchoModel ? undefined : entry;
  return new ModelRegistry({ models: new Map([[model.name, entry]]), default: model.name, others });
}

/** Marks a new database as one that was there before whatever is asked. */
async function makeOld({ db }: Database<ResponderTables>, org: string): Promise<void> {
  const marks = await db.selectFrom('restore_mark').select('org').where('org', '=', org).execute();
  if (marks.length > 0) return;
  await new RestoreMarkRepository(db).renew(org);
  const longAgo = { not_before: new Date(0), written_by: sql`pg_current_xact_id()` as never };
  await db.updateTable('restore_mark').set(longAgo).where('org', '=', org).execute();
}

/** An organisation that the wall clock and a {@link TestClock} agree about. */
export function organisationForTest(options: OrganisationOptions = {}): Promise<TestOrganisation> {
  return makeOrganisation({ readyKeyPair: committedKeyPair, ...options });
}
