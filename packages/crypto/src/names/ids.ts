import type { IdPrefix } from './patterns.js';
import { urnPattern } from './patterns.js';
import { requireSeconds } from './seconds.js';

const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * A fresh TypeID: prefix, underscore, UUIDv7 (RFC 9562 §5.7) as 26 Crockford characters.
 * The signer of an object mints its id.
 * @param nowMs milliseconds since 1970; the wall clock unless given.
 */
export function mintId(prefix: IdPrefix, nowMs: number = Date.now()): string {
  requireSeconds(nowMs);
  // Version, variant and random bits of a UUID stand where they have to (RFC 9562 §5.4): platforms make many at once.
  const random = crypto.randomUUID().replaceAll('-', '');
  const bytes = new Uint8Array(16);
  for (let index = 6; index < 16; index++) bytes[index] = Number.parseInt(random.slice(index * 2, index * 2 + 2), 16);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  let time = nowMs;
  for (let index = 5; index >= 0; index--) {
    bytes[index] = time % 256;
    time = Math.floor(time / 256);
  }
  return `${prefix}_${crockford(bytes)}`;
}

/** 26 characters of five bits each for 16 bytes: two zero bits come first. */
function crockford(bytes: Uint8Array): string {
  let text = '';
  let waiting = 0;
  let bits = 2;
  for (const byte of bytes) {
    waiting = (waiting << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += CROCKFORD[(waiting >> bits) & 31] ?? '';
    }
    waiting &= (1 << bits) - 1;
  }
  return text;
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
