import type { RouteResponse } from '@bulla/contract';
import type { Answer, Caller, QueryOf } from '@bulla/service-kit';
import { CurrentCaller, Route, RouteQuery } from '@bulla/service-kit';
import { Controller } from '@nestjs/common';
import { GrantTrialsService } from './grant-trials.service.js';

/** What this responder found with the grants that are sealed to it, for people who end one of its keys. */
@Controller()
export class TriedGrantsController {
  constructor(private readonly trials: GrantTrialsService) {}

  @Route('grant.tried')
  list(
    @CurrentCaller() caller: Caller,
    @RouteQuery() query: QueryOf<'grant.tried'>,
  ): Promise<Answer<RouteResponse<'grant.tried'>>> {
    return this.trials.list(caller, query);
  }
}
