import type {
  AuditBundle,
  AuditCheckpoints,
  AuditEntryPage,
  AuditErasure,
  AuditProofs,
  AuditRecord,
  AuditSetAside,
  AuditTile,
} from '@bulla/contract';
import { Controller } from '@nestjs/common';
import type { Caller } from '../authentication/caller.js';
import { CurrentCaller } from '../authentication/current-caller.js';
import type { Answer } from '../route/answer.js';
import { Route, RouteParams, RouteQuery } from '../route/route.js';
import type { ParamsOf, QueryOf } from '../route/route.js';
import { AuditService } from './audit.service.js';

@Controller()
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  @Route('audit.list')
  list(@CurrentCaller() caller: Caller, @RouteQuery() query: QueryOf<'audit.list'>): Promise<Answer<AuditEntryPage>> {
    return this.audit.list(caller, query);
  }

  @Route('audit.get')
  get(
    @CurrentCaller() caller: Caller,
    @RouteParams() entry: ParamsOf<'audit.get'>,
    @RouteQuery() query: QueryOf<'audit.get'>,
  ): Promise<AuditRecord> {
    return this.audit.get(caller, entry, query);
  }

  @Route('audit.erase')
  erase(@CurrentCaller() caller: Caller, @RouteQuery() query: QueryOf<'audit.erase'>): Promise<Answer<AuditErasure>> {
    return this.audit.erase(caller, query);
  }

  @Route('audit.set-aside')
  setAside(@CurrentCaller() caller: Caller): Promise<Answer<AuditSetAside>> {
    return this.audit.setAside(caller);
  }

  @Route('audit.checkpoint')
  checkpoint(@CurrentCaller() caller: Caller): Promise<AuditCheckpoints> {
    return this.audit.checkpoints(caller);
  }

  @Route('audit.tile')
  tile(
    @CurrentCaller() caller: Caller,
    @RouteParams() place: ParamsOf<'audit.tile'>,
    @RouteQuery() query: QueryOf<'audit.tile'>,
  ): Promise<AuditTile> {
    return this.audit.tile(caller, place, query);
  }

  @Route('audit.bundle')
  bundle(
    @CurrentCaller() caller: Caller,
    @RouteParams() place: ParamsOf<'audit.bundle'>,
    @RouteQuery() query: QueryOf<'audit.bundle'>,
  ): Promise<AuditBundle> {
    return this.audit.bundle(caller, place, query);
  }

  @Route('audit.prove')
  prove(@CurrentCaller() caller: Caller, @RouteQuery() query: QueryOf<'audit.prove'>): Promise<AuditProofs> {
    return this.audit.prove(caller, query);
  }
}
