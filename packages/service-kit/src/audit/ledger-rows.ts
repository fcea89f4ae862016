import { Problem } from '@bulla/contract';
import type { Kysely } from 'kysely';
import type { Signatory } from '../authentication/caller.js';
import { notWritten } from '../edge/problem-of.js';
import { auditOfRefusal, evidenceOf } from './audit-record.js';
import type { LedgerTables } from './ledger-tables.js';
import { writeAudit } from './outbox.js';

/** Writes the row of a refusal. @returns the problem that it is refused with */
export async function refused(
  trx: Kysely<LedgerTables>,
  caller: Signatory,
  problem: Problem,
  nowMs: number,
): Promise<Problem> {
  await insertAudit(trx, caller, auditOfRefusal(caller, problem, nowMs));
  return problem;
}

/** Without the row there is no effect, whatever the database has against it. */
export async function insertAudit(db: Kysely<LedgerTables>, caller: Signatory, event: string): Promise<void> {
  try {
    await writeAudit(db, { org: caller.org, event, evidence: evidenceOf(caller) });
  } catch (error) {
    throw notWritten(error);
  }
}

/** The nonce of the signature is used. */
export function usedAlready(): Problem {
  return new Problem('unauthenticated', { detail: 'this signature was used already' });
}
