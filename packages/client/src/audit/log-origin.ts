/** The name of a log, taken apart: whose it is, and which of that service's logs. */
export interface LogName {
  /** URN of the service. */
  readonly urn: string;
  /** Counts from 1. */
  readonly number: number;
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
