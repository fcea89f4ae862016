import type { Route, RouteBody, RouteName, RouteParams, RouteQuery, RouteResponse } from '@bulla/contract';
import { ProblemDocument, ROUTES, targetOf } from '@bulla/contract';
import type { Bytes, HttpRequestParts, RequestSummary, Trust } from '@bulla/crypto';
import { encodeBase64url, randomBytes, requestSummary, requestTargetOf, signRequest, strictParseBody, utf8, verifyResponse } from '@bulla/crypto';
import { BullaError, checked, fromProblem, transportFailed } from './errors.js';
import type { Identity } from './identity.js';
import { readBytes } from './response-bytes.js';

const RESPONSE_MAX_BYTES = 64 * 1024 * 1024;
const PROBLEM_MAX_BYTES = 64 * 1024;
const RETRIES = 2;
const BACKOFF_MS = 500;
const BACKOFF_MAX_MS = 8_000;
const ASKED_WAIT_MAX_MS = 60_000;

/** A service of the organisation as the signed directory names it. */
export interface Service {
  readonly url: URL;
  readonly urn: string;
}

interface CallOptions {
  /** The number of the state that the change is based on. */
  readonly ifMatch?: number;
  /** Fresh unless given: equal for every retry of one intention. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal | undefined;
  /** Longest wait for the header of the answer; 30 s unless given. */
  readonly timeoutMs?: number;
}

/** What one route takes. */
export interface Call<Name extends RouteName> extends CallOptions {
  readonly params?: RouteParams<Name>;
  readonly query?: RouteQuery<Name>;
  readonly body?: RouteBody<Name>;
}

type Texts = Readonly<Record<string, string | number | undefined>>;
/** A call after its types have done their work. */
interface AnyCall extends CallOptions {
  readonly params?: Texts;
  readonly query?: Texts;
  readonly body?: unknown;
}

export interface TransportOptions {
  readonly identity: Identity;
  readonly fetch: typeof fetch;
  /** Seconds. */
  readonly now: () => number;
}

/** A key for one intention, which its retries share: 128 random bits. */
export function newIdempotencyKey(): string {
  return encodeBase64url(randomBytes(16));
}

