import { may, Problem } from '@bulla/contract';
import type { OwnKeyRouteName, SignedRouteName } from '@bulla/contract';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Caller } from './caller.js';
import type { RequestAuthentication } from './request-authentication.js';
import { stateOf } from './request-state.js';
import { entryOfHandler } from './route.js';
import type { RouteEntry } from './route-table.js';

/** Lets a request through to a route that its caller may use; public routes say in the contract why they are. */
export class SignatureGuard implements CanActivate {
  readonly #authentication: RequestAuthentication;

  constructor(authentication: RequestAuthentication) {
    this.#authentication = authentication;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const entry = entryOfHandler(context.getHandler());
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    stateOf(request).entry = entry;
    if (entry.ownKey) stateOf(request).ownKey = this.#authentication.readOwnKey(request, entry.name as OwnKeyRouteName);
    if (entry.permission === undefined) return true;
    const caller = await this.#authentication.authenticate(request, entry.name as SignedRouteName);
    requireOwnOrganisation(caller, request);
    requirePermission(caller, entry);
    return true;
  }
}

/** What is not yours is not found, whoever you are elsewhere. */
function requireOwnOrganisation(caller: Caller, request: FastifyRequest): void {
  const { org } = request.params as { org?: unknown };
  if (org !== undefined && org !== caller.org) throw new Problem('not_found');
}

function requirePermission(caller: Caller, { permission }: RouteEntry): void {
  if (permission === undefined || !may(caller.roles, permission)) throw new Problem('forbidden');
}
