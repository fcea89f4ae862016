import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Kysely } from 'kysely';
import type { AddressInfo } from 'node:net';
import type { InFlight } from './edge/admission.js';
import type { ClockDrift } from './database/clock-drift.js';
import type { Clock } from './process/clock.js';
import { databaseFault } from './database/database-fault.js';
import type { EventLog } from './observe/event-log.js';
import type { Limits } from './limits/limits.js';
import type { Readiness } from './observe/health.js';
import type { LedgerTables } from './audit/ledger-tables.js';
import type { MetricsServer } from './observe/metrics.js';
import { purgeExpired } from './audit/purge.js';
import type { RefusalCounter } from './audit/refusal-counter.js';
import type { Authorities } from './edge/request-parts.js';
import type { ListenOptions, Service } from './service.js';
import { authoritiesOf } from './process/setting-values.js';
import type { TrustEnds } from './observe/trust-ends.js';

export interface RunningServiceParts {
  readonly app: NestFastifyApplication;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly readiness: Readiness;
  readonly inFlight: InFlight;
  readonly refusals: RefusalCounter;
  readonly authorities: Authorities;
  readonly trustEnds: TrustEnds;
  readonly db: Kysely<LedgerTables>;
  readonly drift: ClockDrift;
  readonly metricsServer: MetricsServer;
  readonly listen: ListenOptions;
  readonly publicUrls: readonly string[] | undefined;
  /** What looks at the process now and then. */
  readonly watches: readonly { stop(): void }[];
  readonly limits: Pick<Limits, 'graceMs' | 'choresIntervalMs'>;
}

/** The life of a service from listening to its drained end. */
export class RunningService implements Service {
  readonly app: NestFastifyApplication;
  readonly #parts: RunningServiceParts;
  #chores: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #metricsListening = false;

  constructor(parts: RunningServiceParts) {
    this.app = parts.app;
    this.#parts = parts;
  }

  get authorities(): readonly string[] {
    return this.#parts.authorities.all;
  }

  async listen(): Promise<{ port: number; metricsPort: number }> {
    const { app, authorities, limits, listen, log, metricsServer, publicUrls } = this.#parts;
    const metricsPort = await metricsServer.listen(listen.metricsPort, listen.host);
    this.#metricsListening = true;
    try {
      await app.listen({ port: listen.port, host: listen.host, backlog: 4_096 });
    } catch (error) {
      await metricsServer.close();
      this.#metricsListening = false;
      throw error;
    }
    const { port } = app.getHttpServer().address() as AddressInfo;
    authorities.replace(authoritiesOf(publicUrls, port));
    this.#chores = setInterval(() => void this.#doChores(), limits.choresIntervalMs).unref();
    log.write({ event: 'service-ready', port, metricsPort });
    return { port, metricsPort };
  }

  close(): Promise<void> {
    this.#closing ??= this.#drainAndClose();
    return this.#closing;
  }

  async #drainAndClose(): Promise<void> {
    const { app, clock, inFlight, limits, log, metricsServer, readiness, refusals } = this.#parts;
    const startedMs = clock.monotonicMs();
    log.write({ event: 'service-stopping' });
    readiness.drain();
    clearInterval(this.#chores);
    const server = app.getHttpServer();
    // Stops accepting and closes what is idle; requests at work go on until the grace is over.
    server.close(() => {});
    server.closeIdleConnections();
    await inFlight.whenIdle(limits.graceMs);
    server.closeAllConnections();
    await app.close();
    for (const watch of this.#parts.watches) watch.stop();
    await refusals.flush();
    if (this.#metricsListening) await metricsServer.close();
    log.write({ event: 'service-stopped', durationMs: Math.round(clock.monotonicMs() - startedMs) });
  }

  /** Never rejects: it is a timer's. */
  async #doChores(): Promise<void> {
    const { clock, db, drift, log, refusals, trustEnds } = this.#parts;
    trustEnds.look();
    await refusals.flushEnded();
    try {
      await drift.look();
      log.write({ event: 'expired-rows-purged', ...(await purgeExpired(db, clock)) });
    } catch (error) {
      log.write({ event: 'purge-failed', errorCode: databaseFault(error)?.code ?? 'unknown' });
    }
  }
}
