import type { RouteResponse } from '@bulla/contract';
import type { Answer, BodyOf, Caller, ParamsOf, QueryOf } from '@bulla/service-kit';
import { CurrentCaller, Route, RouteBody, RouteParams, RouteQuery } from '@bulla/service-kit';
import { Controller } from '@nestjs/common';
import { ApprovalsService } from './approvals.service.js';

type Answered<Name extends Parameters<typeof Route>[0]> = Promise<Answer<RouteResponse<Name>> | RouteResponse<Name>>;

@Controller()
export class ApprovalsController {
  constructor(private readonly approvals: ApprovalsService) {}

  @Route('approval.list')
  list(@CurrentCaller() caller: Caller, @RouteQuery() query: QueryOf<'approval.list'>): Answered<'approval.list'> {
    return this.approvals.list(caller, query);
  }

  @Route('approval.get')
  get(@CurrentCaller() caller: Caller, @RouteParams() { id }: ParamsOf<'approval.get'>): Answered<'approval.get'> {
    return this.approvals.get(caller, id);
  }

  @Route('approval.give')
  give(
    @CurrentCaller() caller: Caller,
    @RouteParams() { id }: ParamsOf<'approval.give'>,
    @RouteBody() { tag }: BodyOf<'approval.give'>,
  ): Answered<'approval.give'> {
    return this.approvals.give(caller, id, tag);
  }

  @Route('approval.drop')
  drop(@CurrentCaller() caller: Caller, @RouteParams() { id }: ParamsOf<'approval.drop'>): Answered<'approval.drop'> {
    return this.approvals.drop(caller, id);
  }
}
