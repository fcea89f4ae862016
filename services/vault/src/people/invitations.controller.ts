import type { Invitation } from '@bulla/contract';
import type { Answer, BodyOf, Caller, ParamsOf, QueryOf } from '@bulla/service-kit';
import { CurrentCaller, Route, RouteBody, RouteParams, RouteQuery } from '@bulla/service-kit';
import { Controller } from '@nestjs/common';
import type { Page } from '@bulla/service-kit';
import { InvitationsService } from './invitations.service.js';

@Controller()
export class InvitationsController {
  constructor(private readonly invitations: InvitationsService) {}

  @Route('invitation.create')
  create(@CurrentCaller() caller: Caller, @RouteBody() body: BodyOf<'invitation.create'>): Promise<Answer<Invitation>> {
    return this.invitations.create(caller, body);
  }

  @Route('invitation.list')
  list(
    @CurrentCaller() caller: Caller,
    @RouteQuery() query: QueryOf<'invitation.list'>,
  ): Promise<Answer<Page<Invitation>>> {
    return this.invitations.list(caller, query);
  }

  @Route('invitation.delete')
  delete(
    @CurrentCaller() caller: Caller,
    @RouteParams() { id }: ParamsOf<'invitation.delete'>,
  ): Promise<Answer<undefined>> {
    return this.invitations.delete(caller, id);
  }
}
