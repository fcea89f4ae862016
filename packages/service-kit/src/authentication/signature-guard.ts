import { may, Problem } from '@bulla/contract';
import type { OwnKeyRouteName, SignedRouteName } from '@bulla/contract';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Caller, Signatory } from './caller.js';
import type { RateLimits } from '../limits/rate-limits.js';
import type { RequestAuthentication } from './request-authentication.js';
import { stateOf } from '../edge/request-state.js';
import { entryOfHandler } from '../route/route.js';
import type { RouteEntry } from '../route/route-table.js';

/**
 * Lets a request through to a route that its caller may use now: who is it, did they ask too often, may they
 * (protocol.md §5). Public routes say in the contract why they are.
 */
export class SignatureGuard implements CanActivate {
  readonly #authentication: RequestAuthentication;
  readonly #limits: RateLimits;

  constructor(authentication: RequestAuthentication, limits: RateLimits) {
    this.#authentication = authentication;
    this.#limits = limits;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const entry = entryOfHandler(context.getHandler());
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    stateOf(request).entry = entry;
    if (entry.ownKey) {
      stateOf(request).ownKey = this.#authentication.readOwnKey(request, entry.name as OwnKeyRouteName, (signatory) =>
        this.#requirePoints(signatory, entry, request),
      );
    }
    if (entry.permission === undefined) return true;
    const caller = await this.#authentication.authenticate(request, entry.name as SignedRouteName);
    await this.#requirePoints(caller, entry, request);
    requireOwnOrganisation(caller, request);
    requirePermission(caller, entry);
    return true;
  }

  async #requirePoints(signatory: Signatory, entry: RouteEntry, request: FastifyRequest): Promise<void> {
    const state = stateOf(request);
    const limited = await this.#limits.take(signatory, entry.name, state.rawBody?.length ?? 0);
    if (limited === undefined) {
      // guard: place-verified
      state.place?.verify();
      return;
    }
    state.limited = limited;
    // Who floods is refused like a stranger: no private key signs the answer, no row is written for each.
    // guard: limit-flood
    if (limited.flooded) {
      delete state.verified;
      delete state.caller;
    }
    throw limited.problem;
  }
}

/** What is not yours is not found, whoever you are elsewhere. */
function requireOwnOrganisation(caller: Caller, request: FastifyRequest): void {
  const { org } = request.params as { org?: unknown };
  // guard: own-organisation
  if (org !== undefined && org !== caller.org) throw new Problem('not_found');
}

function requirePermission(caller: Caller, { permission }: RouteEntry): void {
  // guard: permission
  if (permission === undefined || !may(caller.roles, permission)) throw new Problem('forbidden');
}
