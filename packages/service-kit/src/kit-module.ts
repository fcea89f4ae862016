import { Module } from '@nestjs/common';
import type { DynamicModule, Type } from '@nestjs/common';
import { Kysely } from 'kysely';
import { ClockDrift } from './database/clock-drift.js';
import { Chores } from './process/chores.js';
import { AuditOutbox } from './audit/outbox.js';
import { Clock } from './process/clock.js';
import { InFlight } from './edge/admission.js';
import { EventLog } from './observe/event-log.js';
import { Ledger } from './audit/ledger.js';
import { Metrics } from './observe/metrics.js';
import { RateLimits } from './limits/rate-limits.js';
import { ServiceKeys } from './authentication/service-keys.js';

export interface KitProviders {
  readonly modules: readonly (Type | DynamicModule)[];
  readonly clock: Clock;
  readonly drift: ClockDrift;
  readonly chores: Chores;
  readonly log: EventLog;
  readonly keys: ServiceKeys;
  readonly inFlight: InFlight;
  readonly metrics: Metrics;
  readonly rateLimits: RateLimits;
  readonly outbox: AuditOutbox;
  readonly ledger: object;
  readonly db: object;
}

@Module({})
class KitModule {}

@Module({})
class RootModule {}

/**
 * The modules of the service, with what every class of it may inject by its class: Clock, ClockDrift, Chores, EventLog, ServiceKeys,
 * InFlight, Metrics, RateLimits, AuditOutbox, Ledger and Kysely (the database, bound to the schema).
 */
export function kitModule({
  modules,
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
  db,
}: KitProviders): DynamicModule {
  const providers = [
    { provide: Clock, useValue: clock },
    { provide: ClockDrift, useValue: drift },
    { provide: Chores, useValue: chores },
    { provide: EventLog, useValue: log },
    { provide: ServiceKeys, useValue: keys },
    { provide: InFlight, useValue: inFlight },
    { provide: Metrics, useValue: metrics },
    { provide: RateLimits, useValue: rateLimits },
    { provide: AuditOutbox, useValue: outbox },
    { provide: Ledger, useValue: ledger },
    { provide: Kysely, useValue: db },
  ];
  const exported = providers.map(({ provide }) => provide);
  return {
    module: RootModule,
    imports: [{ module: KitModule, global: true, providers, exports: exported }, ...modules],
  };
}
