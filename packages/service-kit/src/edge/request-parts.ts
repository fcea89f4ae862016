import type { Bytes } from '@bulla/crypto';
import type { HttpRequestParts } from '@bulla/crypto/http';
import { normalizeAuthority } from '@bulla/crypto/http';
import { Problem } from '@bulla/contract';
import type { FastifyRequest } from 'fastify';

/** The authorities that requests may be signed for; what Host says only chooses among them (protocol.md §5). */
export class Authorities {
  #known: ReadonlySet<string>;

  /** @param authorities host and optional port, as URLs have them: lower case, default port dropped. */
  constructor(authorities: readonly string[]) {
    this.#known = new Set(authorities);
  }

  get all(): readonly string[] {
    return [...this.#known];
  }

  /** For a service that learns its port when it listens. */
  replace(authorities: readonly string[]): void {
    this.#known = new Set(authorities);
  }

  /** @throws {Problem} validation_failed if Host names none of them. */
  choose(host: string | undefined): string {
    for (const scheme of ['https', 'http'] as const) {
      const authority = host === undefined ? undefined : normalizeAuthority(host, scheme);
      if (
        authority !== undefined &&
        this.#known.has(authority) // guard: request-host
      )
        return authority;
    }
    throw new Problem('validation_failed', { detail: 'Host is not an authority of this service' });
  }
}

/** Path and query exactly as they were sent, the query with its `?`. */
export function targetOf(request: FastifyRequest): { path: string; query: string } {
  const url = request.raw.url ?? '/';
  const at = url.indexOf('?');
  return at < 0 ? { path: url, query: '?' } : { path: url.slice(0, at), query: url.slice(at) };
}

/** A request as its signature sees it: from the raw header, before anything was decoded. */
export function requestParts(request: FastifyRequest, authority: string, body: Bytes | undefined): HttpRequestParts {
  const { rawHeaders } = request.raw;
  const header = (name: string) => fieldOf(rawHeaders, name);
  const parts = { method: request.method, authority, ...targetOf(request), header };
  return body === undefined || body.length === 0 ? parts : { ...parts, body };
}

/** The values of a field by its lower-case name, several of them joined (RFC 9421 §2.1). Few are asked for of those that come. */
function fieldOf(rawHeaders: readonly string[], name: string): string | undefined {
  let field: string | undefined;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const found = rawHeaders[at] ?? '';
    if (found.length !== name.length || found.toLowerCase() !== name) continue;
    const value = (rawHeaders[at + 1] ?? '').trim();
    // guard: request-raw-fields without: field = value;
    field = field === undefined ? value : `${field}, ${value}`;
  }
  return field;
}
