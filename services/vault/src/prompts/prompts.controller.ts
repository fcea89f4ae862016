import type { RouteResponse } from '@bulla/contract';
import type { Answer, BodyOf, Caller, ParamsOf, QueryOf } from '@bulla/service-kit';
import { BasedOn, CurrentCaller, IsSecure, Route, RouteBody, RouteParams, RouteQuery } from '@bulla/service-kit';
import { Controller } from '@nestjs/common';
import { EntrustedVersionsService } from './entrusted-versions.service.js';
import { PromptsService } from './prompts.service.js';
import { LabelsService } from './labels.service.js';
import { VersionsService } from './versions.service.js';

type Answered<Name extends Parameters<typeof Route>[0]> = Promise<Answer<RouteResponse<Name>> | RouteResponse<Name>>;

@Controller()
export class PromptsController {
  constructor(
    private readonly prompts: PromptsService,
    private readonly versions: VersionsService,
    private readonly labels: LabelsService,
    private readonly entrusted: EntrustedVersionsService,
  ) {}

  @Route('prompt.create')
  create(@CurrentCaller() caller: Caller, @RouteBody() body: BodyOf<'prompt.create'>): Answered<'prompt.create'> {
    return this.prompts.create(caller, body);
  }

  @Route('prompt.list')
  list(@CurrentCaller() caller: Caller, @RouteQuery() query: QueryOf<'prompt.list'>): Answered<'prompt.list'> {
    return this.prompts.list(caller, query);
  }

  @Route('prompt.find')
  find(@CurrentCaller() caller: Caller, @RouteQuery() query: QueryOf<'prompt.find'>): Answered<'prompt.find'> {
    return this.prompts.getByName(caller, query.name);
  }

  @Route('prompt.get')
  get(@CurrentCaller() caller: Caller, @RouteParams() { id }: ParamsOf<'prompt.get'>): Answered<'prompt.get'> {
    return this.prompts.get(caller, id);
  }

  @Route('prompt.delete')
  delete(@CurrentCaller() caller: Caller, @RouteParams() { id }: ParamsOf<'prompt.delete'>): Answered<'prompt.delete'> {
    return this.prompts.delete(caller, id);
  }

  @Route('version.create')
  createVersion(
    @CurrentCaller() caller: Caller,
    @RouteParams() { id }: ParamsOf<'version.create'>,
    @BasedOn() newest: number,
    @RouteBody() body: BodyOf<'version.create'>,
    @IsSecure() isSecure: boolean,
  ): Answered<'version.create'> {
    return this.versions.create(caller, id, newest, body, isSecure);
  }

  @Route('version.entrust')
  entrustVersion(
    @CurrentCaller() caller: Caller,
    @RouteParams() { id }: ParamsOf<'version.entrust'>,
    @BasedOn() newest: number,
    @RouteBody() body: BodyOf<'version.entrust'>,
    @IsSecure() isSecure: boolean,
  ): Answered<'version.entrust'> {
    return this.entrusted.create(caller, id, newest, body, isSecure);
  }

  @Route('version.list')
  listVersions(
    @CurrentCaller() caller: Caller,
    @RouteParams() { id }: ParamsOf<'version.list'>,
    @RouteQuery() query: QueryOf<'version.list'>,
  ): Answered<'version.list'> {
    return this.versions.list(caller, id, query);
  }

  @Route('version.get')
  readVersion(
    @CurrentCaller() caller: Caller,
    @RouteParams() { id, n }: ParamsOf<'version.get'>,
  ): Answered<'version.get'> {
    return this.versions.read(caller, id, n);
  }

  @Route('label.move')
  moveLabel(
    @CurrentCaller() caller: Caller,
    @RouteParams() { id, label }: ParamsOf<'label.move'>,
    @BasedOn() newest: number,
    @RouteBody() { tags }: BodyOf<'label.move'>,
  ): Answered<'label.move'> {
    return this.labels.move(caller, id, label, newest, tags);
  }

  @Route('label.list')
  listLabels(@CurrentCaller() caller: Caller, @RouteParams() { id }: ParamsOf<'label.list'>): Answered<'label.list'> {
    return this.labels.list(caller, id);
  }

  @Route('label.get')
  getLabel(
    @CurrentCaller() caller: Caller,
    @RouteParams() { id, label }: ParamsOf<'label.get'>,
  ): Answered<'label.get'> {
    return this.labels.get(caller, id, label);
  }

  @Route('label.history')
  listPositions(
    @CurrentCaller() caller: Caller,
    @RouteParams() { id, label }: ParamsOf<'label.history'>,
    @RouteQuery() query: QueryOf<'label.history'>,
  ): Answered<'label.history'> {
    return this.labels.history(caller, id, label, query);
  }

  @Route('label.confirm')
  confirmLabel(
    @CurrentCaller() caller: Caller,
    @RouteParams() { id, label }: ParamsOf<'label.confirm'>,
    @RouteBody() { tag }: BodyOf<'label.confirm'>,
  ): Answered<'label.confirm'> {
    return this.labels.confirm(caller, id, label, tag);
  }

  @Route('label.chain')
  listMoves(
    @CurrentCaller() caller: Caller,
    @RouteParams() { id, label }: ParamsOf<'label.chain'>,
    @RouteQuery() query: QueryOf<'label.chain'>,
  ): Answered<'label.chain'> {
    return this.labels.chain(caller, id, label, query);
  }
}
