import type { Route, RouteName, RouteResponse } from '@bulla/contract';
import { ROUTES } from '@bulla/contract';
import type { Bytes, Trust } from '@bulla/crypto';
import { encodeBase64url, randomBytes, strictParseBody, utf8 } from '@bulla/crypto';
import type { HttpRequestParts } from '@bulla/crypto/http';
import { requestSummary, requestTargetOf, signRequest, verifyResponse } from '@bulla/crypto/http';
import type { Clock, ServiceKeys } from '@bulla/service-kit';

const TIMEOUT_MS = 10_000;
/** A page of the largest grants and headers. */
const RESPONSE_MAX_BYTES = 1024 * 1024;
const TOO_MANY = 429;
const OVERLOADED = 503;
const WAIT_SECONDS_MAX = 30;

/** The vault did not do what it was asked for; how long it wants to be left alone, where it says so. */
export class VaultRefused extends Error {
  override readonly name = 'VaultRefused';
  readonly code: 'no_connection' | 'stopping' | 'refused' | 'busy' | 'not_signed' | 'malformed' | 'too_large';
  readonly waitMs: number | undefined;

  constructor(code: VaultRefused['code'], waitMs?: number) {
    super(`the vault did not answer as it should: ${code}`);
    this.code = code;
    this.waitMs = waitMs;
  }
}

/** Where the vault is, and until when it is asked. */
export interface VaultPlace {
  /** Base URL. */
  readonly vaultUrl: string;
  /** Aborts when the service ends: nobody waits for a vault that does not answer. */
  readonly stopping: AbortSignal;
}

/** Requests of this responder to its vault: signed, and answered only where the vault signed the answer. */
export class VaultRequests {
  constructor(
    private readonly place: VaultPlace,
    private readonly keys: ServiceKeys,
    private readonly clock: Clock,
  ) {}

  /**
   * @param sent the path with its query, and the body of a route that has one
   * @throws {VaultRefused}
   */
  async ask<Name extends RouteName>(
    name: Name,
    trust: Trust,
    { path, body: sent }: { readonly path: string; readonly body?: object },
  ): Promise<RouteResponse<Name>> {
    const route: Route = ROUTES[name];
    const url = new URL(`${this.place.vaultUrl.replace(/\/+$/, '')}${path}`);
    const body = sent === undefined ? undefined : utf8(JSON.stringify(sent));
    const headers: Record<string, string> = {
      accept: 'application/json, application/problem+json',
      ...(body && { 'content-type': 'application/json', 'idempotency-key': encodeBase64url(randomBytes(16)) }),
    };
    const target = requestTargetOf(route.method, url);
    const parts: HttpRequestParts = { ...target, header: (field) => headers[field], ...(body && { body }) };
    const now = this.clock.now();
    const signer = this.keys.signer('http', trust, now);
    const signed = await signRequest(parts, { keyid: `${this.keys.urn}#${signer.kid}`, signer, now });
    const sending = { method: route.method, headers: { ...headers, ...signed }, body };
    const { response, bytes } = await exchange(url, sending, this.place.stopping);
    if (response.status === TOO_MANY || response.status === OVERLOADED)
      throw new VaultRefused('busy', waitOf(response));
    if (response.status !== route.status) throw new VaultRefused('refused');
    if (route.response === undefined) return undefined as RouteResponse<Name>;
    const request = requestSummary(target, signed['signature']);
    // guard: moves-signed
    if (!(await this.isSigned(response, bytes, request, trust))) throw new VaultRefused('not_signed');
    const parsed = route.response.safeParse(parse(bytes));
    if (!parsed.success) throw new VaultRefused('malformed');
    return parsed.data as RouteResponse<Name>;
  }

  private async isSigned(
    response: Response,
    body: Bytes,
    request: Parameters<typeof verifyResponse>[1],
    trust: Trust,
  ): Promise<boolean> {
    const [expectedUrn = ''] = trust.entitiesOf('vault');
    const header = (field: string) => response.headers.get(field) ?? undefined;
    const parts = { status: response.status, header, body };
    return verifyResponse(parts, request, { trust, now: this.clock.now(), expectedUrn }).then(
      () => true,
      () => false,
    );
  }
}

async function exchange(
  url: URL,
  { method, headers, body }: { method: string; headers: Record<string, string>; body: Bytes | undefined },
  stopping: AbortSignal,
): Promise<{ response: Response; bytes: Bytes }> {
  try {
    const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), stopping]);
    const init = { method, headers, redirect: 'error', signal } as const;
    const response = await fetch(url, { ...init, ...(body && { body }) });
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      // guard: moves-size
      if (length > RESPONSE_MAX_BYTES) throw new VaultRefused('too_large');
      chunks.push(chunk);
    }
    return { response, bytes: new Uint8Array(Buffer.concat(chunks)) };
  } catch (error) {
    throw error instanceof VaultRefused ? error : new VaultRefused(stopping.aborted ? 'stopping' : 'no_connection');
  }
}

/** Undefined for what is no JSON, which no answer is. */
function parse(bytes: Bytes): unknown {
  try {
    return strictParseBody(bytes, { maxBytes: RESPONSE_MAX_BYTES });
  } catch {
    return undefined;
  }
}

function waitOf(response: Response): number {
  const seconds = Number(response.headers.get('retry-after') ?? 1);
  return Math.min(Number.isFinite(seconds) ? Math.max(seconds, 1) : 1, WAIT_SECONDS_MAX) * 1000;
}
