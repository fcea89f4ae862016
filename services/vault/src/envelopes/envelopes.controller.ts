import type { RouteResponse } from '@bulla/contract';
import type { Answer, BodyOf, Caller, ParamsOf } from '@bulla/service-kit';
import { CurrentCaller, Route, RouteBody, RouteParams } from '@bulla/service-kit';
import { Controller } from '@nestjs/common';
import { EnvelopesService } from './envelopes.service.js';

@Controller()
export class EnvelopesController {
  constructor(private readonly envelopes: EnvelopesService) {}

  @Route('envelope.issue')
  issue(
    @CurrentCaller() caller: Caller,
    @RouteBody() body: BodyOf<'envelope.issue'>,
  ): Promise<Answer<RouteResponse<'envelope.issue'>>> {
    return this.envelopes.issue(caller, body);
  }

  @Route('envelope.get')
  status(
    @CurrentCaller() caller: Caller,
    @RouteParams() { jti }: ParamsOf<'envelope.get'>,
  ): Promise<RouteResponse<'envelope.get'>> {
    return this.envelopes.status(caller, jti);
  }
}
