import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { LogEvent } from './observe/event-log.js';
import { admit, InFlight } from './edge/admission.js';
import { BodyBudget } from './edge/body-budget.js';
import { ClockDrift } from './database/clock-drift.js';
import { Chores } from './process/chores.js';
import { Clock } from './process/clock.js';
import { databaseProbe } from './database/database-probe.js';
import type { Database } from './database/database.js';
import { FailingAddresses } from './limits/failing-addresses.js';
import { fastifyOptions, prepareFastify } from './edge/fastify-settings.js';
import { FrameworkLog } from './observe/framework-log.js';
import { Gate } from './edge/gate.js';
import { Readiness } from './observe/health.js';
import type { Probe } from './observe/health.js';
import { checkHandlers } from './route/handler-check.js';
import { InsuredCounts } from './limits/insured-counts.js';
import type { LedgerTables } from './audit/ledger-tables.js';
import { Ledger } from './audit/ledger.js';
import { LIMITS } from './limits/limits.js';
import { LoopLag } from './process/loop-lag.js';
import { MemoryStore } from './limits/memory-store.js';
import { Metrics, MetricsServer } from './observe/metrics.js';
import { evictionProbe } from './limits/open-store.js';
import { answerAboutItself } from './edge/own-routes.js';
import { kitModule } from './kit-module.js';
import { AuditLag } from './audit-log/audit-lag.js';
import { LeafWatch } from './audit-rows/leaf-watch.js';
import { LeavesRepository } from './audit-rows/leaves.repository.js';
import { RowAlarms } from './audit-rows/row-alarms.js';
import { AuditModule } from './audit-log/audit.module.js';
import { CheckpointSigner } from './audit-log/checkpoint-signer.js';
import { LogLost } from './audit-log/log-lost.js';
import { LogMetrics } from './audit-log/log-metrics.js';
import { FirstEntries } from './audit-log/begin/first-entry.js';
import { LogBegin } from './audit-log/begin/log-begin.js';
import { LogPens } from './audit-log/log-pens.js';
import { UnsignedRows } from './audit-log/unsigned-rows.js';
import { LogMarks } from './audit-log/marks.js';
import { LogRepository } from './audit-log/log.repository.js';
import { Retention } from './audit-log/retention/retention.js';
import type { NewestCheckpoint } from './audit-log/newest-checkpoint.js';
import { Sequencer } from './audit-log/sequencer.js';
import { Places, STANDINGS } from './edge/places.js';
import { ProblemFilter } from './edge/problem-filter.js';
import { RateLimits } from './limits/rate-limits.js';
import { RATES } from './limits/rates.js';
import { AcknowledgedLeaves } from './audit/acknowledged-leaves.js';
import { AuditOutbox } from './audit/outbox.js';
import { purgeExpired } from './audit/purge.js';
import { RefusalCounter } from './audit/refusal-counter.js';
import { Authorities } from './edge/request-parts.js';
import { RouteAdapter } from './route/route-adapter.js';
import { InputGuard } from './route/route-input.js';
import type { ServiceName } from './route/route-table.js';
import type { ServiceParts } from './run-service.js';
import { RunningService } from './running-service.js';
import type { Service } from './service.js';
import { authoritiesOf } from './process/setting-values.js';
import { BootstrapSecrets } from './authentication/bootstrap-secrets.js';
import { CredentialGuard } from './authentication/credential-guard.js';
import type { Credentials } from './authentication/credential.js';
import { EnrolmentProof } from './authentication/enrolment-proof.js';
import { HeldKeysModule } from './authentication/held-keys.module.js';
import { HttpSignature } from './authentication/http-signature.js';
import { KeyFileWatch } from './authentication/key-file-watch.js';
import { SecureConnections } from './edge/secure-connections.js';
import { SlowReaders } from './edge/slow-readers.js';
import { TrustEnds } from './observe/trust-ends.js';
import { TrustSource } from './authentication/trust-source.js';

/** How long new keys lie in the file of a service before it has them. */
const KEYS_LOOK_MS = 2_000;
/** For so long at most a process whose clock went wrong writes rows. */
const CLOCK_LOOK_MS = 5_000;
/** How often a process looks whether what it told callers is in the log. */
const LEAVES_LOOK_MS = 2_000;
/** Another process of the service signs, or nobody does: then a person sets the folder up. */
const MARKS_NOT_SET_UP = new LogEvent<{ folder: string }>('audit-marks-not-set-up', 'warn');
const EXPIRED_ROWS_PURGED = new LogEvent<{ nonces: number; answers: number }>('expired-rows-purged', 'debug');

