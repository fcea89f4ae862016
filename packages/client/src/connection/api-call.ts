import type { Route } from '@bulla/contract';
import { ROUTES, routeOf } from '@bulla/contract';
import type * as z from 'zod';
import { bullaError } from './errors.js';
import { readBytes } from './response-bytes.js';
import type { Session } from './session.js';
import { chosenResponder, vaultOf } from './session.js';

/** A request that the interface of a service has, as somebody writes it who reads that interface. */
export interface ApiCall {
  readonly method: string;
  /** Path, and query if there is one, such as `/api/v1/prompts?limit=10`. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>> | undefined;
  /** The number of the state that a change is based on. */
  readonly ifMatch?: number | undefined;
  /** URN of the responder; asked where one is named, or the path is one that only responders have. */
  readonly responder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a service answered. */
export interface ApiAnswer {
  readonly status: number;
  /** Empty where there is none (204). */
  readonly text: string;
  readonly isJson: boolean;
}

/** Longest answer that is read. */
const ANSWER_MAX_BYTES = 64 * 1024 * 1024;

/**
 * Sends one signed request. The answer is verified as that of this service where it is signed; what it says is the
 * service's word, and tokens in it are not verified.
 * @throws {BullaError} validation_failed for what the interface does not have, before anything is sent; what was refused
 */
export async function callApi(session: Session, call: ApiCall): Promise<ApiAnswer> {
  const { method, path, body, ifMatch, responder, signal } = call;
  const [where = '', search = ''] = path.split(/\?(.*)/s);
  const found = routeOf(method, where);
  if (found === undefined)
    throw bullaError('validation_failed', { message: `there is no ${method} ${where}`, origin: 'client' });
  const route: Route = ROUTES[found.name];
  const query = Object.fromEntries(new URLSearchParams(search));
  requireFit(route, { params: found.params, query, body });
  const trust = await session.keeper.current();
  const toResponder = route.service === 'responder' || responder !== undefined;
  const service = toResponder ? chosenResponder(session, trust, responder) : vaultOf(session, trust);
  const parts = {
    params: found.params,
    query: route.query && query,
    body: route.body && (body ?? {}),
    ifMatch,
    signal,
  };
  return session.transport.exchange(found.name, service, trust, parts as never, async ({ response, body: read }) => {
    const bytes = read ?? (await readBytes(response, ANSWER_MAX_BYTES));
    const isJson = /^application\/(?:[a-z.+-]+\+)?json\b/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, text: new TextDecoder().decode(bytes), isJson };
  });
}

/** Whether a request is as its route takes it; the service would refuse it in the same words. */
function requireFit(
  route: Route,
  given: { readonly params: object; readonly query: object; readonly body: object | undefined },
): void {
  const errors = [
    ...mistakesIn('/path', route.params, given.params),
    ...mistakesIn('/query', route.query, given.query),
    ...mistakesIn('', route.body, given.body ?? {}),
  ].slice(0, 20);
  if (errors.length > 0) {
    const message = `that is not what ${route.method} ${route.path} takes`;
    throw bullaError('validation_failed', { message, origin: 'client', errors });
  }
}

function mistakesIn(at: string, schema: z.ZodType | undefined, value: object): { pointer: string; message: string }[] {
  if (schema === undefined)
    return Object.keys(value).map((key) => ({ pointer: `${at}/${key}`, message: 'not known here' }));
  const issues = schema.safeParse(value).error?.issues ?? [];
  return issues.map(({ path, message }) => ({ pointer: `${at}/${path.map(String).join('/')}`, message }));
}
