/** The name of a log, taken apart: whose it is, and which of that service's logs. */
export interface LogName {
  /** URN of the service. */
  readonly urn: string;
  /** Counts from 1, over both forms of names. */
  readonly number: number;
  /**
   * The first 16 hexadecimal digits of the organisation's pin. Undefined for a log whose key bears no number: such are from
   * before there were any, and nothing is written to them any more.
   */
  readonly pin?: string | undefined;
}

const NUMBERED = /^bulla\/([0-9a-f]{16})\/([a-z0-9-]{1,63})\/([a-z0-9:-]{1,128})\/audit\/([1-9][0-9]{0,8})$/;
const BEFORE_NUMBERS = /^(urn:bulla:[a-z0-9:-]{1,200})\/audit\/([1-9][0-9]{0,8})$/;
const SERVICE_URN = /^urn:bulla:([a-z0-9-]{1,63}):svc:([a-z0-9:-]{1,128})$/;

/**
 * The origin of a log, which is its name in checkpoints (docs/spec/audit-log.md, Name):
 * `bulla/<pin>/<organisation>/<service id>/audit/<number>`, and of one from before there were numbered keys
 * `<urn>/audit/<number>`.
 */
export function originOf({ urn, number, pin }: LogName): string {
  if (pin === undefined) return `${urn}/audit/${number}`;
  const [, org, id] = SERVICE_URN.exec(urn) ?? [];
  return `bulla/${pin}/${org}/${id}/audit/${number}`;
}

/** Takes an origin apart; undefined for what is none. */
export function parseOrigin(origin: string): LogName | undefined {
  const [, pin, org, id, number] = NUMBERED.exec(origin) ?? [];
  if (pin !== undefined) return { urn: `urn:bulla:${org}:svc:${id}`, number: Number(number), pin };
  const [, urn, before] = BEFORE_NUMBERS.exec(origin) ?? [];
  return urn === undefined ? undefined : { urn, number: Number(before) };
}

/** What of a pin (`sha256:` and 64 digits) stands in the names of logs. */
export function pinInOrigin(pin: string): string {
  return pin.slice('sha256:'.length, 'sha256:'.length + 16);
}
