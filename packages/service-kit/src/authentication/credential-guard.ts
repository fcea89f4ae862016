import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { stateOf } from '../edge/request-state.js';
import { entryOfHandler } from '../route/route.js';
import type { Credentials } from './credential.js';

/** Lets a request through to its route when its credential was judged. Public routes say in the contract why they are. */
export class CredentialGuard implements CanActivate {
  readonly #credentials: Credentials;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const entry = entryOfHandler(context.getHandler());
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    stateOf(request).entry = entry;
    // Before anything is made of what they send.
    if (entry.credential !== undefined) await this.#credentials[entry.credential].judge(request, entry);
    return true;
  }
}
