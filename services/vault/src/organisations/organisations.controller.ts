import type { RouteResponse } from '@bulla/contract';
import type { Answer, BodyOf, Caller, Founder, ParamsOf, QueryOf } from '@bulla/service-kit';
import {
  BasedOn,
  CurrentCaller,
  CurrentFounder,
  RequestId,
  Route,
  RouteBody,
  RouteParams,
  RouteQuery,
} from '@bulla/service-kit';
import { Controller } from '@nestjs/common';
import { DirectoryFreshnessService } from './directory-freshness.service.js';
import { LostDocumentsService } from './lost-documents.service.js';
import { OrganisationsService } from './organisations.service.js';
import { PublishingService } from './publishing.service.js';
import { ResumingService } from './resuming.service.js';

@Controller()
export class OrganisationsController {
  constructor(
    private readonly organisations: OrganisationsService,
    private readonly publishing: PublishingService,
    private readonly freshness: DirectoryFreshnessService,
    private readonly lost: LostDocumentsService,
    private readonly resuming: ResumingService,
  ) {}

  @Route('organisation.create')
  create(
    @CurrentFounder() founder: Founder,
    @RouteBody() body: BodyOf<'organisation.create'>,
  ): Promise<Answer<RouteResponse<'organisation.create'>>> {
    return this.organisations.create(founder, body);
  }

  @Route('root.publish')
  publishRoot(
    @CurrentCaller() caller: Caller,
    @RouteParams() { n }: ParamsOf<'root.publish'>,
    @BasedOn() newest: number,
    @RouteBody() body: BodyOf<'root.publish'>,
  ): Promise<Answer<RouteResponse<'root.publish'>>> {
    return this.publishing.root(caller, n, newest, body);
  }

  @Route('policy.publish')
  publishPolicy(
    @CurrentCaller() caller: Caller,
    @BasedOn() newest: number,
    @RouteBody() { policy }: BodyOf<'policy.publish'>,
  ): Promise<Answer<RouteResponse<'policy.publish'>>> {
    return this.publishing.policy(caller, newest, policy);
  }

  @Route('directory.publish')
  publishDirectory(
    @CurrentCaller() caller: Caller,
    @BasedOn() newest: number,
    @RouteBody() { directory }: BodyOf<'directory.publish'>,
  ): Promise<Answer<RouteResponse<'directory.publish'>>> {
    return this.publishing.directory(caller, newest, directory);
  }

  @Route('root.get')
  root(@RouteParams() { org, n }: ParamsOf<'root.get'>): Promise<Answer<RouteResponse<'directory.get'>>> {
    return this.organisations.document(org, 'root', n);
  }

  @Route('policy.get')
  policy(@RouteParams() { org }: ParamsOf<'policy.get'>): Promise<Answer<RouteResponse<'directory.get'>>> {
    return this.organisations.document(org, 'policy');
  }

  @Route('directory.get')
  directory(@RouteParams() { org }: ParamsOf<'directory.get'>): Promise<Answer<RouteResponse<'directory.get'>>> {
    return this.organisations.document(org, 'directory');
  }

  @Route('directory.hashes')
  hashes(
    @RouteParams() { org }: ParamsOf<'directory.hashes'>,
    @RouteQuery() { from }: QueryOf<'directory.hashes'>,
  ): Promise<Answer<RouteResponse<'directory.hashes'>>> {
    return this.organisations.hashes(org, from);
  }

  @Route('directory.freshen')
  freshen(
    @CurrentCaller() caller: Caller,
    @RouteBody() { fresh }: BodyOf<'directory.freshen'>,
  ): Promise<Answer<RouteResponse<'directory.freshen'>>> {
    return this.freshness.freshen(caller, fresh);
  }

  @Route('directory.freshness')
  words(
    @RouteParams() { org }: ParamsOf<'directory.freshness'>,
  ): Promise<Answer<RouteResponse<'directory.freshness'>>> {
    return this.freshness.words(org);
  }

  @Route('organisation.restored')
  restored(
    @RouteParams() { org }: ParamsOf<'organisation.restored'>,
  ): Promise<Answer<RouteResponse<'organisation.restored'>>> {
    return this.lost.restored(org);
  }

  @Route('organisation.handback')
  handBack(
    @RouteParams() { org }: ParamsOf<'organisation.handback'>,
    @RouteBody() body: BodyOf<'organisation.handback'>,
    @RequestId() requestId: string,
  ): Promise<Answer<RouteResponse<'organisation.handback'>>> {
    return this.lost.take(org, body, requestId);
  }

  @Route('organisation.resume')
  resume(
    @CurrentCaller() caller: Caller,
    @RouteBody() { directory }: BodyOf<'organisation.resume'>,
  ): Promise<Answer<RouteResponse<'organisation.resume'>>> {
    return this.resuming.resume(caller, directory);
  }
}
