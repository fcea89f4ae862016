import type { BodyOf, Caller, Handled, Work } from '@bulla/service-kit';
import { ArrivedAt, CurrentCaller, CurrentWork, Route, RouteBody } from '@bulla/service-kit';
import { Controller } from '@nestjs/common';
import { AskerGone } from './asker-gone.js';
import { wholeOrStream } from './event-stream.js';
import { InvocationsService } from './invocations.service.js';

@Controller()
export class InvocationsController {
  constructor(private readonly invocations: InvocationsService) {}

  @Route('invocation.run')
  async run(
    @CurrentCaller() caller: Caller,
    @RouteBody() body: BodyOf<'invocation.run'>,
    @ArrivedAt() arrivedAt: number,
    @AskerGone() gone: AbortSignal,
    @CurrentWork() work: Work,
  ): Promise<Handled<'invocation.run'>> {
    return wholeOrStream(await this.invocations.run(caller, body, arrivedAt, { gone, work }));
  }
}
