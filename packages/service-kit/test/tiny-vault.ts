import type { RouteName } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { committedKeyPair, databaseForTest, folderForTest, pgliteForTest } from '@bulla/testkit';
import type { PGlite } from '@electric-sql/pglite';
import { Controller, Module } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Transaction } from 'kysely';
import type { Migration } from 'kysely/migration';
import type {
  Answer,
  BodyOf,
  Caller,
  Database,
  EdgeOptions,
  LedgerTables,
  ParamsOf,
  Probe,
  Rates,
  Service,
} from '../src/index.js';
import {
  ArrivedAt,
  BasedOn,
  brokenConstraint,
  connectDatabase,
  createService,
  CurrentCaller,
  EventLog,
  IsSecure,
  RATES,
  Answer as AnswerOf,
  Ledger,
  ledgerMigrations,
  openapiDocument,
  openPglite,
  RequestId,
  Route,
  RouteBody,
  RouteHeaders,
  RouteParams,
  RouteQuery,
  ServiceKeys,
  TrustSource,
} from '../src/index.js';
import { emptyController } from './empty-controller.js';
import { OpenapiContract, setUpMarkFolder, SignedClient, TestClock } from '../src/testing.js';
import type { Store } from './stores.js';
import { TinyTrust } from './tiny-trust.js';

// The smallest service that has every route of the vault: enough to see the kit from outside, on a real database.

export interface TinyTables extends LedgerTables {
  thing: { org: string; id: string; name: string };
}

