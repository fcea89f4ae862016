import { NewestCheckpoint } from '@bulla/service-kit';
import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { RunAccounts } from '../usage/run-account.js';
import type { AnswerLimits } from './answer-budget.js';
import { AnswerBudget } from './answer-budget.js';
import { AnswersService } from './answers.service.js';
import { InvocationsController } from './invocations.controller.js';
import { InvocationsService } from './invocations.service.js';
import { Pipeline } from './pipeline.js';
import { ReplyCheckpoints } from './reply-checkpoints.js';
import { RunsInFlight } from './runs-in-flight.js';

export interface InvocationsParts {
  /** The code that closes the service stops them first. */
  readonly runs: RunsInFlight;
  readonly newestCheckpoint: NewestCheckpoint;
  readonly answerLimits: AnswerLimits;
}

@Module({})
export class InvocationsModule {
  /** @param rooms the modules of this service that this room uses. */
  static use(
    { runs, newestCheckpoint, answerLimits }: InvocationsParts,
    rooms: Required<DynamicModule>['imports'],
  ): DynamicModule {
    return {
      module: InvocationsModule,
      imports: rooms,
      controllers: [InvocationsController],
      providers: [
        { provide: RunsInFlight, useValue: runs },
        { provide: AnswerBudget, useValue: new AnswerBudget(answerLimits) },
        { provide: NewestCheckpoint, useValue: newestCheckpoint },
        InvocationsService,
        AnswersService,
        ReplyCheckpoints,
        RunAccounts,
        Pipeline,
      ],
    };
  }
}
