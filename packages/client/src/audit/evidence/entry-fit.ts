import type { AuditLeaf, RequestFit } from '@bulla/contract';
import { actorsOf, fitOf, isChange, refusedActorsOf, routeOf, ROUTES } from '@bulla/contract';
import { misfit } from './misfit.js';
import type { ServiceAddresses } from './service-addresses.js';

/** An entry that names who did it. */
export type AskedLeaf = Extract<AuditLeaf, { who: unknown }>;

const API = '/api/v1/';
const METHOD = /^"@method": ([A-Z]+)$/m;
const AUTHORITY = /^"@authority": (\S+)$/m;
const PATH = /^"@path": (\S+)$/m;
const QUERY = /^"@query": \?(.*)$/m;

/**
 * Whether those who may do it are named as having done it, and with what shows that they asked (docs/spec/audit-log.md#entries).
 * @throws {CryptoError} signature_invalid (entry-evidence)
 */
export function requireActor(leaf: AuditLeaf): asserts leaf is AskedLeaf {
  if (leaf.act === 'request.refuse') return;
  const { act, res, who } = leaf;
  const allowed = res === 'ok' ? actorsOf(act) : refusedActorsOf(act);
  // guard: audit-actor
  if (!allowed.has(who.type)) throw misfit(`no ${who.type} can have done that`);
  // guard: audit-change-signed
  if ('kid' in who && leaf.ev === undefined && isChangeOf(leaf)) throw misfit('it names who did it, and no request');
}

/** Whether an entry says that something was changed; that a run ended is no request of its own. */
export function isChangeOf(leaf: AuditLeaf): boolean {
  return leaf.act !== 'request.refuse' && leaf.act !== 'invocation.finish' && leaf.res === 'ok' && isChange(leaf.act);
}

/**
 * Whether a request, as its signature base has it, brings about what an entry says: by its route, about the same, and to this service.
 * @throws {CryptoError} signature_invalid (entry-evidence)
 */
export function requireFit(leaf: AskedLeaf, base: string, addresses: ServiceAddresses): void {
  const [method = '', path = ''] = [METHOD.exec(base)?.[1], PATH.exec(base)?.[1]];
  // The address of a service may have a path of its own before that of the route.
  const start = Math.max(path.lastIndexOf(API), 0);
  const route = routeOf(method, path.slice(start));
  const fit = route && fitOf(leaf.act, route.name);
  const { path: named, query: asked = {} } = fit ?? { path: {} };
  // guard: audit-evidence-act
  if (route === undefined || fit === undefined) throw misfit('its evidence is a request for something else');
  // guard: audit-evidence-path
  if (!saysTheSame(leaf, named, route.params)) throw misfit('its evidence is a request about something else');
  const query = Object.fromEntries(new URLSearchParams(QUERY.exec(base)?.[1] ?? ''));
  // guard: audit-evidence-query
  if (!saysTheSame(leaf, asked, query)) throw misfit('its evidence is a request about other things');
  // What only vaults serve could have gone to no other: there is one.
  const isOfVaults = ROUTES[route.name].service === 'vault';
  // guard: audit-evidence-service
  if (!isOfVaults && addresses.isOfAnother(AUTHORITY.exec(base)?.[1] ?? '', path.slice(0, start)))
    throw misfit('its evidence is a request to another service');
}

/** What was refused may not say what it was about. */
function saysTheSame(
  leaf: AskedLeaf,
  named: RequestFit['path'],
  said: Readonly<Record<string, string | undefined>>,
): boolean {
  const facts = { ...leaf.obj, org: leaf.org } as Readonly<Record<string, string | number | undefined>>;
  return Object.entries(named).every(([part, member]) => {
    const text = said[part];
    if (member === null || text === undefined) return true;
    const fact = facts[member];
    return fact === undefined ? leaf.res !== 'ok' : String(fact) === text;
  });
}