/** The only signed requests of the SDK (protocol.md §5). Answers count only if they are signed or are tokens themselves. */
export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /**
   * Asks a route and returns its parsed answer.
   * @throws {BullaError} the problem the service signed, or transport_failed
   */
  async call<Name extends RouteName>(name: Name, service: Service, trust: Trust, call: Call<Name>): Promise<RouteResponse<Name>> {
    const { response, body } = await this.exchange(name, service, trust, call);
    const route: Route = ROUTES[name];
    if (route.response === undefined) return undefined as RouteResponse<Name>;
    const bytes = body ?? (await readBytes(response, RESPONSE_MAX_BYTES));
    const result = route.response.safeParse(await checked(() => strictParseBody(bytes, { maxBytes: RESPONSE_MAX_BYTES })));
    if (!result.success) throw transportFailed('the answer does not have the form it should have', { status: response.status });
    return result.data as RouteResponse<Name>;
  }

  /**
   * Sends a request until somebody answers it: the same bytes under a fresh signature each time. A signed refusal is
   * thrown; an answer that is a token comes back unread, as a stream.
   */
  async exchange<Name extends RouteName>(name: Name, service: Service, trust: Trust, call: Call<Name>): Promise<{ response: Response; body?: Bytes }> {
    const idempotencyKey = call.idempotencyKey ?? newIdempotencyKey();
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#send(name, service, trust, { ...(call as AnyCall), idempotencyKey });
      } catch (error) {
        if (!(error instanceof BullaError) || !error.retryable || attempt === RETRIES || call.signal?.aborted === true) throw error;
        await pause(waitFor(error, attempt), call.signal);
      }
    }
  }

  async #send(name: RouteName, service: Service, trust: Trust, call: AnyCall & { idempotencyKey: string }): Promise<{ response: Response; body?: Bytes }> {
    const route: Route = ROUTES[name];
    const url = urlOf(name, service.url, call);
    const body = call.body === undefined ? undefined : utf8(JSON.stringify(call.body));
    const headers = new Headers({ accept: accepted(route) });
    if (body !== undefined) {
      headers.set('content-type', 'application/json');
      headers.set('idempotency-key', call.idempotencyKey);
    }
    if (call.ifMatch !== undefined) headers.set('if-match', `"${call.ifMatch}"`);
    const { identity, now } = this.#options;
    const target = requestTargetOf(route.method, url);
    const parts: HttpRequestParts = { ...target, header: (field) => headers.get(field) ?? undefined, ...(body && { body }) };
    const keyid = `${identity.urn}#${identity.signer.kid}`;
    const signed = await signRequest(parts, { keyid, signer: identity.signer, now: now() });
    for (const [field, value] of Object.entries(signed)) headers.set(field, value);
    const summary = requestSummary(target, headers.get('signature') ?? undefined);
    const response = await this.#fetch(url, { method: route.method, headers, ...(body && { body }) }, call);
    const isAnswer = response.status === route.status || (route.otherStatuses ?? []).includes(response.status);
    if (isAnswer && !route.signedResponse) return { response };
    const bytes = await readBytes(response, isAnswer ? RESPONSE_MAX_BYTES : PROBLEM_MAX_BYTES);
    const isSigned = await this.#isSigned(response, bytes, summary, service, trust);
    if (isAnswer && isSigned) return { response, body: bytes };
    throw isAnswer ? transportFailed('the answer is not signed by the service that was asked', { status: response.status }) : refusal(response, bytes, isSigned);
  }

  async #fetch(url: URL, init: RequestInit, { signal, timeoutMs = 30_000 }: CallOptions): Promise<Response> {
    // The time-out is for the header: an answer may stream for longer.
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), timeoutMs);
    try {
      const signals = [timeout.signal, ...(signal === undefined ? [] : [signal])];
      return await this.#options.fetch(url, { ...init, redirect: 'error', signal: AbortSignal.any(signals) });
    } catch (cause) {
      if (signal?.aborted === true) throw cause;
      throw transportFailed(timeout.signal.aborted ? `${url.origin} did not answer within ${timeoutMs / 1000} s` : `cannot reach ${url.origin}; is it running?`, { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  async #isSigned(response: Response, body: Bytes, summary: RequestSummary, service: Service, trust: Trust): Promise<boolean> {
    const parts = { status: response.status, header: (field: string) => response.headers.get(field) ?? undefined, ...(body.length > 0 && { body }) };
    try {
      await verifyResponse(parts, summary, { trust, now: this.#options.now(), expectedUrn: service.urn });
      return true;
    } catch {
      return false;
    }
  }
}

function urlOf(name: RouteName, base: URL, call: AnyCall): URL {
  return new URL(base.pathname.replace(/\/$/, '') + targetOf(name, call.params as never, call.query as never), base);
}

function accepted(route: Route): string {
  return [route.contentType ?? 'application/json', ...(route.event === undefined ? [] : ['text/event-stream']), 'application/problem+json'].join(', ');
}

/** What a refusal says. One that nobody signed may be anybody's word, so it says that too. */
function refusal(response: Response, bytes: Bytes, isSigned: boolean): BullaError {
  let problem: ProblemDocument | undefined;
  try {
    problem = ProblemDocument.parse(strictParseBody(bytes, { maxBytes: PROBLEM_MAX_BYTES }));
  } catch {
    // Not a problem document: something between us and the service answered.
  }
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  const retryAfterSeconds = Number.isFinite(retryAfter) ? retryAfter : undefined;
  if (problem === undefined) return transportFailed(`something that is no Bulla service answered ${response.status}`, { status: response.status });
  if (isSigned) return fromProblem(problem, retryAfterSeconds);
  // The service does not sign answers to requests it could not verify, so its reason is a hint and no more.
  return transportFailed(`${problem.detail ?? problem.title} (${problem.code}; this answer is not signed)`, {
    status: problem.status,
    requestId: problem.request_id,
    retryable: problem.retryable,
    retryAfterSeconds,
  });
}

function waitFor(error: BullaError, attempt: number): number {
  if (error.retryAfterSeconds !== undefined) return Math.min(error.retryAfterSeconds * 1000, ASKED_WAIT_MAX_MS);
  const most = Math.min(BACKOFF_MS * 2 ** attempt, BACKOFF_MAX_MS);
  return most / 2 + Math.random() * (most / 2);
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}
