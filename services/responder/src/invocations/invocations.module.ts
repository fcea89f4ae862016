import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import type { AnswerLimits } from './answer-budget.js';
import { AnswerBudget } from './answer-budget.js';
import { AnswersService } from './answers.service.js';
import { InvocationsController } from './invocations.controller.js';
import { InvocationsService } from './invocations.service.js';
import { Pipeline } from './pipeline.js';
import { RunsInFlight } from './runs-in-flight.js';

@Module({})
export class InvocationsModule {
  /**
   * @param runs the code that closes the service stops them first.
   * @param limits of answers.
   * @param rooms the modules of this service that this room uses.
   */
  static use(runs: RunsInFlight, limits: AnswerLimits, rooms: Required<DynamicModule>['imports']): DynamicModule {
    return {
      module: InvocationsModule,
      imports: rooms,
      controllers: [InvocationsController],
      providers: [
        { provide: RunsInFlight, useValue: runs },
        { provide: AnswerBudget, useValue: new AnswerBudget(limits) },
        InvocationsService,
        AnswersService,
        Pipeline,
      ],
    };
  }
}
