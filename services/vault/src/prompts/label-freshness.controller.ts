import type { RouteResponse } from '@bulla/contract';
import type { Answer, BodyOf, Caller, QueryOf } from '@bulla/service-kit';
import { CurrentCaller, Route, RouteBody, RouteQuery } from '@bulla/service-kit';
import { Controller } from '@nestjs/common';
import { LabelFreshnessService } from './label-freshness.service.js';
import { LabelsService } from './labels.service.js';
import { LostMovesService } from './lost-moves.service.js';

@Controller()
export class LabelFreshnessController {
  constructor(
    private readonly labels: LabelsService,
    private readonly freshness: LabelFreshnessService,
    private readonly lost: LostMovesService,
  ) {}

  @Route('label.all')
  list(
    @CurrentCaller() caller: Caller,
    @RouteQuery() query: QueryOf<'label.all'>,
  ): Promise<Answer<RouteResponse<'label.all'>>> {
    return this.labels.all(caller, query);
  }

  @Route('label.freshen')
  freshen(
    @CurrentCaller() caller: Caller,
    @RouteBody() { fresh }: BodyOf<'label.freshen'>,
  ): Promise<Answer<RouteResponse<'label.freshen'>>> {
    return this.freshness.freshen(caller, fresh);
  }

  @Route('label.handback')
  handBack(
    @CurrentCaller() caller: Caller,
    @RouteBody() body: BodyOf<'label.handback'>,
  ): Promise<Answer<RouteResponse<'label.handback'>>> {
    return this.lost.take(caller, body);
  }
}
