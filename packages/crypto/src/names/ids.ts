import type { IdPrefix } from './patterns.js';
import { urnPattern } from './patterns.js';
import { requireSeconds } from './seconds.js';

const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';

/** The characters of ten bits, for all of them: an id is thirteen of these. */
const TEN_BITS = Array.from({ length: 1024 }, (_, bits) => digit(bits >> 5) + digit(bits & 31));

/** Random words for some ids: a call of the generator takes longer than making one. Nothing in an id is secret. */
const random = new Uint32Array(768);
let used = random.length;

/**
 * A fresh TypeID: prefix, underscore, UUIDv7 (RFC 9562 §5.7) as 26 Crockford characters.
 * The signer of an object mints its id.
 * @param nowMs milliseconds since 1970; the wall clock unless given.
 */
export function mintId(prefix: IdPrefix, nowMs: number = Date.now()): string {
  requireSeconds(nowMs);
  // Two zero bits and 48 of time.
  const [high, rest] = [Math.floor(nowMs / 2 ** 30), nowMs % 2 ** 30];
  const time = tenBits(high >> 10) + tenBits(high) + tenBits(rest >> 20) + tenBits(rest >> 10) + tenBits(rest);
  const [a, b, c] = [randomWord(), randomWord(), randomWord()];
  // The version before twelve random bits, the variant before 62 (RFC 9562 §5.7).
  const version =
    tenBits(0b0111_000000 | (a & 0b111111)) + tenBits((((a >> 6) & 0b111111) << 4) | 0b1000 | ((a >> 12) & 0b11));
  const upper = tenBits(a >> 14) + tenBits(b);
  const lower = tenBits(b >> 10) + tenBits(b >> 20) + tenBits(c) + tenBits(c >> 10);
  return `${prefix}_${time}${version}${upper}${lower}`;
}

/** The characters of the lowest ten bits. */
function tenBits(bits: number): string {
  return TEN_BITS[bits & 1023] ?? '';
}

function randomWord(): number {
  if (used === random.length) {
    crypto.getRandomValues(random);
    used = 0;
  }
  return random[used++] ?? 0;
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
