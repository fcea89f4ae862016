import { originOf } from '@bulla/crypto/log';
import type { Trust } from '@bulla/crypto';
import type { LogName } from '@bulla/crypto/log';
import type { AuditVerdict, LogVerdict, OlderExport } from './audit-verdict.js';
import { isChainGood } from './audit-verdict.js';
import type { OnLeaf } from './entry-judge.js';
import type { LogToJudge } from './judged-log.js';
import { judgeLog } from './judged-log.js';
import type { KeptHead } from './kept-heads.js';
import { keptHead } from './kept-heads.js';
import type { LogSource } from './log-source.js';
import type { AcceptedLoss } from './loss/log-loss.js';
import { saidOfLog } from './loss/said-of-log.js';
import { ErasureRequests } from './evidence/erasure-requests.js';
import { RequestMemory } from './evidence/request-memory.js';
import { toldHeads } from './told/told-heads.js';

/** One of the logs at hand. */
export interface LogAtHand {
  readonly name: LogName;
  readonly source: LogSource;
  readonly isPrefixOf?: LogToJudge['isPrefixOf'];
  /** Whether nobody shows it: it is known from elsewhere. */
  readonly isGone?: boolean | undefined;
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
  /** What a person accepted before. */
  readonly accepted: readonly AcceptedLoss[] | undefined;
  /** Seconds: now. */
  readonly now: number;
  /** Of exported logs: what is known to be newer. */
  readonly older?: readonly OlderExport[] | undefined;
  /** Gets every entry of every log, each once it is verified; of a service the newest log comes first. */
  readonly onLeaf?: ((name: LogName, ...leaf: Parameters<OnLeaf>) => void) | undefined;
}

/** Judges all logs at hand: of each service the newest first, since each says what was known of the one before it. */
export async function judgeAudit(audit: AuditToJudge): Promise<AuditVerdict> {
  const { logs, trusts, older } = audit;
  const verdicts: LogVerdict[] = [];
  const erasures = new ErasureRequests();
  for (const urn of new Set(logs.map(({ name }) => name.urn))) {
    const own = logs.filter(({ name }) => name.urn === urn);
    verdicts.push(...(await judgeService(audit, own, erasures)));
  }
  const { version, issued } = trusts[0].directory;
  const valid = verdicts.length > 0 && verdicts.every((one) => one.valid);
  return { valid, logs: verdicts, directory: { version, issued }, ...(older && { older }) };
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
    // Those that a log names and that are not at hand.
    for (const { note } of isChainGood(verdict) ? verdict.lower : []) {
      const isThere = note === undefined || waiting.some(({ name }) => originOf(name) === note.origin);
      if (!isThere && note.name.number < log.name.number) waiting.push(goneLog(note.name));
    }
    waiting.sort((left, right) => left.name.number - right.name.number);
  }
  return found;
}

function judgeOne(
  { org, trusts, heads, told, accepted, now, onLeaf }: AuditToJudge,
  { name, source, isPrefixOf, isGone }: LogAtHand,
  { newer, ...memories }: { readonly newer: readonly LogVerdict[] } & Pick<LogToJudge, 'requests' | 'erasures'>,
): Promise<LogVerdict> {
  const ofThis: OnLeaf | undefined = onLeaf && ((...leaf) => onLeaf(name, ...leaf));
  const origin = originOf(name);
  const good = newer.filter((one) => isChainGood(one));
  const against = {
    kept: keptHead(heads, origin),
    told: toldHeads(told, origin),
    said: saidOfLog(newer, name),
    accepted,
    isGone,
    now,
    saidPruned: good.flatMap(({ saidPruned }) => saidPruned),
    saidErased: good.flatMap(({ saidErased }) => saidErased),
  };
  return judgeLog({ name, source, org, trusts, ...against, ...memories, isPrefixOf, onLeaf: ofThis });
}

/** Where there is nothing of a log. */
const NOTHING: LogSource = {
  read: () => Promise.resolve(undefined),
  evidence: () => Promise.resolve(new Map()),
};

/** A log that somebody knows of and nobody shows. */
export function goneLog(name: LogName): LogAtHand {
  return { name, source: NOTHING, isGone: true };
}
