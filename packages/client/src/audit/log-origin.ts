import type { TreeHead } from '@bulla/crypto/log';

/** The name of a log, taken apart: whose it is, and which of that service's logs. */
export interface LogName {
  /** URN of the service. */
  readonly urn: string;
  /** Counts from 1. */
  readonly number: number;
}

/** What a log says of the one before it, which it does not continue. */
export interface LogBefore {
  readonly origin: string;
  readonly head: TreeHead;
}

/** What a log says of entries that went, its own or those of a log before it. */
export interface SaidPrune {
  /** Which of the service's logs they are of. */
  readonly log: number;
  /** The last of them: it, and all before it. */
  readonly last: number;
  /** RFC 3339: when it was said. */
  readonly at: string;
  /** For people: where it is said. */
  readonly place: string;
  /** What the first entry of that log said of the one before. */
  readonly before?: LogBefore | undefined;
}

/** What a log says of evidence that was erased, its own or that of a log before it. */
export interface SaidErase {
  /** Which of the service's logs it was of. */
  readonly log: number;
  /** Thumbprint of the key whose evidence it was. */
  readonly actor: string;
  /** The first index of which it says nothing. */
  readonly below: number;
  /** For people: where it is said. */
  readonly place: string;
}

/** The origin of a log: its name in checkpoints (docs/spec/audit-log.md). */
export function originOf({ urn, number }: LogName): string {
  return `${urn}/audit/${number}`;
}

/** Takes an origin apart; undefined for what is none. */
export function parseOrigin(origin: string): LogName | undefined {
  const [, urn, number] = /^(urn:bulla:[a-z0-9:-]{1,200})\/audit\/([1-9][0-9]{0,8})$/.exec(origin) ?? [];
  return urn === undefined ? undefined : { urn, number: Number(number) };
}
