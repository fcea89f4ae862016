import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { AnswersService } from './answers.service.js';
import { InvocationsController } from './invocations.controller.js';
import { InvocationsService } from './invocations.service.js';
import { Pipeline } from './pipeline.js';
import { RunsInFlight } from './runs-in-flight.js';

@Module({})
export class InvocationsModule {
  /**
   * @param runs whoever closes the service stops them first.
   * @param rooms the modules of this service that this room uses.
   */
  static use(runs: RunsInFlight, rooms: Required<DynamicModule>['imports']): DynamicModule {
    return {
      module: InvocationsModule,
      imports: rooms,
      controllers: [InvocationsController],
      providers: [{ provide: RunsInFlight, useValue: runs }, InvocationsService, AnswersService, Pipeline],
    };
  }
}
