import type { Job, KeyStatus } from '@bulla/contract';
import type { Answer, BodyOf, Caller } from '@bulla/service-kit';
import { CurrentCaller, Route, RouteBody } from '@bulla/service-kit';
import { Controller } from '@nestjs/common';
import { RotationsService } from './rotations.service.js';

@Controller()
export class RotationsController {
  constructor(private readonly rotations: RotationsService) {}

  @Route('key.status')
  read(@CurrentCaller() caller: Caller): Promise<KeyStatus> {
    return this.rotations.read(caller);
  }

  @Route('key.rotate')
  rotate(@CurrentCaller() caller: Caller, @RouteBody() body: BodyOf<'key.rotate'>): Promise<Answer<Job>> {
    return this.rotations.rotate(caller, body);
  }
}
