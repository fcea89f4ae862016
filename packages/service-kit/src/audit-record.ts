import type { Caller } from './caller.js';

/** What was done, and to what; the caller adds who did it. */
export interface AuditAct {
  readonly act: string;
  readonly obj?: Readonly<Record<string, string | number>>;
}

/** How it ended; `why` is a problem code. */
export interface AuditOutcome {
  readonly res: 'ok' | 'denied' | 'error';
  readonly why?: string;
}

/** The audit event of a request by a known caller (protocol.md §8): ids, codes and hashes, never text or tokens. */
export function auditRecord({ org, urn, kid, kind, request }: Caller, act: AuditAct, outcome: AuditOutcome) {
  return { v: 1, org, ...act, ...outcome, who: { kid, urn, kind }, req: request.nonce, ev: request.evidence };
}
