import type { IdPrefix } from './patterns.js';
import { urnPattern } from './patterns.js';
import { requireSeconds } from './seconds.js';

const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';

/** The characters of ten bits, for all of them: an id is a few of these. */
const TEN_BITS = Array.from({ length: 1024 }, (_, bits) => digit(bits >> 5) + digit(bits & 31));

/**
 * A fresh TypeID: prefix, underscore, UUIDv7 (RFC 9562 §5.7) as 26 Crockford characters.
 * The signer of an object mints its id.
 * @param nowMs milliseconds since 1970; the wall clock unless given.
 */
export function mintId(prefix: IdPrefix, nowMs: number = Date.now()): string {
  requireSeconds(nowMs);
  // Version, variant and random bits of a UUID stand where they have to (RFC 9562 §5.4): platforms make many at once.
  const random = crypto.randomUUID();
  const upper = Number.parseInt(`7${random.slice(15, 18)}${random.slice(19, 23)}${random.slice(24, 26)}`, 16);
  const lower = Number.parseInt(random.slice(26), 16);
  // Two zero bits and 48 of time, then twice 40.
  return `${prefix}_${crockford(nowMs, 5)}${crockford(upper, 4)}${crockford(lower, 4)}`;
}

/** So many times ten bits of a number, two characters each. */
function crockford(number: number, count: number): string {
  let text = '';
  let rest = number;
  for (let left = count; left > 0; left--) {
    text = (TEN_BITS[rest % 1024] ?? '') + text;
    rest = Math.floor(rest / 1024);
  }
  return text;
}

function digit(bits: number): string {
  return CROCKFORD[bits] ?? '';
}

const ANY_URN = urnPattern();
export type UrnKind = 'dev' | 'enr' | 'user' | 'prompt' | 'svc';

export interface ParsedUrn {
  readonly org: string;
  readonly kind: UrnKind | 'organisation' | 'recovery';
  /** What follows the kind; empty for the organisation itself and its recovery key. */
  readonly id: string;
}

/** The parts of a Bulla URN, or undefined if it is not one. The organisation is matched exactly, never by prefix. */
export function parseUrn(urn: string): ParsedUrn | undefined {
  const [, org, rest = ''] = ANY_URN.exec(urn) ?? [];
  if (org === undefined) return undefined;
  const [, kind = 'organisation', ...id] = rest.split(':');
  return { org, kind: kind as ParsedUrn['kind'], id: id.join(':') };
}

/** `urn:bulla:<org>:<kind>:<id>`. */
export function urnOf(org: string, kind: UrnKind, id: string): string {
  return `urn:bulla:${org}:${kind}:${id}`;
}

/** `urn:bulla:<org>`, the audience of statements and tags. */
export function organisationUrn(org: string): string {
  return `urn:bulla:${org}`;
}

/** `urn:bulla:<org>:recovery`, the recipient of recovery grants. */
export function recoveryUrn(org: string): string {
  return `urn:bulla:${org}:recovery`;
}
