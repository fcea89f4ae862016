import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Caller, Founder } from './caller.js';
import type { OwnKeySignature } from './own-key-signature.js';
import type { Place } from '../edge/places.js';
import { stateOf } from '../edge/request-state.js';
import { isSecure } from '../edge/secure-connections.js';

/** The caller of a signed route: `@CurrentCaller() caller: Caller`. */
export const CurrentCaller = createParamDecorator((_data: unknown, context: ExecutionContext): Caller => {
  const { caller } = stateOf(context.switchToHttp().getRequest());
  if (caller === undefined) throw new Error('this route is public, so nobody has signed the request');
  return caller;
});

/** The signature of a route that takes a key of the sender's own: `@OwnKey() signature: OwnKeySignature`. */
export const OwnKey = createParamDecorator((_data: unknown, context: ExecutionContext): OwnKeySignature => {
  const { ownKey } = stateOf(context.switchToHttp().getRequest());
  if (ownKey === undefined) throw new Error('this route takes no key of the sender');
  return ownKey;
});

/** Who brings an organisation: `@CurrentFounder() founder: Founder`. */
export const CurrentFounder = createParamDecorator((_data: unknown, context: ExecutionContext): Founder => {
  const { founder } = stateOf(context.switchToHttp().getRequest());
  if (founder === undefined) throw new Error('this route takes no bootstrap secret');
  return founder;
});

/** The arrival of a request in seconds: the t0 by which its tokens are judged (protocol.md §2.4). */
export const ArrivedAt = createParamDecorator(
  (_data: unknown, context: ExecutionContext): number => stateOf(context.switchToHttp().getRequest()).arrivedAt,
);

/** The X-Request-Id, for public routes; a caller has it in `caller.request.id`. */
export const RequestId = createParamDecorator(
  (_data: unknown, context: ExecutionContext): string => context.switchToHttp().getRequest<FastifyRequest>().id,
);

/** Whether the request came by TLS, from this machine, or from a trusted proxy that says https. */
export const IsSecure = createParamDecorator((_data: unknown, context: ExecutionContext): boolean =>
  isSecure(context.switchToHttp().getRequest()),
);

/** The place of a request at work, to be left to others while somebody else has to act. */
export type Work = Pick<Place, 'rest' | 'resume'>;

/** The place of this request: `@CurrentWork() work: Work`. It is given back when the response is out. */
export const CurrentWork = createParamDecorator((_data: unknown, context: ExecutionContext): Work => {
  const { place } = stateOf(context.switchToHttp().getRequest());
  if (place === undefined) throw new Error('this request is not admitted');
  return place;
});
