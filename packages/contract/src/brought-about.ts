import { DEVICE_ROLES, GATEWAY_ROLES } from '@bulla/crypto/names';
import type { AuditAct, AuditFacts } from './events.js';
import type { RouteName, RouteParams, RouteQuery } from './http/route-call.js';
import type { Route } from './http/route.js';
import type { Permission } from './roles.js';
import { Kind, may } from './roles.js';
import { ROUTES } from './routes.js';

/** What an entry of the audit log may say that acted. */
export type ActorType = Kind | 'enrolment' | 'bootstrap' | 'documents' | 'service';

/** The name of a member of the entry that says the same as a part of the request; null where none does. */
type Named<Act extends AuditAct> = keyof AuditFacts<Act> | 'org' | null;

/** How a request of a route has to fit what it brought about: each of its path's braces, and what of its query is said again. */
interface Fit<Act extends AuditAct, Name extends RouteName> {
  readonly path: RouteParams<Name> extends undefined
    ? Readonly<Partial<Record<string, never>>>
    : { readonly [Key in keyof RouteParams<Name>]-?: Named<Act> };
  readonly query?: { readonly [Key in keyof RouteQuery<Name>]?: Named<Act> };
}

interface Origins<Act extends AuditAct> {
  /** The route that bears the name of the act, and others whose requests bring it about as well. */
  readonly routes: { readonly [Name in RouteName]?: Fit<Act, Name> } & (Act extends RouteName
    ? { readonly [Name in Act]: Fit<Act, Name> }
    : unknown);
  /** Who does it without a signed request. */
  readonly unasked?: readonly ('documents' | 'service')[];
}

const ofOrganisation = { path: { org: 'org' } } as const;
const underRoot = { path: { org: 'org', n: null } } as const;
const ofPrompt = { path: { id: 'prompt' } } as const;
const ofLabel = { path: { id: 'prompt', label: 'label' } } as const;
const ofApproval = { path: { id: 'approval' } } as const;
const ofInvitation = { path: { id: 'invitation' } } as const;
const ofEnrolment = { path: { id: 'enrolment' } } as const;
const ofJob = { path: { id: 'job' } } as const;
const alone = { path: {} } as const;
const byItself = { routes: {}, unasked: ['service'] } as const;

/**
 * Which requests bring about each act of the audit log, and who does what nobody signed a request for. A verifier goes by
 * it (docs/spec/audit-log.md#entries): what a service writes and this does not have is called a misfit for ever. So each
 * pair of act and route is seen in a log that verifies (test/e2e/every-act.test.ts).
 */
