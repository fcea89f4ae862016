import type { Trust } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import type { AuditVerdict, LogVerdict } from './audit-verdict.js';
import { isChainGood } from './audit-verdict.js';
import type { OnLeaf } from './entry-judge.js';
import type { LogToJudge } from './judged-log.js';
import { judgeLog } from './judged-log.js';
import type { KeptHead } from './kept-heads.js';
import { keptHead } from './kept-heads.js';
import type { LogName } from './log-origin.js';
import { originOf, parseOrigin } from './log-origin.js';
import type { LogSource } from './log-source.js';
import { ErasureRequests } from './evidence/erasure-requests.js';
import { RequestMemory } from './evidence/request-memory.js';
import { toldHeads } from './told/told-heads.js';

/** One of the logs at hand. */
export interface LogAtHand {
  readonly name: LogName;
  readonly source: LogSource;
  readonly isPrefixOf?: LogToJudge['isPrefixOf'];
}

export interface AuditToJudge {
  readonly org: string;
  readonly logs: readonly LogAtHand[];
  /** Verified directories, the newest first; at least one. */
  readonly trusts: readonly [Trust, ...Trust[]];
  /** What this machine kept. */
  readonly heads: readonly KeptHead[] | undefined;
  /** Signed notes that answers brought. */
  readonly told: readonly string[] | undefined;
  /** Gets every entry of every log, each once it is verified; of a service the newest log comes first. */
  readonly onLeaf?: ((name: LogName, ...leaf: Parameters<OnLeaf>) => void) | undefined;
}

/** Judges all logs at hand: of each service the newest first, since each says what was known of the one before it. */
export async function judgeAudit(audit: AuditToJudge): Promise<AuditVerdict> {
  const { logs, trusts } = audit;
  const verdicts: LogVerdict[] = [];
  const erasures = new ErasureRequests();
  for (const urn of new Set(logs.map(({ name }) => name.urn))) {
    const own = logs.filter(({ name }) => name.urn === urn);
    verdicts.push(...(await judgeService(audit, own, erasures)));
  }
  const { version, issued } = trusts[0].directory;
  const valid = verdicts.length > 0 && verdicts.every((one) => one.valid);
  return { valid, logs: verdicts, directory: { version, issued } };
}

/** @returns what was found of the logs of one service, the oldest first */
async function judgeService(
  audit: AuditToJudge,
  logs: readonly LogAtHand[],
  erasures: ErasureRequests,
): Promise<LogVerdict[]> {
  const waiting = logs.toSorted((left, right) => left.name.number - right.name.number);
  const found: LogVerdict[] = [];
  const requests = new RequestMemory();
  for (let log = waiting.pop(); log !== undefined; log = waiting.pop()) {
    const verdict = await judgeOne(audit, log, { newer: found, requests, erasures });
    found.unshift(verdict);
    const before = verdict.before && parseOrigin(verdict.before.origin);
    // One that the log names and that is not at hand.
    if (before !== undefined && waiting.at(-1)?.name.number !== before.number)
      waiting.push({ name: before, source: NOTHING });
  }
  return found;
}

function judgeOne(
  { org, trusts, heads, told, onLeaf }: AuditToJudge,
  { name, source, isPrefixOf }: LogAtHand,
  { newer, ...memories }: { readonly newer: readonly LogVerdict[] } & Pick<LogToJudge, 'requests' | 'erasures'>,
): Promise<LogVerdict> {
  const ofThis: OnLeaf | undefined = onLeaf && ((...leaf) => onLeaf(name, ...leaf));
  const origin = originOf(name);
  const good = newer.filter((one) => isChainGood(one));
  const against = {
    kept: keptHead(heads, origin),
    told: toldHeads(told, origin),
    ended: endedBy(newer[0], name),
    saidPruned: good.flatMap(({ saidPruned }) => saidPruned),
    saidErased: good.flatMap(({ saidErased }) => saidErased),
  };
  return judgeLog({ name, source, org, trusts, ...against, ...memories, isPrefixOf, onLeaf: ofThis });
}

/** Where there is nothing of a log. */
export const NOTHING: LogSource = {
  read: () => Promise.resolve(undefined),
  evidence: () => Promise.resolve(new Map()),
};

/** What the next log says of this one, if that can be believed. */
function endedBy(next: LogVerdict | undefined, name: LogName): TreeHead | undefined {
  const isGood = next !== undefined && isChainGood(next);
  return isGood && next.before?.origin === originOf(name) ? next.before.head : undefined;
}
