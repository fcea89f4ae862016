import type { AuditVerdict, LogCheck, LogVerdict, WitnessedLog } from '@bulla/client';
import { isChainGood, misfitsText } from '@bulla/client';
import { encodeBase64url } from '@bulla/crypto';
import { CheckFailed, EvidenceMisfit } from './exit-code.js';
import type { Output } from './output.js';
import { counted, styled } from './output.js';

/** So many entries that do not fit are printed of each log; the line below says how many there are. */
const MISFITS_SHOWN = 20;
/** A program gets so many of them, and their number. */
const MISFITS_IN_JSON = 1_000;

/** A number as people read it: `18,204`. */
export function groupedCount(count: number): string {
  return count.toLocaleString('en');
}

/** A check as it is printed: with no mark of its own where nothing was looked for. */
function findingOf({ name, state, detail }: LogCheck) {
  return { name, ok: state === 'not_looked_for' ? undefined : state === 'passed', detail };
}

/** What was found of each log, a line for each check, one for the whole log, and one for what its entries bear. */
export function showVerdict(out: Output, { logs }: Pick<AuditVerdict, 'logs'>): void {
  for (const [at, log] of logs.entries()) {
    if (at > 0) out.line();
    out.line(styled(log.origin, 'strong'));
    for (const check of log.checks) out.check(findingOf(check));
    out.line(...chainOf(log));
    showMisfits(out, log);
  }
}

/** A number of entries, in words. */
export function entriesText(count: number): string {
  return `${groupedCount(count)} ${count === 1 ? 'entry' : 'entries'}`;
}

function chainOf(log: LogVerdict) {
  const { head, newestAt, failure } = log;
  if (!isChainGood(log)) return [styled('chain BROKEN', 'bad'), ` ${failure?.message ?? ''}`];
  if (head === undefined) return [styled('chain lost', 'bad'), ' nothing of it is here'];
  const { size, root } = head;
  const newest = newestAt === undefined ? '' : `, signed checkpoint, newest entry of ${newestAt}`;
  return [styled('chain ok', 'good'), ` ${groupedCount(size)} events, head=${encodeBase64url(root)}${newest}`];
}

function showMisfits(out: Output, { misfits }: LogVerdict): void {
  if (misfits.length === 0) return;
  out.line(styled('evidence BAD', 'bad'), ` ${entriesText(misfits.length)} that nobody is shown to have asked for`);
  for (const { index, message } of misfits.slice(0, MISFITS_SHOWN))
    out.line(`  entry ${groupedCount(index)}: ${message}`);
  const more = misfits.length - MISFITS_SHOWN;
  if (more > 0) out.line(`  and ${groupedCount(more)} more`);
}

/**
 * Ends a command that looked into logs, unless all of them are good.
 * @throws {CheckFailed} if a log is not what it was; {EvidenceMisfit} if it is, and some entries do not fit
 */
export function requireGoodLogs(logs: readonly LogVerdict[], hint = ''): void {
  const bad = logs.filter((log) => !log.valid);
  const broken = bad.filter((log) => !isChainGood(log));
  const [first] = broken.length > 0 ? broken : bad;
  if (first === undefined) return;
  const others = bad.length === 1 ? '' : ` (and ${counted(bad.length - 1, 'log')} more)`;
  const { origin, failure, misfits } = first;
  // guard: cli-audit-verdict
  if (broken.length > 0) throw new CheckFailed(`${origin}: ${failure?.message ?? 'it is not good'}${others}${hint}`);
  // guard: cli-audit-evidence
  throw new EvidenceMisfit(`${origin}: ${misfitsText(misfits)}${others}; the chain itself is good${hint}`);
}

function witnessedAsJson({ quorum, named, seen, reached }: WitnessedLog): object {
  return { quorum, named, entries: reached?.entries ?? null, at: reached?.at ?? null, seen };
}

/** The same for programs. */
export function verdictAsJson({ valid, logs, directory }: AuditVerdict): object {
  return {
    valid,
    directory,
    logs: logs.map(
      ({ origin, urn, valid: isGood, checks, failure, head, key, newestAt, witnessed, before, misfits }) => ({
        origin,
        service: urn,
        valid: isGood,
        chain: isChainGood({ failure }),
        evidence: misfits.length === 0,
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
        misfits: { count: misfits.length, entries: misfits.slice(0, MISFITS_IN_JSON) },
        ...(failure !== undefined && { failure }),
      }),
    ),
  };
}