export const BROUGHT_ABOUT = {
  'organisation.create': { routes: { 'organisation.create': ofOrganisation } },
  'root.publish': { routes: { 'root.publish': { path: { org: 'org', n: 'version' } } } },
  // A root comes with what is signed under it.
  'policy.publish': { routes: { 'policy.publish': ofOrganisation, 'root.publish': underRoot } },
  'directory.publish': { routes: { 'directory.publish': ofOrganisation, 'root.publish': underRoot } },
  'directory.freshen': { routes: { 'directory.freshen': ofOrganisation } },
  'organisation.handback': { routes: { 'organisation.handback': ofOrganisation }, unasked: ['documents'] },
  'organisation.resume': { routes: { 'organisation.resume': ofOrganisation } },
  'invitation.create': { routes: { 'invitation.create': alone } },
  'invitation.list': { routes: { 'invitation.list': alone } },
  'invitation.delete': { routes: { 'invitation.delete': ofInvitation } },
  'enrolment.create': { routes: { 'enrolment.create': alone } },
  'enrolment.get': { routes: { 'enrolment.get': ofEnrolment } },
  'enrolment.list': { routes: { 'enrolment.list': alone } },
  'enrolment.approve': { routes: { 'enrolment.approve': ofEnrolment } },
  'enrolment.refuse': { routes: { 'enrolment.refuse': ofEnrolment } },
  'prompt.create': {
    routes: { 'prompt.create': alone, 'version.create': ofPrompt, 'version.entrust': ofPrompt },
  },
  'prompt.list': { routes: { 'prompt.list': alone } },
  'prompt.find': { routes: { 'prompt.find': alone } },
  'prompt.get': { routes: { 'prompt.get': ofPrompt } },
  'prompt.delete': { routes: { 'prompt.delete': ofPrompt } },
  'version.create': { routes: { 'version.create': ofPrompt } },
  'version.entrust': { routes: { 'version.entrust': ofPrompt } },
  'version.list': { routes: { 'version.list': ofPrompt } },
  'version.get': { routes: { 'version.get': { path: { id: 'prompt', n: 'version' } } } },
  'label.move': { routes: { 'label.move': ofLabel, 'version.create': ofPrompt } },
  'label.list': { routes: { 'label.list': ofPrompt } },
  'label.get': { routes: { 'label.get': ofLabel } },
  'label.confirm': { routes: { 'label.confirm': ofLabel } },
  'label.chain': { routes: { 'label.chain': ofLabel } },
  'label.all': { routes: { 'label.all': alone } },
  'label.freshen': { routes: { 'label.freshen': alone } },
  'label.handback': { routes: { 'label.handback': alone } },
  'label.history': { routes: { 'label.history': ofLabel } },
  'approval.list': { routes: { 'approval.list': alone } },
  'approval.get': { routes: { 'approval.get': ofApproval } },
  'approval.give': { routes: { 'approval.give': ofApproval } },
  'approval.drop': { routes: { 'approval.drop': ofApproval } },
  'grant.add': { routes: { 'grant.add': ofPrompt } },
  'grant.make': byItself,
  'wrap.delete': {
    routes: {
      'prompt.delete': ofPrompt,
      'directory.publish': ofOrganisation,
      'root.publish': underRoot,
      // A directory that lists a newcomer may name another policy, too.
      'enrolment.approve': { path: { id: null } },
    },
    unasked: ['service'],
  },
  'grant.list': { routes: { 'grant.list': ofPrompt } },
  'grant.delete': { routes: { 'grant.delete': { path: { id: 'prompt', whash: 'whash' } } } },
  'grant.collect': { routes: { 'grant.collect': { path: {}, query: { kid: 'kid' } } } },
  'grant.move': { routes: { 'grant.move': alone } },
  'grant.unfit': { routes: { 'grant.unfit': alone } },
  // Whom: else an admin's own request would speak for another whom it never named.
  'grant.clear': { routes: { 'grant.clear': { path: { whash: 'whash' }, query: { by: 'by' } } } },
  'grant.tried': { routes: { 'grant.tried': alone } },
  'envelope.issue': { routes: { 'envelope.issue': alone } },
  'envelope.get': { routes: { 'envelope.get': { path: { jti: 'envelope' } } } },
  'invocation.run': { routes: { 'invocation.run': alone } },
  'invocation.finish': { routes: { 'invocation.run': alone } },
  'key.status': { routes: { 'key.status': alone } },
  'model.list': { routes: { 'model.list': alone } },
  'key.held': { routes: { 'key.held': alone } },
  'usage.report': { routes: { 'usage.report': alone } },
  'usage.list': { routes: { 'usage.list': alone } },
  'key.rotate': { routes: { 'key.rotate': alone }, unasked: ['service'] },
  'job.list': { routes: { 'job.list': alone } },
  'job.get': { routes: { 'job.get': ofJob } },
  'job.cancel': { routes: { 'job.cancel': ofJob } },
  'job.end': byItself,
  'kek.activate': byItself,
  'kek.destroy': byItself,
  'root.activate': byItself,
  'unsealing.get': { routes: { 'unsealing.get': alone } },
  'unsealing.give': { routes: { 'unsealing.give': alone } },
  'audit.list': { routes: { 'audit.list': alone } },
  'audit.get': { routes: { 'audit.get': { path: { index: 'index' } } } },
  // Which key and which log: else an owner's own request would speak for what another asked.
  'audit.erase': { routes: { 'audit.erase': { path: {}, query: { actor: 'actor', log: 'log' } } } },
  'audit.set-aside': { routes: { 'audit.set-aside': alone } },
  'audit.checkpoint': { routes: { 'audit.checkpoint': alone } },
  'audit.tile': { routes: { 'audit.tile': { path: { level: null, index: null } } } },
  'audit.bundle': { routes: { 'audit.bundle': { path: { index: 'index' } } } },
  'audit.prove': { routes: { 'audit.prove': alone } },
  'audit.cosign': { routes: { 'audit.cosign': alone } },
  'log.begin': byItself,
  'log.prune': byItself,
} as const satisfies { readonly [Act in AuditAct]: Origins<Act> };

