import type { KeptCosignatures } from '@bulla/contract';
import { Controller } from '@nestjs/common';
import type { Caller } from '../authentication/caller.js';
import { CurrentCaller } from '../authentication/current-caller.js';
import type { Answer } from '../route/answer.js';
import { Route, RouteBody } from '../route/route.js';
import type { BodyOf } from '../route/route.js';
import { CosignaturesService } from './cosignatures.service.js';

@Controller()
export class CosignaturesController {
  constructor(private readonly cosignatures: CosignaturesService) {}

  @Route('audit.cosign')
  cosign(
    @CurrentCaller() caller: Caller,
    @RouteBody() { checkpoint }: BodyOf<'audit.cosign'>,
  ): Promise<Answer<KeptCosignatures>> {
    return this.cosignatures.keep(caller, checkpoint);
  }
}
