import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { RunsInFlight } from '../invocations/runs-in-flight.js';
import { GrantMovesService } from './grant-moves.service.js';
import { VaultGrants } from './vault-grants.js';

/** Moves grants of this responder to its newest key. */
@Module({})
export class RewrapModule {
  /**
   * @param runs what it gives way to.
   * @param rooms the modules of this service that this room uses.
   */
  static use(runs: RunsInFlight, rooms: Required<DynamicModule>['imports']): DynamicModule {
    return {
      module: RewrapModule,
      imports: rooms,
      providers: [VaultGrants, { provide: RunsInFlight, useValue: runs }, GrantMovesService],
    };
  }
}
