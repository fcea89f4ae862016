import type { AuditVerdict, LogCheck, LogVerdict, WitnessedLog } from '@bulla/client';
import { encodeBase64url } from '@bulla/crypto';
import type { Output } from './output.js';
import { styled } from './output.js';

/** A number as people read it: `18,204`. */
export function groupedCount(count: number): string {
  return count.toLocaleString('en');
}

/** A check as it is printed: with no mark of its own where nothing was looked for. */
function findingOf({ name, state, detail }: LogCheck) {
  return { name, ok: state === 'not_looked_for' ? undefined : state === 'passed', detail };
}

/** What was found of each log, a line for each check, and a line for the whole log. */
export function showVerdict(out: Output, { logs }: Pick<AuditVerdict, 'logs'>): void {
  for (const [at, log] of logs.entries()) {
    if (at > 0) out.line();
    out.line(styled(log.origin, 'strong'));
    for (const check of log.checks) out.check(findingOf(check));
    out.line(...summaryOf(log));
  }
}

function summaryOf({ valid, head, newestAt, failure }: LogVerdict) {
  if (failure !== undefined) return [styled('chain BROKEN', 'bad'), ` ${failure.message}`];
  if (head === undefined || !valid) return [styled('chain lost', 'bad'), ' nothing of it is here'];
  const { size, root } = head;
  const newest = newestAt === undefined ? '' : `, signed checkpoint, newest entry of ${newestAt}`;
  return [styled('chain ok', 'good'), ` ${groupedCount(size)} events, head=${encodeBase64url(root)}${newest}`];
}

function witnessedAsJson({ quorum, named, seen, reached }: WitnessedLog): object {
  return { quorum, named, entries: reached?.entries ?? null, at: reached?.at ?? null, seen };
}

/** The same for programs. */
export function verdictAsJson({ valid, logs, directory }: AuditVerdict): object {
  return {
    valid,
    directory,
    logs: logs.map(({ origin, urn, valid: isGood, checks, failure, head, key, newestAt, witnessed, before }) => ({
      origin,
      service: urn,
      valid: isGood,
      entries: head?.size ?? null,
      head: head === undefined ? null : encodeBase64url(head.root),
      newest_at: newestAt ?? null,
      key:
        key === undefined
          ? null
          : { kid: key.kid, vkey: key.vkey, listed_in: key.listedIn, listed: key.isListed, revoked: key.revoked },
      witnessed: witnessed === undefined ? null : witnessedAsJson(witnessed),
      before: before === undefined ? null : { origin: before.origin, entries: before.head.size },
      checks,
      ...(failure !== undefined && { failure }),
    })),
  };
}
