import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { AddressInfo } from 'node:net';
import type { InFlight } from './edge/admission.js';
import type { Chores } from './process/chores.js';
import type { Clock } from './process/clock.js';
import type { EventLog } from './observe/event-log.js';
import { LogEvent } from './observe/event-log.js';
import type { Limits } from './limits/limits.js';
import type { Readiness } from './observe/health.js';
import type { MetricsServer } from './observe/metrics.js';
import type { RefusalCounter } from './audit/refusal-counter.js';
import type { Authorities } from './edge/request-parts.js';
import type { ListenOptions, Service } from './service.js';
import { authoritiesOf } from './process/setting-values.js';
import type { ServerTls } from './tls/server-tls.js';

const SERVICE_READY = new LogEvent<{ port: number; metricsPort: number }>('service-ready', 'info');
const SERVICE_STOPPING = new LogEvent('service-stopping', 'info');
const SERVICE_STOPPED = new LogEvent<{ durationMs: number }>('service-stopped', 'info');

export interface RunningServiceParts {
  readonly app: NestFastifyApplication;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly readiness: Readiness;
  readonly inFlight: InFlight;
  readonly refusals: RefusalCounter;
  readonly authorities: Authorities;
  readonly chores: Chores;
  readonly metricsServer: MetricsServer;
  readonly listen: ListenOptions;
  readonly publicUrls: readonly string[] | undefined;
  /** What looks at the process now and then. */
  readonly watches: readonly { stop(): void }[];
  readonly limits: Pick<Limits, 'graceMs'>;
  readonly tls: Pick<ServerTls, 'endHandshakes'> | undefined;
}

/** The life of a service from listening to its drained end. */
export class RunningService implements Service {
  readonly app: NestFastifyApplication;
  readonly #parts: RunningServiceParts;
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
    const { app, authorities, chores, listen, log, metricsServer, publicUrls } = this.#parts;
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
    chores.start();
    log.write(SERVICE_READY, { port, metricsPort });
    return { port, metricsPort };
  }

  close(): Promise<void> {
    this.#closing ??= this.#drainAndClose();
    return this.#closing;
  }

  async #drainAndClose(): Promise<void> {
    const { app, chores, clock, inFlight, limits, log, metricsServer, readiness, refusals, tls } = this.#parts;
    const startedMs = clock.monotonicMs();
    log.write(SERVICE_STOPPING);
    readiness.drain();
    const server = app.getHttpServer();
    // Stops accepting and closes what is idle; requests at work go on until the grace is over.
    server.close(() => {});
    server.closeIdleConnections();
    tls?.endHandshakes();
    await Promise.all([inFlight.whenIdle(limits.graceMs), chores.stop()]);
    server.closeAllConnections();
    await app.close();
    for (const watch of this.#parts.watches) watch.stop();
    await refusals.flush();
    if (this.#metricsListening) await metricsServer.close();
    log.write(SERVICE_STOPPED, { durationMs: Math.round(clock.monotonicMs() - startedMs) });
  }
}
