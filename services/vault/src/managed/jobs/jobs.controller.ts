import type { Job } from '@bulla/contract';
import type { Answer, Caller, Page, ParamsOf, QueryOf } from '@bulla/service-kit';
import { CurrentCaller, Route, RouteParams, RouteQuery } from '@bulla/service-kit';
import { Controller } from '@nestjs/common';
import { JobsService } from './jobs.service.js';

@Controller()
export class JobsController {
  constructor(private readonly jobs: JobsService) {}

  @Route('job.list')
  list(@CurrentCaller() caller: Caller, @RouteQuery() query: QueryOf<'job.list'>): Promise<Answer<Page<Job>>> {
    return this.jobs.list(caller, query);
  }

  @Route('job.get')
  get(@CurrentCaller() caller: Caller, @RouteParams() { id }: ParamsOf<'job.get'>): Promise<Job> {
    return this.jobs.get(caller, id);
  }

  @Route('job.cancel')
  cancel(@CurrentCaller() caller: Caller, @RouteParams() { id }: ParamsOf<'job.cancel'>): Promise<Answer<undefined>> {
    return this.jobs.cancel(caller, id);
  }
}
