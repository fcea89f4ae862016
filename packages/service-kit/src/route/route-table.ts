import { BODY_BYTES_MAX, problemsOf, ROUTES } from '@bulla/contract';
import type { Permission, ProblemCode, Route, RouteName } from '@bulla/contract';
import type * as z from 'zod';

export type ServiceName = 'vault' | 'responder';

/** What shows who sends a request. `signature`: by a key of the directory. */
export type RouteCredential = 'signature' | NonNullable<Route['credential']>;

/** The header without which nobody can be the sender. */
export const CREDENTIAL_HEADERS = {
  signature: 'signature-input',
  enrolment: 'signature-input',
  bootstrap: 'authorization',
} as const satisfies Record<RouteCredential, string>;

/** A route of the contract as the kit works with it: every member has a value. */
export interface RouteEntry {
  readonly name: RouteName;
  readonly service: Route['service'];
  readonly method: Route['method'];
  /** As OpenAPI writes it, with braces. */
  readonly path: string;
  readonly summary: string;
  /** Undefined for a public route. */
  readonly permission: Permission | undefined;
  /** Why anybody may call it. */
  readonly public: string | undefined;
  readonly params: z.ZodObject | undefined;
  readonly query: z.ZodObject | undefined;
  readonly headers: z.ZodObject | undefined;
  readonly body: z.ZodType<object> | undefined;
  readonly bodyBytesMax: number;
  /** Of a device that the policy lets chat; undefined where it is the same. */
  readonly chatBodyBytesMax: number | undefined;
  /** What the caller has to show; undefined where anybody may call. */
  readonly credential: RouteCredential | undefined;
  readonly status: number;
  readonly otherStatuses: readonly number[];
  readonly response: z.ZodType | undefined;
  readonly contentType: string;
  /** Whether the answer is a page for people, or may be. */
  readonly page: boolean;
  readonly event: z.ZodType | undefined;
  readonly signedResponse: boolean;
  /** By which documents its caller is judged; current ones where undefined. */
  readonly judgedBy: Route['judgedBy'];
  /** Whether its body may bring documents that let its caller in. */
  readonly carriesCaller: boolean;
  /** All that it can be answered with instead, those of the edge aside. */
  readonly problems: readonly ProblemCode[];
  /** The command that sends it, where `bulla api` cannot. */
  readonly command: string | undefined;
}

const ENTRIES: ReadonlyMap<string, RouteEntry> = new Map(
  Object.entries<Route>(ROUTES).map(([name, route]) => [name, complete(name as RouteName, route)]),
);

/** What the kit itself answers; every other route needs a handler of the service. */
const OWN: ReadonlySet<RouteName> = new Set([
  'health.live',
  'health.ready',
  'interface.index',
  'interface.document',
  'interface.page',
]);

/** The entry of a route; names are closed, so there is one. */
export function entryOf(name: RouteName): RouteEntry {
  const entry = ENTRIES.get(name);
  if (entry === undefined) throw new Error(`the contract has no route ${name}`);
  return entry;
}

/** Everything a service answers. */
export function entriesOf(service: ServiceName): RouteEntry[] {
  return [...ENTRIES.values()].filter((entry) => entry.service === service || entry.service === 'both');
}

/** What a service must have a handler for. */
export function entriesToHandle(service: ServiceName): RouteEntry[] {
  return entriesOf(service).filter(({ name }) => !OWN.has(name));
}

/** The path as the router writes it, with colons. */
export function routerPath(path: string): string {
  return path.replaceAll(/\{([a-z_]+)\}/g, ':$1');
}

/** The methods of a service at the path of a request; empty where it answers nothing. */
export function methodsAt(service: ServiceName, path: string): string[] {
  const methods = entriesOf(service).filter((entry) => patternOf(entry.path).test(path));
  return [...new Set(methods.map(({ method }) => method))].toSorted();
}

function patternOf(path: string): RegExp {
  const escaped = path.replaceAll(/[.+*?^$()[\]|\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll(/\{[a-z_]+\}/g, '[^/]+')}$`);
}

function complete(name: RouteName, route: Route): RouteEntry {
  return Object.freeze({
    name,
    service: route.service,
    method: route.method,
    path: route.path,
    summary: route.summary,
    permission: route.permission,
    public: route.public,
    params: route.params,
    query: route.query,
    headers: route.headers,
    body: route.body,
    bodyBytesMax: route.bodyBytesMax ?? BODY_BYTES_MAX,
    chatBodyBytesMax: route.chatBodyBytesMax,
    credential: route.permission === undefined ? route.credential : 'signature',
    status: route.status,
    otherStatuses: route.otherStatuses ?? [],
    response: route.response,
    contentType: route.contentType ?? 'application/json',
    page: route.page === true,
    event: route.event,
    signedResponse: route.signedResponse,
    judgedBy: route.judgedBy,
    carriesCaller: route.carriesCaller === true,
    problems: problemsOf(route),
    command: route.command,
  });
}

const BY_ROUTE: ReadonlyMap<string, RouteEntry> = new Map(
  [...ENTRIES.values()].map((entry) => [`${entry.method} ${routerPath(entry.path)}`, entry]),
);

/** The entry of a matched route; undefined for what is not in the contract. @param url as the router writes it. */
export function entryAt(method: string, url: string | undefined): RouteEntry | undefined {
  return BY_ROUTE.get(`${method} ${url}`);
}

const GUARDED = new Set(
  [...ENTRIES.values()].filter(({ credential }) => credential !== undefined).map(({ path }) => routerPath(path)),
);

/** Whether a matched route judges who calls it. */
export function judgesCaller(options: { readonly url?: string | undefined } | undefined): boolean {
  return options?.url !== undefined && GUARDED.has(options.url);
}
