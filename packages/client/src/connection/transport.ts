import type { Route, RouteBody, RouteName, RouteParams, RouteQuery, RouteResponse } from '@bulla/contract';
import { ROUTES, targetOf } from '@bulla/contract';
import type { Bytes, Trust } from '@bulla/crypto';
import type { HttpRequestParts, RequestSummary, ResponseTrust } from '@bulla/crypto/http';
import type { PublicKey } from '@bulla/crypto/key-files';
import { decodeUtf8, encodeBase64url, randomBytes, strictParseBody, utf8 } from '@bulla/crypto';
import { requestSummary, requestTargetOf, signRequest, verifyResponse } from '@bulla/crypto/http';
import type { Again } from './backoff.js';
import { pause, retryAFewTimes } from './backoff.js';
import type { SignedAnswer } from './errors.js';
import { BullaError, checked, transportFailed } from './errors.js';
import type { Identity } from './identity.js';
import { requestSigner } from './identity.js';
import { PROBLEM_MAX_BYTES, refusalOf } from './refusal.js';
import { changedKey } from './changed-key.js';
import { readBytes } from './response-bytes.js';
import { urlUnder } from './url-under.js';
import { unreachable } from './unreachable.js';

const RESPONSE_MAX_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 30_000;
/** Tries after the first. */
const RETRIES = 2;

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
  /** Longest wait for an answer, or for the beginning of one that comes in parts; 30 s unless given. */
  readonly timeoutMs?: number;
  /** The one media type that is taken, where a route has several; else that of the route. */
  readonly media?: AnswerMedia;
  /** When to try again; a few times, as the client was told, unless given. */
  readonly again?: Again;
  /** Keys of the service by which it may sign this answer, although no directory lists them: people vouch for them. */
  readonly alsoBy?: readonly PublicKey[];
}

/** What one route takes. */
export interface Call<Name extends RouteName> extends CallOptions {
  readonly params?: RouteParams<Name>;
  readonly query?: RouteQuery<Name>;
  readonly body?: RouteBody<Name>;
}

/** A request as every try sends it: only its signature is made anew. */
interface Intention {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Bytes | undefined;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
  readonly alsoBy: readonly PublicKey[];
}

/** An answer whose body is still to be read; where the service signed the body, it was read and verified. */
export interface Arrival {
  readonly response: Response;
  readonly body?: Bytes;
  /** Of the key by which the service signed it, where it did. */
  readonly kid?: string;
  /** Breaks the connection: what is being read of the body fails. */
  readonly stop: () => void;
}

/** What routes that can answer in parts are asked for. */
export type AnswerMedia = 'application/json' | 'text/event-stream';

export interface TransportOptions {
  readonly identity: Identity;
  readonly fetch: typeof fetch;
  /** Seconds. */
  readonly now: () => number;
  /** As TrustKeeper.withKnownKeys; unless given, a key that is unknown stays so. */
  readonly withKnownKeys?: <Value>(trust: Trust, work: (trust: Trust) => Promise<Value>) => Promise<Value>;
  /** Tries after the first; 2 unless given. */
  readonly retries?: number | undefined;
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
   * @throws {BullaError} the problem the service signed, or transport_failed; the signal's reason if it aborts
   */
  async call<Name extends RouteName>(
    name: Name,
    service: Service,
    trust: Trust,
    call: Call<Name>,
  ): Promise<RouteResponse<Name>> {
    const { response: schema }: Route = ROUTES[name];
    return this.exchange(name, service, trust, call, async ({ response, body }) => {
      if (schema === undefined) return undefined as RouteResponse<Name>;
      const result = schema.safeParse(parseJson(body ?? (await readBytes(response, RESPONSE_MAX_BYTES))));
      if (!result.success)
        throw transportFailed('the answer does not have the form it should have', { status: response.status });
      return result.data as RouteResponse<Name>;
    });
  }

  /**
   * `kid` of the key by which a service signs its answers now; an auditor or admin asks for its checkpoint.
   * @throws {BullaError} as {@link call}
   */
  signsWith(service: Service, trust: Trust): Promise<string> {
    return this.exchange('audit.checkpoint', service, trust, {}, ({ kid = '' }) => Promise.resolve(kid));
  }