export interface ServiceOptions<Tables extends LedgerTables> extends ServiceParts<Tables> {
  readonly service: ServiceName;
  /** The rooms of the service; one of them provides {@link TrustSource}. Controllers bind their handlers with `@Route`. */
  readonly module: Type | DynamicModule;
  /** How long a decision may wait to come into the audit log before nothing new is decided. */
  readonly auditLagMaxSeconds: number;
  /** Kept up to date, where a service hands its newest checkpoint on. */
  readonly newestCheckpoint?: NewestCheckpoint | undefined;
  /** Each lets one organisation in. */
  readonly bootstrapSecrets?: readonly string[] | undefined;
  /** What the service needs beside its database to be ready, by name. */
  readonly probes?: Readonly<Record<string, Probe>>;
}

/**
 * Puts a service together: everything between the socket and a handler that is a signature with one line.
 * @throws {Error} when a handler has no `@Route`, a route no handler, or a key is missing: nothing has been opened then
 */
export async function createService<Tables extends LedgerTables>(options: ServiceOptions<Tables>): Promise<Service> {
  const { service, database, keys, log, clock = new Clock(), tls } = options;
  const ledgerDb = database as unknown as Database<LedgerTables>;
  const metrics = new Metrics({ service, version: options.version, poolState: () => database.poolState() });
  const store = options.store ?? new MemoryStore(clock);
  const probeOfDatabase = databaseProbe(database, clock, log);
  const redisProbe = options.production === true ? evictionProbe(store) : undefined;
  // Keys come and go while the service runs.
  const probes = () => ({
    database: probeOfDatabase,
    ...(keys.inTokens.length === 0 ? {} : { 'signing-keys': () => keys.look() }),
    ...(redisProbe === undefined ? {} : { redis: redisProbe }),
    ...(tls === undefined ? {} : { certificate: tls.probe }),
    ...options.probes,
  });
  const readiness = new Readiness(probes, log);
  const drift = new ClockDrift({ database, clock, log, metrics });
  const chores = new Chores({ database, log, metrics });
  const acknowledged = new AcknowledgedLeaves({ secondsMax: options.auditLagMaxSeconds });
  const lag = new AuditLag({ secondsMax: options.auditLagMaxSeconds, clock, metrics, leaves: acknowledged });
  const outbox = new AuditOutbox({ keys, drift, lag });
  const ledger = new Ledger(database.db, { clock, drift, lag, outbox, acknowledged }, (result) =>
    metrics.auditEvents.inc({ result }),
  );
  const refusals = new RefusalCounter({ db: ledgerDb.db, org: keys.org, clock, log, outbox });
  const authorities = new Authorities(authoritiesOf(options.publicUrls, options.listen.port));
  keys.newest('http');
  // guard: start-without-rows
  keys.requireRows();
  // guard: start-without-log-key
  keys.requireLogKey();
  const logs = new LogRepository(ledgerDb.db);
  const marks = new LogMarks(options.auditMarks);
  const logMetrics = new LogMetrics(metrics);
  const signs = await marks.prepare(keys.urn);
  logMetrics.signs(signs);
  if (!signs) log.write(MARKS_NOT_SET_UP, { folder: options.auditMarks });
  const trustOf = (org: string) => app.get(TrustSource, { strict: false }).trustOf(org);
  const pens = new LogPens({ marks, keys, trustOf });
  const unsigned = new UnsignedRows(ledgerDb.db);
  const signer = new CheckpointSigner({ logs, unsigned, marks, pens, keys });
  const alarms = new RowAlarms({ metrics: logMetrics, clock, log });
  const sequencer = new Sequencer({
    database: ledgerDb,
    logs,
    lag,
    pens,
    signer,
    begin: new LogBegin({ logs, unsigned, marks, pens, signer, schema: database.schema, clock }),
    organisations: () => source.held().map(({ org }) => org),
    metrics: logMetrics,
    alarms,
    keys,
    told: acknowledged,
    clock,
    log,
  });
  const leafWatch = new LeafWatch({
    leaves: acknowledged,
    logs,
    rows: new LeavesRepository(ledgerDb.db),
    trustOf: (org, number) => pens.trustOfNumber(org, number),
    alarms,
  });

  const limits = { ...LIMITS, ...options.limits };
  const places = new Places({ max: limits.requestsMax, ...limits });
  const loopLag = new LoopLag(limits.loopLagMaxMs);
  const slowReaders = new SlowReaders({
    timeoutMs: limits.writeTimeoutMs,
    unsentBytesMax: limits.unsentBytesMax,
    onCut: (why) => metrics.overloads.inc({ why }),
  });
  const gate = new Gate({ service, log, metrics, readiness, places, lag: loopLag, slowReaders, tls });
  const inFlight = new InFlight();
  const rates = { ...RATES, ...options.rates };
  const counts = new InsuredCounts(store, clock);
  const rateLimits = new RateLimits(counts, rates, metrics);
  const app = await NestFactory.create<NestFastifyApplication>(
    kitModule({
      modules: [AuditModule.use(logs), HeldKeysModule, options.module],
      clock,
      drift,
      chores,
      log,
      keys,
      inFlight,
      metrics,
      rateLimits,
      outbox,
      ledger,
      db: database.db,
    }),
    new RouteAdapter(fastifyOptions(service, limits, gate, options)),
    { abortOnError: false, bodyParser: false, logger: new FrameworkLog(log) },
  );
  checkHandlers(app, service);
  const source = app.get(TrustSource, { strict: false });
  const failing = new FailingAddresses(counts, rates, clock, metrics);
  const judging = { source, authorities, clock, failing, limits: rateLimits };
  const credentials: Credentials = {
    signature: new HttpSignature(judging),
    enrolment: new EnrolmentProof(judging),
    bootstrap: new BootstrapSecrets(options.bootstrapSecrets ?? []),
  };
  // In this order: nothing is made of what strangers send.
  app.useGlobalGuards(new CredentialGuard(credentials), new InputGuard());
  app.useGlobalFilters(
    new ProblemFilter({ service, ledger: ledger as unknown as Ledger, refusals, metrics, failing, log, clock }),
  );

  const fastify = app.getHttpAdapter().getInstance();
  const bodies = new BodyBudget(limits.bodyBytesInFlightMax);
  const { connectionsMax } = limits;
  await prepareFastify(fastify, { service, keys, clock, log, metrics, bodies, source, connectionsMax });
  const held = metrics.gauge('bulla_body_bytes', 'Bytes of request bodies that are here', [], () => {
    held.set(bodies.taken);
  });
  const unsent = metrics.gauge('bulla_unsent_bytes', 'Bytes of answers that wait for their readers', [], () => {
    unsent.set(slowReaders.unsentBytes);
  });
  const atWork = metrics.gauge('bulla_places_taken', 'Requests at work, by who they are of', ['by'], () => {
    for (const by of STANDINGS) atWork.set({ by }, places.taken(by));
  });
  const waiting = metrics.gauge('bulla_queue_depth', 'Requests that wait for a place', ['queue'], () => {
    waiting.set({ queue: 'admission' }, places.waiting);
  });
  const secureConnections = new SecureConnections(options.trustedProxies);
  admit(fastify, inFlight, { clock, log, metrics, readiness, places, slowReaders, bodies, secureConnections });
  answerAboutItself(app, { service, version: options.version, readiness });
  const trustEnds = new TrustEnds(source, { clock, log, metrics });
  const own = { everyMs: limits.choresIntervalMs, inEachProcess: true };
  chores.add({ ...own, name: 'look-at-trust', run: async () => trustEnds.look() });
  const clockLookMs = Math.min(CLOCK_LOOK_MS, limits.choresIntervalMs);
  chores.add({ ...own, name: 'look-at-clock', everyMs: clockLookMs, run: () => drift.look() });
  chores.add({ ...own, name: 'write-refusals', run: () => refusals.flushEnded() });
  if (options.keysFile !== undefined) {
    const watch = new KeyFileWatch({ path: options.keysFile, keys, source, clock, log });
    chores.add({ ...own, name: 'look-at-keys', everyMs: KEYS_LOOK_MS, run: () => watch.look() });
  }
  if (tls !== undefined)
    chores.add({
      ...own,
      name: 'look-at-certificate',
      everyMs: limits.certificateIntervalMs,
      run: async () => tls.look(),
    });
  // It takes the lock itself, and only where something waits.
  chores.add({
    name: 'write-audit-log',
    everyMs: limits.auditIntervalMs,
    inEachProcess: true,
    async run() {
      try {
        await sequencer.run();
      } catch (error) {
        if (!(error instanceof LogLost)) throw error;
      } finally {
        // Whoever signed it, and also where this process cannot write.
        await options.newestCheckpoint?.look({ logs, pens }, keys.org);
      }
    },
  });
  chores.add({ ...own, name: 'look-at-told', everyMs: LEAVES_LOOK_MS, run: () => leafWatch.look() });
  const retention = new Retention({
    database: ledgerDb,
    days: options.auditRetention ?? 'forever',
    clock,
    log,
    outbox,
    logs,
    firsts: new FirstEntries({ logs, marks, pens }),
  });
  chores.add({ name: 'prune-audit-log', everyMs: limits.choresIntervalMs, run: () => retention.run() });
  chores.add({
    name: 'purge-ledger',
    everyMs: limits.choresIntervalMs,
    run: async () => log.write(EXPIRED_ROWS_PURGED, { ...(await purgeExpired(ledgerDb.db, clock)) }),
  });
  await app.init();
  await fastify.ready();
  return new RunningService({
    app,
    log,
    clock,
    readiness,
    inFlight,
    refusals,
    authorities,
    chores,
    metricsServer: new MetricsServer(metrics),
    listen: options.listen,
    publicUrls: options.publicUrls,
    limits,
    tls,
    watches: [loopLag, slowReaders, gate],
  });
}
