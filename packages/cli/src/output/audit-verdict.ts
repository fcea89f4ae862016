import type { AuditVerdict, FoundLoss, LogCheck, LogVerdict, OlderExport, WitnessedLog } from '@bulla/client';
import { hasLoss, isChainGood, misfitsText } from '@bulla/client';
import { encodeBase64url, timestampOf } from '@bulla/crypto';
import { CheckFailed, EvidenceMisfit, LossFound } from './exit-code.js';
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
export function showVerdict(out: Output, { logs, older = [] }: Pick<AuditVerdict, 'logs' | 'older'>): void {
  for (const one of older) out.line(styled('older', 'strong'), ` ${olderText(one)}`);
  if (older.length > 0 && logs.length > 0) out.line();
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

/** What an export lacks, in words. */
export function olderText({ service, newest, known }: OlderExport): string {
  const has = newest === undefined ? 'no log' : `no log after ${newest}`;
  return `this export has ${has} of ${service}, and this machine knows of log ${known}`;
}

/** A loss, in words, and when it was accepted. */
export function lossLine({ origin, message }: FoundLoss): string {
  return `${origin}: ${message}`;
}

function chainOf(log: LogVerdict) {
  const { head, newestAt, failure } = log;
  if (!isChainGood(log)) return [styled('chain BROKEN', 'bad'), ` ${failure?.message ?? ''}`];
  if (head === undefined) return [styled('chain lost', 'bad'), ' nothing of it is here'];
  const { size, root } = head;
  const loss = hasLoss(log) ? ', and a LOSS that nobody accepted' : '';
  const newest = newestAt === undefined ? '' : `, signed checkpoint, newest entry of ${newestAt}`;
  return [styled('chain ok', 'good'), ` ${groupedCount(size)} events, head=${encodeBase64url(root)}${newest}${loss}`];
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
 * @throws {CheckFailed} if a log is not what it was; {LossFound} if something of one is gone; {EvidenceMisfit} if it is, and some entries do not fit
 */
export function requireGoodLogs(logs: readonly LogVerdict[], hint = ''): void {
  const bad = logs.filter((log) => !log.valid);
  const broken = bad.filter((log) => !isChainGood(log));
  const lost = bad.filter((log) => hasLoss(log));
  const [first] = [broken, lost, bad].find((some) => some.length > 0) ?? [];
  if (first === undefined) return;
  const others = bad.length === 1 ? '' : ` (and ${counted(bad.length - 1, 'log')} more)`;
  const { origin, failure, misfits } = first;
  // guard: cli-audit-verdict
  if (broken.length > 0) throw new CheckFailed(`${origin}: ${failure?.message ?? 'it is not good'}${others}${hint}`);
  // guard: cli-audit-loss
  if (lost.length > 0)
    throw new LossFound(
      `${origin}: ${failure?.message ?? 'something of it is gone'}${others}; what is shown fits its signatures${hint}`,
    );
  // guard: cli-audit-evidence
  throw new EvidenceMisfit(`${origin}: ${misfitsText(misfits)}${others}; the chain itself is good${hint}`);
}

function witnessedAsJson({ quorum, named, seen, reached }: WitnessedLog): object {
  return { quorum, named, entries: reached?.entries ?? null, at: reached?.at ?? null, seen };
}

/**
 * Ends a command that has to have everything, unless it has.
 * @throws {CheckFailed} if something newer is known; {EvidenceMisfit} if nobody is shown to have asked, for want of a directory
 */
export function requireComplete({ logs, older = [] }: Pick<AuditVerdict, 'logs' | 'older'>): void {
  const [lacking] = older;
  // guard: cli-audit-complete
  if (lacking !== undefined) throw new CheckFailed(olderText(lacking));
  const short = logs.find(({ isOlder }) => isOlder);
  // guard: cli-audit-complete-log
  if (short !== undefined) throw new CheckFailed(`${short.origin}: this machine saw more entries of it than are here`);
  const unknown = logs.find(({ keysUnknown }) => keysUnknown > 0);
  // guard: cli-audit-complete-keys
  if (unknown !== undefined)
    throw new EvidenceMisfit(
      `${unknown.origin}: ${entriesText(unknown.keysUnknown)} by keys that no directory at hand lists`,
    );
}

/** The same for programs. */
export function verdictAsJson({ valid, logs, directory, older }: AuditVerdict): object {
  return {
    valid,
    directory,
    ...(older !== undefined && { older }),
    logs: logs.map(
      ({ origin, urn, valid: isGood, checks, failure, head, key, newestAt, witnessed, before, misfits, losses }) => ({
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
        losses: losses.map(({ kind, known, shown, index, message, acceptedAt }) => ({
          kind,
          known: known?.size ?? null,
          shown: shown?.size ?? null,
          ...(index !== undefined && { entry: index }),
          message,
          accepted_at: acceptedAt === undefined ? null : timestampOf(acceptedAt),
        })),
        misfits: { count: misfits.length, entries: misfits.slice(0, MISFITS_IN_JSON) },
        ...(failure !== undefined && { failure }),
      }),
    ),
  };
}