  /**
   * Sends a request until somebody answers it: the same bytes under a fresh signature each time. A signed refusal is
   * thrown; an answer goes to `read`, whose faults on the way (transport_failed) are reason to try again too.
   */
  async exchange<Name extends RouteName, Value>(
    name: Name,
    service: Service,
    trust: Trust,
    call: Call<Name>,
    read: (arrival: Arrival) => Promise<Value>,
  ): Promise<Value> {
    const intention = intentionOf(name, service, call);
    const { again = retryAFewTimes } = call;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#try(ROUTES[name], service, trust, intention, read);
      } catch (error) {
        const wait = error instanceof BullaError ? again(error, attempt, this.#options.retries ?? RETRIES) : undefined;
        if (wait === undefined) throw error;
        await pause(wait, call.signal);
      }
    }
  }

  async #try<Value>(
    route: Route,
    service: Service,
    trust: Trust,
    intention: Intention,
    read: (arrival: Arrival) => Promise<Value>,
  ): Promise<Value> {
    const { url, signal, timeoutMs } = intention;
    const [deadline, broken] = [new AbortController(), new AbortController()];
    const timer = setTimeout(() => deadline.abort(), timeoutMs);
    try {
      const aborted = AbortSignal.any([deadline.signal, broken.signal, ...(signal === undefined ? [] : [signal])]);
      const arrival = await this.#send(route, service, trust, intention, aborted);
      return await read({ ...arrival, stop: () => broken.abort() });
    } catch (error) {
      signal?.throwIfAborted();
      throw deadline.signal.aborted
        ? transportFailed(`${url.origin} did not answer within ${timeoutMs / 1000} s`)
        : error;
    } finally {
      // What still arrives of a stream may take longer.
      clearTimeout(timer);
    }
  }

  async #send(
    route: Route,
    service: Service,
    trust: Trust,
    { method, url, headers, body, alsoBy }: Intention,
    aborted: AbortSignal,
  ): Promise<Omit<Arrival, 'stop'>> {
    const { identity, now } = this.#options;
    const target = requestTargetOf(method, url);
    const parts: HttpRequestParts = { ...target, header: (field) => headers[field], ...(body && { body }) };
    const signer = requestSigner(identity, trust, now());
    const signed = await signRequest(parts, { keyid: `${identity.urn}#${signer.kid}`, signer, now: now() });
    const init = {
      method,
      headers: { ...headers, ...signed },
      ...(body && { body }),
      redirect: 'error', // guard: client-redirect without: redirect: 'follow'
      signal: aborted,
    } as const;
    const response = await this.#options.fetch(url, init).catch((cause: unknown) => {
      throw cause instanceof BullaError ? cause : unreachable(url.origin, cause);
    });
    const isAnswer = response.status === route.status || (route.otherStatuses ?? []).includes(response.status);
    if (isAnswer && !route.signedResponse) return { response };
    const bytes = await readBytes(response, isAnswer ? RESPONSE_MAX_BYTES : PROBLEM_MAX_BYTES);
    const summary = requestSummary(target, signed['signature']);
    const kid = await this.#signedWith(response, bytes, summary, service, { trust, alsoBy });
    if (!isAnswer) {
      const request = { ...signed, ...(headers['content-digest'] && { 'content-digest': headers['content-digest'] }) };
      throw refusalOf(response, bytes, kid === undefined ? undefined : kept({ method, url, request }, response, bytes));
    }
    // guard: client-response-signed without: if (kid === undefined) return { response, body: bytes };
    if (kid === undefined)
      throw transportFailed('the answer is not signed by the service that was asked', { status: response.status });
    return { response, body: bytes, kid };
  }

  /** `kid` of the key of the service that signed it; undefined if none did. */
  async #signedWith(
    response: Response,
    body: Bytes,
    request: RequestSummary,
    service: Service,
    { trust, alsoBy }: { readonly trust: Trust; readonly alsoBy: readonly PublicKey[] },
  ): Promise<string | undefined> {
    const parts = {
      status: response.status,
      header: (field: string) => response.headers.get(field) ?? undefined,
      ...(body.length > 0 && { body }),
    };
    const { now, withKnownKeys = (newest, work) => work(newest) } = this.#options;
    let newest = trust;
    try {
      const { keyid } = await withKnownKeys(trust, (known) => {
        newest = known;
        const believed = beside(known, service.urn, alsoBy);
        return checked(() => verifyResponse(parts, request, { trust: believed, now: now(), expectedUrn: service.urn }));
      });
      return keyid.slice(keyid.indexOf('#') + 1);
    } catch (error) {
      const changed = changedKey(response, service.urn, newest, now(), error);
      if (changed !== undefined) throw changed;
      return undefined;
    }
  }
}

function intentionOf<Name extends RouteName>(name: Name, service: Service, call: Call<Name>): Intention {
  const route: Route = ROUTES[name];
  const body = call.body === undefined ? undefined : utf8(JSON.stringify(call.body));
  const types = [call.media ?? route.contentType ?? 'application/json', 'application/problem+json'];
  return {
    method: route.method,
    url: urlUnder(service.url, targetOf(name, call.params as RouteParams<Name>, call.query as never)),
    headers: {
      accept: types.join(', '),
      ...(body && {
        'content-type': 'application/json',
        'idempotency-key': call.idempotencyKey ?? newIdempotencyKey(),
      }),
      ...(call.ifMatch !== undefined && { 'if-match': `"${call.ifMatch}"` }),
    },
    body,
    signal: call.signal,
    timeoutMs: call.timeoutMs ?? TIMEOUT_MS,
    alsoBy: call.alsoBy ?? [],
  };
}

const ANSWER_FIELDS = ['content-type', 'content-digest', 'signature-input', 'signature'];

/** A refusal, so that somebody who keeps it can show what the service signed. */
function kept(
  { method, url, request }: { method: string; url: URL; request: Readonly<Record<string, string>> },
  response: Response,
  body: Bytes,
): SignedAnswer {
  const fields = ANSWER_FIELDS.map((name) => [name, response.headers.get(name) ?? ''] as const);
  const { status } = response;
  return { method, url: url.href, request, status, headers: Object.fromEntries(fields), body: decodeUtf8(body) };
}

/** What the directory lists, and keys of one service beside it. */
function beside(trust: Trust, urn: string, keys: readonly PublicKey[]): ResponseTrust {
  return {
    requireKey(kid, need) {
      const key = keys.find((one) => one.kid === kid && one.pur.includes(need.purpose));
      return key === undefined
        ? trust.requireKey(kid, need)
        : { urn, record: { ...key, nbf: 0, use_until: need.now, end: need.now } };
    },
  };
}

/** A body that does not parse is not an answer of our services: it shows a fault on the way. */
function parseJson(bytes: Bytes): unknown {
  try {
    return strictParseBody(bytes, { maxBytes: RESPONSE_MAX_BYTES });
  } catch (cause) {
    throw transportFailed('the answer is not JSON as it should be', { cause });
  }
}
