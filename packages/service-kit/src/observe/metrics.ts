import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { PoolState } from '../database/database.js';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10, 30];

export interface MetricsOptions {
  readonly service: string;
  readonly version: string;
  readonly poolState: () => PoolState;
}

/**
 * The numbers of one application (docs/guide/deploy.md#health-and-metrics), on a registry of its own, since several may
 * share a process. Labels are closed sets: routes of the contract, methods, statuses, codes; never names or ids.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly requests: Counter<'route' | 'method' | 'code'>;
  readonly requestSeconds: Histogram<'route' | 'method'>;
  readonly requestsActive: Gauge;
  readonly verifyFailures: Counter<'reason'>;
  readonly auditEvents: Counter<'result'>;
  readonly rateLimitRejections: Counter<'kind'>;
  readonly overloads: Counter<'why'>;
  readonly bodiesCut: Counter<never>;
  readonly choreFailures: Counter<'chore'>;

  constructor({ service, version, poolState }: MetricsOptions) {
    this.registry.setDefaultLabels({ service });
    collectDefaultMetrics({ register: this.registry });
    this.requests = this.counter('bulla_http_requests_total', 'Requests answered', ['route', 'method', 'code']);
    this.requestSeconds = this.histogram('bulla_http_request_duration_seconds', 'From header to last byte', [
      'route',
      'method',
    ]);
    this.requestsActive = this.gauge('bulla_http_requests_active', 'Requests being answered', []);
    this.verifyFailures = this.counter('bulla_verify_failures_total', 'Requests whose caller was not established', [
      'reason',
    ]);
    this.auditEvents = this.counter('bulla_audit_events_total', 'Decisions written to the audit log', ['result']);
    this.rateLimitRejections = this.counter('bulla_ratelimit_rejections_total', 'Requests told to wait', ['kind']);
    this.overloads = this.counter('bulla_overload_total', 'Requests refused or cut to protect the others', ['why']);
    this.bodiesCut = this.counter('bulla_http_bodies_cut_total', 'Bodies whose sender broke off', []);
    this.choreFailures = this.counter('bulla_chore_failures_total', 'Chores that failed', ['chore']);
    this.gauge('bulla_build_info', 'Always 1; the label is the version', ['version']).set({ version }, 1);
    const connections = this.gauge('bulla_db_pool_connections', 'Connections to the database', ['state'], () => {
      const { total, idle, waiting } = poolState();
      connections.set({ state: 'used' }, total - idle);
      connections.set({ state: 'idle' }, idle);
      connections.set({ state: 'waiting' }, waiting);
    });
  }

  counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  /** Durations in seconds. @param buckets bounds; those of requests unless given. */
  histogram<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    buckets: readonly number[] = SECONDS,
  ): Histogram<Label> {
    return new Histogram({ name, help, labelNames, buckets: [...buckets], registers: [this.registry] });
  }

  /** @param collect sets the value when somebody reads it. */
  gauge<Label extends string>(name: string, help: string, labelNames: Label[], collect?: () => void): Gauge<Label> {
    return new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      ...(collect === undefined ? {} : { collect }),
    });
  }
}

/** `GET /metrics` on a port of its own, which nobody outside needs to reach. */
export class MetricsServer {
  readonly #server: Server;

  constructor({ registry }: Metrics) {
    this.#server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
      if (request.method !== 'GET' || request.url !== '/metrics') {
        response.writeHead(404).end();
        return;
      }
      registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      );
    });
  }

  /** Listens; port 0 takes a free one. @returns the port. */
  async listen(port: number, host: string): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject).listen(port, host, resolve);
    await promise;
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }
}
