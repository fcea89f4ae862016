import type { RouteResponse } from '@bulla/contract';
import type { Answer, BodyOf, Caller, ParamsOf, QueryOf } from '@bulla/service-kit';
import { CurrentCaller, Route, RouteBody, RouteParams, RouteQuery } from '@bulla/service-kit';
import { Controller } from '@nestjs/common';
import { MovingService } from './moving.service.js';
import { SharingService } from './sharing.service.js';

@Controller()
export class SharingController {
  constructor(
    private readonly sharing: SharingService,
    private readonly moving: MovingService,
  ) {}

  @Route('grant.add')
  add(
    @CurrentCaller() caller: Caller,
    @RouteParams() { id }: ParamsOf<'grant.add'>,
    @RouteBody() { grants }: BodyOf<'grant.add'>,
  ): Promise<Answer<RouteResponse<'grant.add'>>> {
    return this.sharing.add(caller, id, grants);
  }

  @Route('grant.list')
  list(
    @CurrentCaller() caller: Caller,
    @RouteParams() { id }: ParamsOf<'grant.list'>,
    @RouteQuery() query: QueryOf<'grant.list'>,
  ): Promise<Answer<RouteResponse<'grant.list'>>> {
    return this.sharing.list(caller, id, query);
  }

  @Route('grant.delete')
  delete(
    @CurrentCaller() caller: Caller,
    @RouteParams() { id, whash }: ParamsOf<'grant.delete'>,
    @RouteQuery() query: QueryOf<'grant.delete'>,
  ): Promise<Answer<undefined>> {
    return this.sharing.delete(caller, id, whash, query);
  }

  @Route('grant.unfit')
  unfit(
    @CurrentCaller() caller: Caller,
    @RouteQuery() query: QueryOf<'grant.unfit'>,
  ): Promise<Answer<RouteResponse<'grant.unfit'>>> {
    return this.sharing.listUnfit(caller, query);
  }

  @Route('grant.clear')
  clear(
    @CurrentCaller() caller: Caller,
    @RouteParams() { whash }: ParamsOf<'grant.clear'>,
    @RouteQuery() query: QueryOf<'grant.clear'>,
  ): Promise<Answer<undefined>> {
    return this.sharing.clearUnfit(caller, whash, query);
  }

  @Route('grant.collect')
  collect(
    @CurrentCaller() caller: Caller,
    @RouteQuery() query: QueryOf<'grant.collect'>,
  ): Promise<Answer<RouteResponse<'grant.collect'>>> {
    return this.moving.collect(caller, query);
  }

  @Route('grant.move')
  move(
    @CurrentCaller() caller: Caller,
    @RouteBody() { grants }: BodyOf<'grant.move'>,
  ): Promise<Answer<RouteResponse<'grant.move'>>> {
    return this.moving.move(caller, grants);
  }
}
