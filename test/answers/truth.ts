import type { DirectoryDocument, PolicyDocument, RootDocument } from '@bulla/crypto';
import type { Forgery } from './forgery.js';
import type { Doc, State } from './line.js';
import type { Given, TagFact } from './stock.js';

// What is true of a file, by what its maker knows of its parts: no signature is looked at.

export type Truth = 'VALID' | 'REVOKED SINCE' | 'REFUSED';

const SKEW = 60;
const RUN_SECONDS = 3600;
/** How long after the use of a key what it signed still counts. */
const GRACE = 300;
const seconds = (moment: string) => Date.parse(moment) / 1000;

export function truthOf(forgery: Forgery): Truth {
  if (!wasGood(forgery)) return 'REFUSED';
  const { newer } = forgery;
  if (newer !== undefined && !canBeCompared(forgery, newer)) return 'REFUSED';
  return isGone(forgery, newer) ? 'REVOKED SINCE' : 'VALID';
}

function wasGood(forgery: Forgery): boolean {
  const { envelope: given, flip, cut, pin } = forgery;
  const { head, fin, front, deltas, question } = forgery;
  const belongs = [head, fin, front, deltas, question ?? given].every((part) => part === given);
  return (
    flip === undefined &&
    cut === 'whole' &&
    belongs &&
    pin === given.state.line &&
    areDocumentsGood(forgery) &&
    isOfTime(forgery) &&
    useEnded(given.state, given.kids.fin) + RUN_SECONDS + GRACE >= given.repliedAt &&
    mightBeAsked(given) &&
    showTheVersion(forgery)
  );
}

/** The roots are the organisation's from the first on; policy and directory are the answer's, and of the life of their roots. */
function areDocumentsGood({ envelope: { state }, roots, policy, directory }: Forgery): boolean {
  const known = state.line.newest.roots;
  if (roots.length > known.length || roots.some((root, index) => root !== known[index])) return false;
  if (directory.directory !== state.directory || policy !== state.policy) return false;
  return [policy, directory.directory].every((doc) => isOfRoot(doc, roots));
}

function isOfRoot({ payload }: Doc<PolicyDocument | DirectoryDocument>, roots: readonly Doc<RootDocument>[]): boolean {
  const root = roots[payload.root_version - 1]?.payload;
  if (root === undefined) return false;
  const next = roots[payload.root_version]?.payload;
  const end = Math.min(seconds(root.expires), next === undefined ? Number.POSITIVE_INFINITY : seconds(next.issued));
  const issued = seconds(payload.issued);
  return issued >= seconds(root.issued) - SKEW && issued <= end + SKEW;
}

function isOfTime({ envelope: { repliedAt, askedAt }, policy, directory, roots, now }: Forgery): boolean {
  const documents = [policy.payload, directory.directory.payload, ...roots.slice(-1).map(({ payload }) => payload)];
  const { issued, expires } = directory.directory.payload;
  return (
    repliedAt <= now + SKEW &&
    documents.every((document) => seconds(document.issued) <= now + SKEW) &&
    repliedAt >= seconds(issued) - SKEW &&
    repliedAt <= seconds(expires) + RUN_SECONDS &&
    askedAt < seconds(policy.payload.expires) + SKEW
  );
}

/** The directory lists the asker, as one who may ask, with a key that counts, and has not withdrawn the version. */
function mightBeAsked({ state, asker, ver, askedAt }: Given): boolean {
  const { entities, revoked, withdrawn } = state.directory.payload;
  const entity = entities[asker.urn];
  return (
    entity?.kind === 'device' &&
    entity.roles.includes('invoker') &&
    entity.keys.some(({ kid }) => kid === asker.kid) &&
    !revoked.some(({ kid }) => kid === asker.kid) &&
    useEnded(state, asker.kid) + GRACE >= askedAt &&
    !withdrawn.some(({ below }) => ver < below)
  );
}

/** Seconds: until when a key of a directory signs. */
function useEnded({ directory }: State, kid: string): number {
  const keys = Object.values(directory.payload.entities).flatMap((entity) => entity.keys);
  return keys.find((key) => key.kid === kid)?.use_until ?? 0;
}

function showTheVersion({ tags, envelope: given }: Forgery): boolean {
  const [first] = tags;
  if (first === undefined || tags.length > 16) return false;
  if (tags.some(({ line, pos }) => line !== given.state.line || pos !== first.pos)) return false;
  const { claims } = first;
  const isVersion = claims.ver === given.ver && claims.chash === given.chash;
  const hasMovedOn = claims.tag === 'latest' && claims.ver > given.ver;
  return (isVersion || hasMovedOn) && haveEnoughSigned(tags, given);
}

function haveEnoughSigned(tags: readonly TagFact[], { state, repliedAt }: Given): boolean {
  const [first] = tags;
  const rule = state.policy.payload.labels[first?.claims.tag ?? ''];
  const { entities, revoked } = state.directory.payload;
  const people = tags.filter(({ kid, claims }) => {
    const entity = entities[claims.iss];
    if (entity?.kind !== 'device' || revoked.some((one) => one.kid === kid)) return false;
    const may = (groups: readonly string[]) => groups.some((group) => entity.groups.includes(group));
    const mayTag = rule === undefined ? entity.roles.includes('author') && may(['grp:authors']) : may(rule.groups);
    return mayTag && claims.iat <= Math.min(repliedAt + SKEW, useEnded(state, kid) + GRACE);
  });
  return new Set(people.map(({ by }) => by)).size >= (rule?.threshold ?? 1);
}

/** Newer documents are of the same organisation, and of one chain with the answer's as far as they show that. */
function canBeCompared({ envelope: { state } }: Forgery, newer: State): boolean {
  if (newer.line !== state.line) return false;
  const [one, other] = [state.directory, newer.directory];
  const [lower, upper] = one.payload.version <= other.payload.version ? [one, other] : [other, one];
  if (lower.payload.version === upper.payload.version) return lower.hash === upper.hash;
  return lower.payload.version + 1 < upper.payload.version || upper.payload.prev === lower.hash;
}

function isGone({ envelope: given, tags, question, roots, policy, directory }: Forgery, newer?: State): boolean {
  const known = newer === undefined || roots.length > newer.roots.length ? roots : newer.roots;
  const newest = known.at(-1)?.payload;
  const dropped = (['policy', 'directory'] as const).some((role) => {
    const { signer } = role === 'policy' ? policy : directory.directory;
    return newest?.roles[role].kids.includes(signer) !== true;
  });
  if (dropped || newer === undefined) return dropped;
  const { entities, revoked, version } = newer.directory.payload;
  const isOlder = version < given.state.directory.payload.version;
  const listed = (of: typeof entities, kid: string) =>
    Object.entries(of).find(([, { keys }]) => keys.some((key) => key.kid === kid))?.[0];
  const kids = [given.kids.envelope, given.kids.fin, ...tags.map(({ kid }) => kid)];
  if (question !== undefined) kids.push(given.kids.question);
  return kids.some((kid) => {
    if (revoked.some((one) => one.kid === kid)) return true;
    return !isOlder && listed(entities, kid) !== listed(given.state.directory.payload.entities, kid);
  });
}
