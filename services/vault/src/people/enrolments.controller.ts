import type { ApprovedEnrolment, Enrolment, EnrolmentRequest } from '@bulla/contract';
import type { Answer, BodyOf, Caller, OwnKeySignature, ParamsOf, QueryOf } from '@bulla/service-kit';
import { CurrentCaller, OwnKey, Route, RouteBody, RouteParams, RouteQuery } from '@bulla/service-kit';
import { Controller } from '@nestjs/common';
import type { Page } from '@bulla/service-kit';
import { EnrolmentsService } from './enrolments.service.js';
import { OwnEnrolmentsService } from './own-enrolments.service.js';

@Controller()
export class EnrolmentsController {
  constructor(
    private readonly own: OwnEnrolmentsService,
    private readonly enrolments: EnrolmentsService,
  ) {}

  @Route('enrolment.create')
  create(
    @OwnKey() signature: OwnKeySignature,
    @RouteBody() body: BodyOf<'enrolment.create'>,
  ): Promise<Answer<Enrolment>> {
    return this.own.create(signature, body);
  }

  @Route('enrolment.get')
  get(@OwnKey() signature: OwnKeySignature, @RouteParams() { id }: ParamsOf<'enrolment.get'>): Promise<Enrolment> {
    return this.own.get(signature, id);
  }

  @Route('enrolment.list')
  list(
    @CurrentCaller() caller: Caller,
    @RouteQuery() query: QueryOf<'enrolment.list'>,
  ): Promise<Answer<Page<EnrolmentRequest>>> {
    return this.enrolments.list(caller, query);
  }

  @Route('enrolment.approve')
  approve(
    @CurrentCaller() caller: Caller,
    @RouteParams() { id }: ParamsOf<'enrolment.approve'>,
    @RouteBody() { directory }: BodyOf<'enrolment.approve'>,
  ): Promise<Answer<ApprovedEnrolment>> {
    return this.enrolments.approve(caller, id, directory);
  }

  @Route('enrolment.refuse')
  refuse(
    @CurrentCaller() caller: Caller,
    @RouteParams() { id }: ParamsOf<'enrolment.refuse'>,
  ): Promise<Answer<undefined>> {
    return this.enrolments.refuse(caller, id);
  }
}
