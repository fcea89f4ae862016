import type { RouteResponse } from '@bulla/contract';
import type { Answer, BodyOf, Caller, QueryOf } from '@bulla/service-kit';
import { CurrentCaller, Route, RouteBody, RouteQuery } from '@bulla/service-kit';
import { Controller } from '@nestjs/common';
import { UsageService } from './usage.service.js';

@Controller()
export class UsageController {
  constructor(private readonly usage: UsageService) {}

  @Route('usage.report')
  report(
    @CurrentCaller() caller: Caller,
    @RouteBody() body: BodyOf<'usage.report'>,
  ): Promise<Answer<RouteResponse<'usage.report'>>> {
    return this.usage.take(caller, body);
  }

  @Route('usage.list')
  list(
    @CurrentCaller() caller: Caller,
    @RouteQuery() query: QueryOf<'usage.list'>,
  ): Promise<Answer<RouteResponse<'usage.list'>>> {
    return this.usage.list(caller, query);
  }
}
