import type { Bytes, Trust } from '@bulla/crypto';
import type { RequestSummary } from '@bulla/crypto/http';
import type { FastifyRequest } from 'fastify';
import type { Caller, Founder, Signatory } from '../authentication/caller.js';
import type { OwnKeySignature } from '../authentication/own-key-signature.js';
import type { Place } from './places.js';
import type { WatchedAnswer } from './slow-readers.js';
import type { Limited } from '../limits/rate-limits.js';
import { entryAt } from '../route/route-table.js';
import type { RouteEntry } from '../route/route-table.js';

/** The parts of a request after their schemas. */
export interface RouteInput {
  readonly params: unknown;
  readonly query: unknown;
  readonly headers: unknown;
  /** Until its handler has it. */
  body: unknown;
}

/** Where the router sends a request. Its framework makes an object of this each time it is asked. */
export interface RouteFound {
  /** As the router writes it; undefined where it found none. */
  readonly url: string | undefined;
  readonly bodyBytesMax: number;
  /** Undefined for what is not in the contract. */
  readonly entry: RouteEntry | undefined;
}

/** What the kit learns about one request on its way in, and needs again on its way out. */
export interface RequestState {
  readonly found: RouteFound;
  /** Seconds. */
  readonly arrivedAt: number;
  readonly startedMs: number;
  /** Whether nobody on the way could read it (secure-connections.ts). */
  readonly isSecure: () => boolean;
  /** What is here of its body. */
  bodyBytes: number;
  /** What it holds while it is at work, or waits for. */
  place?: Place;
  /** Its answer, whose reader may be slow. */
  answer?: WatchedAnswer;
  /** Set when nobody waits for its answer any more. */
  isOver: boolean;
  /** Set when a handler is about to be reached. */
  entry?: RouteEntry;
  /** As received; undefined until it has been read, after its schema has read it, and for requests without one. */
  rawBody?: Bytes;
  /** Set once the signature is verified: whatever is answered from then on is bound to it and signed. */
  verified?: { readonly summary: RequestSummary; readonly trust: Trust; readonly kid: string };
  caller?: Caller;
  /** Set when the caller has asked too often. */
  limited?: Limited;
  /** What a new device signs with, before and after that was verified. */
  ownKey?: OwnKeySignature;
  signatory?: Signatory;
  founder?: Founder;
  input?: RouteInput;
}

/**
 * Where a request of Node carries its state. Not a WeakMap: what one holds is alive to V8's young collections whatever
 * became of its key, so that all of a request would be promoted to the old generation, and collected there.
 */
const STATE = Symbol('state');

interface WithState {
  [STATE]?: RequestState;
}

/** Begins the state of a request as its header arrives. */
export function beginState(
  request: FastifyRequest,
  { arrivedAt, startedMs, isSecure }: Pick<RequestState, 'arrivedAt' | 'startedMs' | 'isSecure'>,
): RequestState {
  const { url, bodyLimit: bodyBytesMax } = request.routeOptions;
  const found = { url, bodyBytesMax, entry: entryAt(request.method, url) };
  const state: RequestState = { found, arrivedAt, startedMs, isSecure, bodyBytes: 0, isOver: false };
  (request.raw as WithState)[STATE] = state;
  return state;
}

/** The state of a request that has begun. */
export function stateOf(request: FastifyRequest): RequestState {
  const state = (request.raw as WithState)[STATE];
  if (state === undefined) throw new Error('the request has not begun');
  return state;
}

/** The state of a request, if it came as far as that: what the router refuses has none. */
export function findState(request: FastifyRequest): RequestState | undefined {
  return (request.raw as WithState)[STATE];
}
