import type { OrganisationOptions, TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import type { Database, Service } from '@bulla/service-kit';
import { connectDatabase, EventLog, openapiDocument, openPglite, ServiceKeys } from '@bulla/service-kit';
import type { TestResponse } from '@bulla/service-kit/testing';
import { OpenapiContract, setUpMarkFolder, SignedClient, TestClock } from '@bulla/service-kit/testing';
import { committedKeyPair, databaseForTest, folderForTest, pgliteForTest } from '@bulla/testkit';
import { sql } from 'kysely';
import request from 'supertest';
import type { VaultConfig, VaultTables } from '../src/index.js';
import { createVault, DepositKeys, vaultMigrations } from '../src/index.js';
import { RootKeys } from '../src/managed/root-key/root-keys.js';
import type { RootKeyFiles } from './root-key-files.js';
import { rootKeyFiles } from './root-key-files.js';

// A whole vault on a database of its own, with two organisations that it serves under one set of keys.

export type Store = 'PostgreSQL' | 'PGlite';
export type TestMember = TestOrganisation['owner'];

const VERSION = '0.1.0';
export const contract = new OpenapiContract(openapiDocument('vault', VERSION), {
  noteTo: process.env['BULLA_TEST_PROBLEMS'],
});
/** Each lets one organisation in; the third is for tests to spend. */
export const SECRETS = [
  'first-secret-of-the-tests',
  'second-secret-of-the-tests',
  'third-secret-of-the-tests',
] as const;

export interface TestVault {
  readonly service: Service;
  readonly database: Database<VaultTables>;
  readonly clock: TestClock;
  readonly log: readonly string[];
  readonly acme: TestOrganisation;
  readonly other: TestOrganisation;
  clientOf(member: Pick<TestMember, 'keyid' | 'signer'>): SignedClient;
  /** A public request. */
  get(path: string, headers?: Record<string, string>): Promise<TestResponse | request.Response>;
  /** `PUT` of an organisation's documents with a bootstrap secret. */
  bring(org: string, documents: unknown, secret: string | undefined): Promise<request.Response>;
  /** Rows of every table that holds effects; nonces and audit rows are not among them. */
  countEffects(): Promise<Record<string, number>>;
  /** A second vault on the same database: another replica. */
  startReplica(changes?: ReplicaChanges): Promise<Service>;
  /** The folder that its replicas have their marks in. */
  readonly auditMarks: string;
  /** The files that its root keys are in; the second is not there. */
  readonly rootKeyFiles: RootKeyFiles;
  stop(): Promise<void>;
}

type ReplicaChanges = Partial<Pick<VaultConfig, 'production' | 'rates' | 'limits' | 'rootKeys' | 'database' | 'keys'>>;

const EFFECTS = [
  'organisation',
  'org_document',
  'prompt',
  'prompt_version',
  'content_grant',
  'unfit_grant',
  'deleted_grant',
  'kek_wrap',
  'prompt_label',
  'prompt_label_tag',
  'directory_freshness',
  'label_freshness',
  'label_approval',
  'label_approval_tag',
  'invitation',
  'enrolment',
  'envelope',
  'held_chat_envelopes',
  'idempotency',
  'audit_cosignature',
  'kek_wrap',
  'job',
  'usage_report',
  'usage_hour',
] as const;

/** Both organisations list the same vault key; each has members of its own. */
export async function makeTwo(
  suite: OrganisationOptions['suite'] = 'p256',
): Promise<{ acme: TestOrganisation; other: TestOrganisation }> {
  const twoOfRelease = { groups: ['grp:release'], threshold: 2 };
  const labels = { production: { groups: ['grp:release'] }, reviewed: twoOfRelease, audited: twoOfRelease };
  const keys = { suite, readyKeyPair: committedKeyPair };
  const custody = { '*': 'sealed', 'open/': 'managed', 'open/secret/': 'sealed' } as const;
  const policy = { labels, custody, chat: ['grp:support'] };
  const acme = await makeOrganisation({ org: 'acme', ...keys, manages: true, recovery: true, renewers: 2, policy });
  const other = await makeOrganisation({ org: 'other', ...keys, renewers: 1, policy: { custody } });
  await other.publish((draft) => {
    const vault = draft.entities[other.vault.urn];
    if (vault !== undefined) vault.keys = acme.vault.entity.keys;
  });
  return { acme, other };
}

/**
 * @param suite of the keys of all members; `p256` unless given: many tests let in one new device after the other.
 * @param through where the database is reached instead of where it is
 */
export async function startVault(
  store: Store = 'PostgreSQL',
  suite?: OrganisationOptions['suite'],
  through?: (url: string) => Promise<string>,
): Promise<TestVault> {
  const { acme, other } = await makeTwo(suite);
  const lines: string[] = [];
  const log = new EventLog({ service: 'vault', level: 'debug', stream: { write: (line) => void lines.push(line) } });
  const opened = await openStore(store);
  const database = connectDatabase<VaultTables>({
    from: 'url' in opened.from && through !== undefined ? { url: await through(opened.from.url) } : opened.from,
    schema: 'vault',
    migrations: vaultMigrations,
    log,
  });
  await database.migrate();
  const clock = new TestClock(acme.now * 1000);
  const keys = await ServiceKeys.load(acme.vault.keyFile);
  const deposits = await DepositKeys.load(acme.vault.keyFile);
  const auditMarks = setUpMarkFolder(folderForTest('audit-marks'), acme.vault.keyFile);
  const files = rootKeyFiles();
  const heldKeys: RootKeys[] = [];
  const rootKeysOf = async () => {
    const rootKeys = new RootKeys({ settings: files.settings, place: { production: false, dataFolders: [] }, log });
    await rootKeys.look(database.db);
    heldKeys.push(rootKeys);
    return rootKeys;
  };
  const start = async (changes: ReplicaChanges = {}) =>
    createVault({
      version: VERSION,
      database,
      keys,
      deposits,
      bootstrapSecrets: SECRETS,
      rootKeys: changes.rootKeys ?? (await rootKeysOf()),
      backupDays: 7,
      usageDays: 400,
      clock,
      log,
      auditMarks,
      listen: { host: '127.0.0.1', port: 0, metricsPort: 0 },
      // Tests ask more in a second than people do.
      rates: {
        keyPerSecond: 10_000,
        organisationPerSecond: 10_000,
        failuresPerSecond: 10_000,
      },
      // The tests share the event loop with what they test, and a machine with other tests.
      limits: { loopLagMaxMs: 60_000 },
      ...changes,
    });
  const service = await start();
  const counts = EFFECTS.map(
    (table) => sql`(select count(*)::int from ${sql.table(`vault.${table}`)}) as ${sql.ref(table)}`,
  );
  // With a value in it, so that the server plans it once: to plan it takes longer than to count.
  const counting = sql<Record<string, number>>`select ${sql.join(counts)} where ${true}`.compile(database.db);
  const replicas: Service[] = [];

  const vault: TestVault = {
    service,
    database,
    clock,
    log: lines,
    acme,
    other,
    auditMarks,
    rootKeyFiles: files,
    clientOf: (member) => new SignedClient(service, member, { now: () => clock.now(), contract }),
    async get(path, headers = {}) {
      const response = await request(service.app.getHttpServer()).get(path).set(headers).buffer(true).parse(readText);
      const text = response.body as string;
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      contract.check('GET', path, { status: response.status, headers: response.headers, body });
      return Object.assign(response, { text, body });
    },
    async bring(org, documents, secret) {
      const sending = request(service.app.getHttpServer()).put(`/api/v1/organisations/${org}`);
      if (secret !== undefined) sending.set('authorization', `Bootstrap ${secret}`);
      const response = await sending.send(documents as object);
      contract.check('PUT', `/api/v1/organisations/${org}`, response);
      return response;
    },
    async countEffects() {
      const { rows } = await database.db.executeQuery(counting);
      return rows[0] ?? {};
    },
    async startReplica(changes) {
      const replica = await start(changes);
      replicas.push(replica);
      return replica;
    },
    async stop() {
      for (const replica of replicas) await replica.close();
      await service.close();
      for (const held of heldKeys) await held.close();
      await database.close();
      files.remove();
      await opened.drop();
    },
  };
  for (const [index, organisation] of [acme, other].entries()) {
    const { status, body } = await vault.bring(organisation.org, firstDocuments(organisation), SECRETS[index]);
    if (status !== 201) throw new Error(`the organisation was not let in: ${JSON.stringify(body)}`);
  }
  return vault;
}

export function firstDocuments({ documents, trust }: TestOrganisation) {
  const { hashes = [] } = trust.memory;
  const { roots, policy, directory } = documents;
  return { root: roots[0], policy, directory, ...(hashes.length > 0 && { hashes }) };
}

/** @param empty without the tables of the vault. */
export async function openStore(store: Store, { empty = false } = {}) {
  if (store === 'PostgreSQL') {
    const server = await databaseForTest({ empty });
    const { url } = server;
    if (url !== undefined) return { from: { url }, drop: () => server.drop() };
  }
  const { dataDir, remove } = pgliteForTest({ empty });
  const pglite = await openPglite(dataDir);
  return { from: { pglite }, drop: () => pglite.close().then(remove) };
}

function readText(response: request.Response, done: (error: Error | null, text: string) => void): void {
  let text = '';
  const stream = response as unknown as NodeJS.ReadableStream;
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    text += chunk;
  });
  stream.on('end', () => done(null, text));
}
