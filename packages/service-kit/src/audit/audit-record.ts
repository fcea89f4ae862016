import { AuditEvent, auditResult } from '@bulla/contract';
import type { AuditAct, AuditFacts, Problem, ProblemCode } from '@bulla/contract';
import type { Asker, Signatory } from '../authentication/caller.js';

/** What was done, with the facts that the contract keeps of it; the caller adds who did it. */
export type AuditEntry = { [Act in AuditAct]: { readonly act: Act; readonly obj: AuditFacts<Act> } }[AuditAct];

/** What failed after it had begun, with the facts that are known. */
export type AuditFailure = {
  [Act in AuditAct]: { readonly act: Act; readonly why: ProblemCode; readonly obj: Partial<AuditFacts<Act>> };
}[AuditAct];

/** The audit event of an act that took place, as the row keeps it. @throws {Error} if it is not in the closed union */
export function auditOfAct(caller: Asker, { act, obj }: AuditEntry): string {
  return written({ ...byWhom(caller), act, res: 'ok', obj });
}

/** The audit event of an act that failed after it had begun. */
export function auditOfFailure(caller: Signatory, { act, why, obj }: AuditFailure): string {
  return written({ ...byWhom(caller), act, res: auditResult(why), why, obj });
}

/** The audit event of a request by a known caller that was refused, or failed. */
export function auditOfRefusal(caller: Signatory, { code }: Problem): string {
  return written({ ...byWhom(caller), act: caller.request.route, res: auditResult(code), why: code, obj: {} });
}

/** The audit event of requests that were refused before anybody was authenticated. */
export function auditOfStrangers(why: ProblemCode, count: number): string {
  return written({ v: 1, act: 'request.refuse', res: 'denied', why, obj: { count } });
}

function byWhom(asker: Asker) {
  // Of a secret nothing is said, not even its hash.
  if (asker.kind === 'bootstrap') return { v: 1, who: { type: asker.kind } };
  const { kind, kid, evidence } = asker;
  return { v: 1, who: { type: kind, kid }, req: evidence.nonce, ev: evidence.sha256 };
}

/** The closed union is checked here as well: what it does not name never reaches the log. */
function written(event: unknown): string {
  return JSON.stringify(AuditEvent.parse(event));
}
