import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { tlsFaultOf } from '@bulla/contract';
import { decodeUtf8, type Secret, utf8 } from '@bulla/crypto';
import type { UpstreamCause } from './model-error.js';
import { brokenAnswer, ModelError } from './model-error.js';
import { UpstreamBody } from './upstream-body.js';
import type { ModelTimeouts, UpstreamWatch } from './upstream-watch.js';

const RETRY_AFTER_MAX_SECONDS = 3_600;
/** An unused connection is closed before a server would: a run is never sent into one that is ending. */
const IDLE_CONNECTION_MS = 4_000;
const CONNECT_TIMEOUT = 'ERR_CONNECT_TIMEOUT';
/** What the codes of a connection mean for an operator who looks for a model server. */
const CONNECTION_CAUSES: Readonly<Record<string, UpstreamCause>> = {
  ECONNREFUSED: 'connection_refused',
  ENOTFOUND: 'host_unknown',
  EAI_AGAIN: 'host_unknown',
  ECONNRESET: 'hung_up',
  EPIPE: 'hung_up',
};

export interface UpstreamCall {
  readonly method: 'GET' | 'POST';
  /** Below the base URL, such as `/models`. */
  readonly path: string;
  readonly body?: string;
  /** The only media type that is an answer. */
  readonly accept: 'application/json' | 'text/event-stream';
  readonly requestId: string;
  readonly bytesMax: number;
}

/** What each request to a server has besides. */
export interface UpstreamHeaders {
  /** What the key is sent as; a bearer token unless given. */
  readonly keyAs?: 'x-api-key' | 'api-key';
  readonly fixed?: Readonly<Record<string, string>>;
}

/** HTTP to one model server. Redirects are errors: the prompt goes where the settings say, or nowhere. */
export class Upstream {
  readonly #url: string;
  readonly #apiKey: Secret | undefined;
  readonly #timeouts: ModelTimeouts;
  readonly #agent: Agent;
  readonly #headers: UpstreamHeaders;

  constructor(url: string, apiKey: Secret | undefined, timeouts: ModelTimeouts, headers: UpstreamHeaders = {}) {
    this.#url = url;
    this.#apiKey = apiKey;
    this.#timeouts = timeouts;
    this.#headers = headers;
    const options = { keepAlive: true, timeout: IDLE_CONNECTION_MS };
    this.#agent = url.startsWith('https:') ? new TlsAgent(options) : new Agent(options);
  }

  /**
   * Sends one request, and reads its answer's head; it is never sent twice.
   * @throws {ModelError} for every status but 200, every other media type, no connection, too late; the abort's reason.
   */
  async send(call: UpstreamCall, watch: UpstreamWatch): Promise<UpstreamBody> {
    const answer = await watch.within(this.#timeouts.firstByteMs, 'no answer began', () =>
      this.#request(call, watch.signal),
    );
    const { statusCode = 0, headers } = answer;
    if (statusCode !== 200) throw statusError(statusCode, headers['retry-after']);
    if (headers['content-encoding'] !== undefined) throw brokenAnswer('it is compressed, which was not asked for');
    if (mediaType(headers['content-type']) !== call.accept) throw brokenAnswer(`it is not ${call.accept}`);
    return new UpstreamBody(answer, watch, call.bytesMax);
  }

  close(): void {
    this.#agent.destroy();
  }

  #keyHeader(): Record<string, string> {
    if (this.#apiKey === undefined) return {};
    const key = decodeUtf8(this.#apiKey.reveal());
    const { keyAs } = this.#headers;
    return keyAs === undefined ? { authorization: `Bearer ${key}` } : { [keyAs]: key };
  }

  async #request(call: UpstreamCall, signal: AbortSignal): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const body = call.body === undefined ? undefined : utf8(call.body);
    const send = this.#agent instanceof TlsAgent ? tlsRequest : request;
    const sent = send(`${this.#url}${call.path}`, {
      method: call.method,
      agent: this.#agent,
      headers: {
        accept: call.accept,
        'accept-encoding': 'identity',
        'x-request-id': call.requestId,
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
        ...this.#headers.fixed,
        ...this.#keyHeader(),
      },
    });
    sent.once('response', (answer) => {
      // A reader learns of it from the read itself. When it is aborted, there may be no reader.
      answer.on('error', () => {});
      resolve(answer);
    });
    sent.on('error', reject);
    // Not as an option of the request: its error would come out of a connection that nobody listens to.
    signal.addEventListener('abort', () => sent.destroy(), { once: true });
    sent.once('close', () => body?.fill(0));
    const late = setTimeout(
      () => sent.destroy(Object.assign(new Error('late'), { code: CONNECT_TIMEOUT })),
      this.#timeouts.connectMs,
    );
    sent.once('socket', (socket) => {
      wipeRead(socket, sent);
      if (!socket.connecting) clearTimeout(late);
      else socket.once(this.#agent instanceof TlsAgent ? 'secureConnect' : 'connect', () => clearTimeout(late));
    });
    sent.end(body);
    try {
      return await promise;
    } catch (error) {
      throw connectionError(error);
    } finally {
      clearTimeout(late);
    }
  }
}

/** Each piece that was read is wiped once Node's parser, which copies what it takes and listens first, has seen it. */
function wipeRead(socket: Socket, sent: ClientRequest): void {
  const wipe = (piece: Buffer): void => {
    piece.fill(0);
  };
  socket.on('data', wipe);
  sent.once('close', () => socket.off('data', wipe));
}

/** Only the code is kept: messages and causes of a client may carry what was sent or received. */
function connectionError(error: unknown): ModelError {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';
  if (code === CONNECT_TIMEOUT)
    return new ModelError('upstream_timeout', 'the upstream was too slow: no connection', { cause: 'too_slow' });
  const cause = CONNECTION_CAUSES[code] ?? causeByKind(code, error);
  return new ModelError('upstream_unavailable', `the upstream could not be reached or hung up (${code})`, { cause });
}

function causeByKind(code: string, error: unknown): UpstreamCause {
  if (tlsFaultOf(error) !== undefined) return 'tls_failed';
  // Node's parser of HTTP.
  return code.startsWith('HPE_') ? 'not_completions' : 'unreachable';
}

function statusError(status: number, retryAfter: string | string[] | undefined): ModelError {
  const retryAfterSeconds = parseRetryAfter(retryAfter);
  const fault = { cause: 'http_status', status, retryAfterSeconds } as const;
  if (status === 401 || status === 403)
    return new ModelError('upstream_auth', `the upstream refused our key (${status})`, fault);
  if (status === 429) return new ModelError('upstream_rate_limited', 'the upstream limits our rate (429)', fault);
  if (status === 408 || status === 504)
    return new ModelError('upstream_timeout', `the upstream gave up (${status})`, fault);
  return new ModelError('upstream_unavailable', `the upstream answered ${status} and no completion`, fault);
}

/** Seconds or a date (RFC 9110 §10.2.3), brought between one second and an hour; anything else is as if absent. */
function parseRetryAfter(value: string | string[] | undefined): number | undefined {
  if (typeof value !== 'string') return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - Date.now()) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 1), RETRY_AFTER_MAX_SECONDS);
}

function mediaType(contentType: string | string[] | undefined): string | undefined {
  return typeof contentType === 'string' ? contentType.split(';')[0]?.trim().toLowerCase() : undefined;
}