/** As {@link Fit}, of any act and route: names of members of an entry, by the names of parts of a request. */
export interface RequestFit {
  readonly path: Readonly<Record<string, string | null>>;
  readonly query?: Readonly<Record<string, string | null>>;
}

interface AnyOrigins {
  readonly routes: Readonly<Record<string, RequestFit | undefined>>;
  readonly unasked?: readonly ActorType[];
}

/** How a request has to fit an act that it brought about; undefined where requests of this route bring about no such act. */
export function fitOf(act: AuditAct, route: RouteName): RequestFit | undefined {
  return originsOf(act).routes[route];
}

/** The routes whose requests bring an act about. */
export function routesOf(act: AuditAct): RouteName[] {
  return Object.keys(originsOf(act).routes) as RouteName[];
}

/** Who may be named as having done it: who may send one of its requests, and who does it without one. */
export function actorsOf(act: AuditAct): ReadonlySet<ActorType> {
  return ACTORS.get(act) ?? new Set();
}

/** Who may be named where it was refused, or failed: anybody who can show whose key signed. */
export function refusedActorsOf(act: AuditAct): ReadonlySet<ActorType> {
  return REFUSED_ACTORS.get(act) ?? new Set();
}

/** Whether doing it changes something; what only reads may be asked, and written down, any number of times. */
export function isChange(act: AuditAct): boolean {
  return CHANGES.has(act);
}

function originsOf(act: AuditAct): AnyOrigins {
  return BROUGHT_ABOUT[act];
}

/** What holds a role that holds the permission. */
function kindsWith(permission: Permission): Kind[] {
  const rolesOf = { device: DEVICE_ROLES, gateway: GATEWAY_ROLES, vault: ['service'], responder: ['service'] } as const;
  return Kind.options.filter((kind) => may(rolesOf[kind], permission));
}

function sendersOf({ permission, credential }: Route): ActorType[] {
  if (permission !== undefined) return kindsWith(permission);
  return credential === undefined ? [] : [credential];
}

const ACTS = Object.keys(BROUGHT_ABOUT) as AuditAct[];
const ACTORS: ReadonlyMap<string, ReadonlySet<ActorType>> = new Map(
  ACTS.map((act) => {
    const { unasked = [] } = originsOf(act);
    return [act, new Set([...routesOf(act).flatMap((name) => sendersOf(ROUTES[name])), ...unasked])];
  }),
);
const REFUSED_ACTORS: ReadonlyMap<string, ReadonlySet<ActorType>> = new Map(
  ACTS.map((act) => {
    const routes: readonly Route[] = routesOf(act).map((name) => ROUTES[name]);
    const known: ActorType[] = routes.some(({ permission }) => permission !== undefined) ? [...Kind.options] : [];
    const unknown: ActorType[] = routes.some(({ credential }) => credential === 'enrolment') ? ['enrolment'] : [];
    return [act, new Set([...known, ...unknown])];
  }),
);
const CHANGES: ReadonlySet<string> = new Set(
  ACTS.filter((act) => routesOf(act).some((name) => ROUTES[name].method !== 'GET')),
);
