import type { LogKeyStanding } from './log-keys.js';
import type { FoundLoss } from './loss/log-loss.js';
import type { LogBefore, LowerLog, SaidErase, SaidPrune } from './log-origin.js';
import type { Misfit } from './evidence/misfit.js';
import type { WitnessedLog } from '../witnesses/witnessed-log.js';

/** The checks of a log, in their order. */
export const LOG_CHECKS = [
  'checkpoint',
  'key',
  'entries',
  'kept-head',
  'told-heads',
  'witnesses',
  'log-before',
  'loss',
  'evidence',
] as const;
export type LogCheckName = (typeof LOG_CHECKS)[number];

/** One check of a log and what it found. */
export interface LogCheck {
  readonly name: LogCheckName;
  /** `not_looked_for` where nothing at hand could show it; it decides nothing then. */
  readonly state: 'passed' | 'failed' | 'not_looked_for';
  /** For people. */
  readonly detail: string;
}

/** Why a log is not what it should be. */
export interface LogFailure {
  /** From docs/problems.md. */
  readonly code: string;
  readonly check: LogCheckName;
  /** What was wrong in that check, such as `entry`, `fork` or `rollback`; absent where its name says all. */
  readonly kind?: string | undefined;
  readonly message: string;
  /** The first entries that are not right, where the log itself tells; they count from 0. */
  readonly entries?: { readonly first: number; readonly last: number } | undefined;
  /** Signed notes that answers brought and that this log contradicts, or each other: they prove it to everybody. */
  readonly checkpoints?: readonly string[] | undefined;
}

/** What was found of one log. */
export interface LogVerdict {
  readonly origin: string;
  /** URN of the service. */
  readonly urn: string;
  readonly valid: boolean;
  /** Up to the first that failed; what was found of the evidence beside. */
  readonly checks: readonly LogCheck[];
  /** Of the log itself, if that is not good; else of the evidence. */
  readonly failure?: LogFailure | undefined;
  /** Every entry that does not fit what shows who asked for it. */
  readonly misfits: readonly Misfit[];
  /** By the signed checkpoint; absent where that is not good. */
  readonly head?: { readonly size: number; readonly root: Uint8Array<ArrayBuffer> } | undefined;
  readonly key?: LogKeyStanding | undefined;
  /** RFC 3339: when the newest entry was written, by the clock of the service. */
  readonly newestAt?: string | undefined;
  /** What the witnesses that the policy names have seen of it; absent where it names none, or before that was looked at. */
  readonly witnessed?: WitnessedLog | undefined;
  /** What the log says of the one before it. */
  readonly before?: LogBefore | undefined;
  /** What it says of each lower number. */
  readonly lower: readonly LowerLog[];
  /** What of it is gone, or counts nothing; those that a person accepted too. */
  readonly losses: readonly FoundLoss[];
  /** The tree that counts, if it is not that of the head: what is behind it came too late, or is of a fork. */
  readonly counted?: LogVerdict['head'];
  /** Of how many entries no directory at hand lists the key that asked. */
  readonly keysUnknown: number;
  /** Whether more of it was seen than is here, and nobody can be asked. */
  readonly isOlder: boolean;
  /** How many entries are no longer kept: of them there are the hashes. */
  readonly prunedEntries: number;
  /** What it says of entries that are no longer kept, its own and those of logs before it. */
  readonly saidPruned: readonly SaidPrune[];
  /** What it says of evidence that was erased. */
  readonly saidErased: readonly SaidErase[];
}

/** Whether what counts of a log is good, whatever its evidence shows: nothing of it was changed, moved or left out. */
export function isChainGood({ failure }: Pick<LogVerdict, 'failure'>): boolean {
  return failure === undefined || failure.check === 'evidence' || failure.check === 'loss';
}

/** Whether something of a log is gone or came too late, and nobody has accepted that. */
export function hasLoss({ losses }: Pick<LogVerdict, 'losses'>): boolean {
  return losses.some(({ acceptedAt }) => acceptedAt === undefined);
}

/** A service of whose logs an export lacks the newest that is known. */
export interface OlderExport {
  /** URN of the service. */
  readonly service: string;
  /** The newest of its logs that the folder has; absent where it has none. */
  readonly newest?: number | undefined;
  /** The newest that is known here. */
  readonly known: number;
}

/** What was found of all logs at hand. */
export interface AuditVerdict {
  /** Whether every check of every log that was made has passed. */
  readonly valid: boolean;
  /** By service; of each service the oldest log first. */
  readonly logs: readonly LogVerdict[];
  /** Of exported logs: what is known to be newer. */
  readonly older?: readonly OlderExport[] | undefined;
  /** The version of the directory by which keys were judged, and when it was issued. */
  readonly directory: { readonly version: number; readonly issued: string };
}
