import type { NestFastifyApplication } from '@nestjs/platform-fastify';

/** Where a service listens. */
export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Where `/metrics` is; 0 takes a free port. */
  readonly metricsPort: number;
}

/** A service that has been put together; nobody but its starter handles signals. */
export interface Service {
  readonly app: NestFastifyApplication;
  /** What signed requests may name as `@authority`; with port 0 it is known once the service listens. */
  readonly authorities: readonly string[];
  /** @returns the ports, which are of interest where 0 was asked for. */
  listen(): Promise<{ port: number; metricsPort: number }>;
  /**
   * Drains and ends: not ready from now on, no new connections, requests at work get the grace to finish, then
   * connections are cut. Leaves the database open: the code that opened it closes it. A second call does no harm.
   */
  close(): Promise<void>;
}
