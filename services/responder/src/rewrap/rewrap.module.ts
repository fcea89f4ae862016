import { Clock, ServiceKeys } from '@bulla/service-kit';
import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { RunsInFlight } from '../invocations/runs-in-flight.js';
import { GrantMovesService } from './grant-moves.service.js';
import { VaultGrants } from './vault-grants.js';

export interface RewrapParts {
  /** Base URL. */
  readonly vaultUrl: string;
  /** What it gives way to. */
  readonly runs: RunsInFlight;
}

/** Moves grants of this responder to its newest key. */
@Module({})
export class RewrapModule {
  /** @param rooms the modules of this service that this room uses. */
  static use({ vaultUrl, runs }: RewrapParts, rooms: Required<DynamicModule>['imports']): DynamicModule {
    const vault = {
      provide: VaultGrants,
      inject: [ServiceKeys, Clock],
      useFactory: (keys: ServiceKeys, clock: Clock) => new VaultGrants(vaultUrl, keys, clock),
    };
    return {
      module: RewrapModule,
      imports: rooms,
      providers: [vault, { provide: RunsInFlight, useValue: runs }, GrantMovesService],
    };
  }
}
