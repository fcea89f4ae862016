import type { FastifyRequest } from 'fastify';
import type { RouteCredential, RouteEntry } from '../route/route-table.js';

/**
 * What shows who sends a request: a port with one adapter for each kind. What a handler may know of the sender stands in
 * the state of the request when it was judged.
 */
export interface Credential {
  /** @throws {Problem} or {CryptoError}: why the caller is unknown or may not ask; the request has done nothing then */
  judge(request: FastifyRequest, entry: RouteEntry): Promise<void>;
}

/** An adapter for each credential that a route of the contract may take. */
export type Credentials = Readonly<Record<RouteCredential, Credential>>;
