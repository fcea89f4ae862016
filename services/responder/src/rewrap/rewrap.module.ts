import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { RunsInFlight } from '../invocations/runs-in-flight.js';
import { GrantMovesService } from './grant-moves.service.js';
import { GrantTrialsService } from './grant-trials.service.js';
import { OwnGrants } from './own-grants.js';
import { TriedGrantsController } from './tried-grants.controller.js';
import { TriedGrantsRepository } from './tried-grants.repository.js';
import { VaultGrants } from './vault-grants.js';

/** Tries the grants of this responder, and moves them to its newest key. */
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
      controllers: [TriedGrantsController],
      providers: [
        VaultGrants,
        { provide: RunsInFlight, useValue: runs },
        OwnGrants,
        TriedGrantsRepository,
        GrantTrialsService,
        GrantMovesService,
      ],
    };
  }
}
