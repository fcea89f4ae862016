import type { SignedRouteName } from '@bulla/contract';
import type { EntityKind, Role, Trust } from '@bulla/crypto';
import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { stateOf } from './request-state.js';

/** What is known of the request a caller signed. */
export interface RequestFacts {
  /** The X-Request-Id. */
  readonly id: string;
  readonly route: SignedRouteName;
  readonly method: string;
  /** As sent, without the query. */
  readonly path: string;
  /** As sent, from `?` on; `?` alone without one. */
  readonly query: string;
  readonly nonce: string;
  /** Seconds: when the signature ends. */
  readonly expires: number;
  /** Present on every request with a body. */
  readonly idempotencyKey: string | undefined;
  readonly ifMatch: string | undefined;
  /** base64url SHA-256 of the raw body; of nothing without one. */
  readonly bodySha256: string;
  /** base64url SHA-256 of signature base and signature: what proves that the caller asked (protocol.md §8). */
  readonly evidence: string;
}

/** Who is asking: the holder of a verified signature, with what the signed directory says of it. */
export interface Caller {
  readonly org: string;
  readonly urn: string;
  readonly kid: string;
  /** `urn#kid`. */
  readonly keyid: string;
  readonly kind: EntityKind;
  readonly roles: readonly Role[];
  readonly groups: readonly string[];
  /** URN of the person, for devices. */
  readonly user: string | undefined;
  /** The documents that all this was read from; one request is judged by one of them. */
  readonly trust: Trust;
  readonly request: RequestFacts;
}

/** The caller of a signed route: `@CurrentCaller() caller: Caller`. */
export const CurrentCaller = createParamDecorator((_data: unknown, context: ExecutionContext): Caller => {
  const { caller } = stateOf(context.switchToHttp().getRequest());
  if (caller === undefined) throw new Error('this route is public, so nobody has signed the request');
  return caller;
});

/** The arrival of a request in seconds: the t0 by which its tokens are judged (protocol.md §2.4). */
export const ArrivedAt = createParamDecorator(
  (_data: unknown, context: ExecutionContext): number => stateOf(context.switchToHttp().getRequest()).arrivedAt,
);

/** The X-Request-Id, for public routes; a caller has it in `caller.request.id`. */
export const RequestId = createParamDecorator(
  (_data: unknown, context: ExecutionContext): string => context.switchToHttp().getRequest<FastifyRequest>().id,
);