const migrations: Record<string, Migration> = {
  ...ledgerMigrations,
  '0001-thing': {
    async up(db) {
      await db.schema
        .createTable('thing')
        .addColumn('org', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('name', 'text', (column) => column.notNull())
        .execute();
    },
  },
};

/** What the next requests meet: set by tests. */
export const faults: {
  beforeEffect?: () => Promise<void>;
  /** Within the transaction of the effect. */
  onEffect?: (trx: Transaction<TinyTables>) => Promise<void>;
  /** How long the answer is given again. */
  keepSeconds?: number;
  /** Told whether nobody on the way could read the request. */
  onGet?: (isSecure: boolean) => unknown;
  /** The payload of the directory, which anybody may ask for. */
  onDirectory?: () => Promise<string>;
} = {};

export { TinyTrust };

const MADE_AT = '2026-01-01T00:00:00.000Z';
const present = (id: string, name: string) =>
  ({
    id,
    name,
    type: 'text',
    latest_version: 0,
    labels: [],
    created_at: MADE_AT,
    updated_at: MADE_AT,
    deleted_at: null,
  }) as never;

@Controller()
class ThingsController {
  constructor(
    private readonly ledger: Ledger<TinyTables>,
    private readonly db: Kysely<TinyTables>,
  ) {}

  @Route('prompt.create')
  create(@CurrentCaller() caller: Caller, @RouteBody() { id, name }: BodyOf<'prompt.create'>): Promise<Answer<never>> {
    return this.ledger.run(caller, async (trx) => {
      try {
        await trx.insertInto('thing').values({ org: caller.org, id, name }).execute();
      } catch (error) {
        if (brokenConstraint(error) === 'thing_pkey') throw new Problem('name_taken');
        throw error;
      }
      await faults.beforeEffect?.();
      await faults.onEffect?.(trx);
      const { keepSeconds } = faults;
      const kept = keepSeconds === undefined ? {} : { keepSeconds };
      return { body: present(id, name), event: { act: 'prompt.create', obj: { prompt: id } }, ...kept };
    });
  }

  @Route('prompt.get')
  async get(
    @CurrentCaller() caller: Caller,
    @RouteParams() { id }: ParamsOf<'prompt.get'>,
    @IsSecure() isSecure: boolean,
  ): Promise<never> {
    if (faults.onGet !== undefined) return (await faults.onGet(isSecure)) as never;
    const row = await this.db
      .selectFrom('thing')
      .selectAll()
      .where('id', '=', id)
      .where('org', '=', caller.org)
      .executeTakeFirst();
    if (row === undefined) throw new Problem('not_found');
    await this.ledger.read(caller, { act: 'prompt.get', obj: { prompt: row.id } });
    return present(row.id, row.name);
  }

  @Route('prompt.delete')
  delete(@CurrentCaller() caller: Caller, @RouteParams() { id }: ParamsOf<'prompt.delete'>) {
    return this.ledger.run(caller, async (trx) => {
      await trx.deleteFrom('thing').where('id', '=', id).where('org', '=', caller.org).execute();
      return { body: undefined, event: { act: 'prompt.delete', obj: { prompt: id } } };
    });
  }

  @Route('prompt.list')
  list(@RouteQuery() query: unknown, @ArrivedAt() arrivedAt: number): never {
    return {
      data: [],
      next_cursor: `${arrivedAt}-${Buffer.from(JSON.stringify(query)).toString('base64url')}`,
    } as never;
  }

  @Route('directory.publish')
  publish(@CurrentCaller() caller: Caller, @BasedOn() basedOn: number) {
    return this.ledger.run(caller, async () => ({
      body: { version: basedOn + 1 },
      event: { act: 'directory.publish', obj: { version: basedOn + 1 } },
      status: 200,
      headers: { 'x-tiny': 'kept' },
      etag: `"${basedOn + 1}"`,
    }));
  }

  @Route('directory.get')
  async directory(@RequestId() requestId: string, @RouteHeaders() headers: unknown): Promise<Answer<never>> {
    const payload = await faults.onDirectory?.();
    const asked = Buffer.from(JSON.stringify({ requestId, headers })).toString('base64url');
    const body = { payload: payload ?? asked, signatures: [{ protected: 'eyJ9', signature: 'AAAA' }] };
    return new AnswerOf(body as never, { etag: '"7"', headers: { 'cache-control': 'public, max-age=5' } });
  }
}

const HANDLED: RouteName[] = [
  'prompt.create',
  'prompt.get',
  'prompt.delete',
  'prompt.list',
  'directory.publish',
  'directory.get',
];

@Module({
  controllers: [ThingsController, emptyController('vault', HANDLED)],
  providers: [{ provide: TrustSource, useClass: TinyTrust }],
})
class TinyModule {}
export { TinyModule };

export interface Tiny {
  readonly service: Service;
  readonly database: Database<TinyTables>;
  readonly clock: TestClock;
  readonly log: string[];
  readonly contract: OpenapiContract;
  readonly acme: TestOrganisation;
  readonly other: TestOrganisation;
  readonly owner: SignedClient;
  readonly auditor: SignedClient;
  clientOf(member: { keyid: string; signer: TestOrganisation['owner']['signer'] }): SignedClient;
  stop(): Promise<void>;
}

export interface TinyOptions extends EdgeOptions {
  readonly on?: Store | OpenStore;
  readonly probes?: Record<string, Probe>;
  readonly auditLagMaxSeconds?: number;
  readonly publicUrls?: readonly string[];
  /** Another replica: the organisations of the first, on a database of its own. */
  readonly like?: Tiny;
  /** Those of its key file unless given. */
  readonly keys?: ServiceKeys;
}

const contract = new OpenapiContract(openapiDocument('vault', '1.2.3'));

/** Enough for any test that does not give its own. */
const PLENTY: Rates = {
  keyPerSecond: 10_000,
  organisationPerSecond: 10_000,
  windowSeconds: RATES.windowSeconds,
  failuresPerSecond: 10_000,
};

export async function startTiny({
  on = 'PostgreSQL',
  like,
  rates,
  limits,
  ...options
}: TinyOptions = {}): Promise<Tiny> {
  const acme = like?.acme ?? (await makeOrganisation({ org: 'acme', renewers: 1, readyKeyPair: committedKeyPair }));
  const other = like?.other ?? (await makeOrganisation({ org: 'other', readyKeyPair: committedKeyPair }));
  // Both list the keys of the one vault.
  if (like === undefined)
    await other.publish((draft) => {
      const vault = draft.entities[other.vault.urn];
      const log = acme.vault.entity.keys.filter(({ pur }) => pur.includes('checkpoint'));
      if (vault !== undefined) vault.keys = [...vault.keys.filter(({ pur }) => !pur.includes('checkpoint')), ...log];
    });
  TinyTrust.organisations.set('acme', acme).set('other', other);
  const lines: string[] = [];
  const log = new EventLog({ service: 'tiny', level: 'debug', stream: { write: (line) => void lines.push(line) } });
  const { from, drop } = typeof on === 'string' ? await openStore(on) : { ...on, drop: async () => {} };
  const database = connectDatabase<TinyTables>({ from, schema: 'tiny', migrations, log });
  await database.migrate();
  const clock = new TestClock(acme.now * 1000);
  const service = await createService({
    service: 'vault',
    version: '1.2.3',
    module: TinyModule,
    database,
    keys: await ServiceKeys.load(acme.vault.keyFile),
    log,
    auditMarks: setUpMarkFolder(folderForTest('audit-marks'), acme.vault.keyFile),
    auditLagMaxSeconds: 60,
    listen: { host: '127.0.0.1', port: 0, metricsPort: 0 },
    clock,
    rates: { ...PLENTY, ...rates },
    // The tests share the event loop with what they test, and a machine with other tests.
    limits: { loopLagMaxMs: 60_000, ...limits },
    ...options,
  });
  const clientOf: Tiny['clientOf'] = (member) =>
    new SignedClient(service, member, { now: () => clock.now(), contract });
  return {
    service,
    database,
    clock,
    log: lines,
    contract,
    acme,
    other,
    owner: clientOf(acme.owner),
    auditor: clientOf(acme.auditor),
    clientOf,
    async stop() {
      await service.close();
      await database.close();
      await drop();
    },
  };
}

/** A database that one service after the other may use. */
export interface OpenStore {
  readonly from: { readonly url: string } | { readonly pglite: PGlite };
  readonly drop: () => Promise<void>;
}

export async function openStore(on: Store): Promise<OpenStore> {
  if (on === 'PostgreSQL') {
    const server = await databaseForTest();
    if (server.url !== undefined) return { from: { url: server.url }, drop: () => server.drop() };
  }
  const { dataDir, remove } = pgliteForTest();
  const pglite = await openPglite(dataDir);
  return { from: { pglite }, drop: () => pglite.close().then(remove) };
}
