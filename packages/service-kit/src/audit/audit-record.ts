import { auditResult, encodeLeaf } from '@bulla/contract';
import type { AuditAct, AuditEvent, AuditFacts, Problem, ProblemCode } from '@bulla/contract';
import { mintId } from '@bulla/crypto';
import type { Asker, RequestFacts, Signatory } from '../authentication/caller.js';

/** What was done, with the facts that the contract keeps of it; the caller adds who did it. */
export type AuditEntry = { [Act in AuditAct]: { readonly act: Act; readonly obj: AuditFacts<Act> } }[AuditAct];

/** What failed after it had begun, with the facts that are known. */
export type AuditFailure = {
  [Act in AuditAct]: { readonly act: Act; readonly why: ProblemCode; readonly obj: Partial<AuditFacts<Act>> };
}[AuditAct];

/** Text of the leaf of an act that took place. @throws {Error} if it is not in the closed union, as all that follow */
export function auditOfAct(asker: Asker, { act, obj }: AuditEntry, nowMs: number): string {
  return leafOf(asker, { ...byWhom(asker), act, res: 'ok', obj }, nowMs);
}

/** Text of the leaf of an act that failed after it had begun. */
export function auditOfFailure(caller: Signatory, { act, why, obj }: AuditFailure, nowMs: number): string {
  return leafOf(caller, { ...byWhom(caller), act, res: auditResult(why), why, obj }, nowMs);
}

/** Text of the leaf of a request by a known caller that was refused, or failed. */
export function auditOfRefusal(caller: Signatory, { code }: Problem, nowMs: number): string {
  return leafOf(
    caller,
    { ...byWhom(caller), act: caller.request.route, res: auditResult(code), why: code, obj: {} },
    nowMs,
  );
}

/** Text of the leaf of an act that documents speak for, whoever brought them. */
export function auditOfDocuments(
  from: { readonly org: string; readonly request: Pick<RequestFacts, 'id'> },
  { act, obj }: AuditEntry,
  nowMs: number,
): string {
  return leafOf(from, { v: 1, who: { type: 'documents' }, act, res: 'ok', obj }, nowMs);
}

/** Text of the leaf of what the service does by itself. */
export function auditOfService(org: string, { act, obj }: AuditEntry, nowMs: number): string {
  return leafOf({ org }, { v: 1, who: { type: 'service' }, act, res: 'ok', obj }, nowMs);
}

/** Text of the leaf of requests that were refused before anybody was authenticated. */
export function auditOfStrangers(
  org: string,
  { why, count }: { why: ProblemCode; count: number },
  nowMs: number,
): string {
  return leafOf({ org }, { v: 1, act: 'request.refuse', res: 'denied', why, obj: { count } }, nowMs);
}

/** What shows that the caller asked, as it is kept beside the leaf, which has the hash of it: JSON text. */
export function evidenceOf({ evidence: { base, signature } }: Signatory): string {
  return JSON.stringify({ base, signature });
}

function byWhom(asker: Asker) {
  // Of a secret nothing is said, not even its hash.
  if (asker.kind === 'bootstrap') return { v: 1, who: { type: asker.kind } };
  const { kind, kid, evidence } = asker;
  return { v: 1, who: { type: kind, kid }, req: evidence.nonce, ev: evidence.sha256 };
}

/** The closed union is checked here as well: what it does not name never reaches the log. */
function leafOf(
  { org, request }: { readonly org: string; readonly request?: Pick<RequestFacts, 'id'> },
  event: unknown,
  nowMs: number,
): string {
  const t = new Date(nowMs).toISOString();
  const stamp = { id: mintId('aud', nowMs), t, org, ...(request !== undefined && { rid: request.id }) };
  return encodeLeaf(stamp, event as AuditEvent);
}
