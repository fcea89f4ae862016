import type { Unsealing } from '@bulla/contract';
import type { Answer, BodyOf, Caller } from '@bulla/service-kit';
import { CurrentCaller, Route, RouteBody } from '@bulla/service-kit';
import { Controller } from '@nestjs/common';
import { UnsealingService } from './unsealing.service.js';

@Controller()
export class UnsealingController {
  constructor(private readonly unsealing: UnsealingService) {}

  @Route('unsealing.get')
  get(@CurrentCaller() caller: Caller): Promise<Answer<Unsealing>> {
    return this.unsealing.get(caller);
  }

  @Route('unsealing.give')
  give(@CurrentCaller() caller: Caller, @RouteBody() body: BodyOf<'unsealing.give'>): Promise<Answer<Unsealing>> {
    return this.unsealing.give(caller, body.share);
  }
}
