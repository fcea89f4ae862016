import { requireSeconds } from './seconds.js';

/** Organisation: what stands after `urn:bulla:`. */
export const ORG_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;
/** Prompt name, fixed for a prompt's life; at most 128 characters (protocol.md §2.2). */
export const NAME_PATTERN = /^(?=.{1,128}$)[a-z0-9][a-z0-9._-]*(?:\/[a-z0-9][a-z0-9._-]*)*$/;
/** Label of a prompt version (protocol.md §4). */
export const LABEL_PATTERN = /^[a-z0-9][a-z0-9._-]{0,63}$/;

export type IdPrefix = 'prm' | 'env' | 'inv' | 'ivt' | 'enr' | 'apr' | 'dev' | 'usr';
const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';
const SUFFIX = '[0-7][0-9a-hjkmnp-tv-z]{25}';

/** Pattern of a TypeID with this prefix: 26 Crockford characters of a UUIDv7. */
export function idPattern(prefix: IdPrefix): RegExp {
  return new RegExp(`^${prefix}_${SUFFIX}$`);
}

/**
 * A fresh TypeID: prefix, underscore, UUIDv7 (RFC 9562 §5.7) as 26 Crockford characters.
 * Whoever signs an object mints its id.
 * @param nowMs milliseconds since 1970; the wall clock unless given.
 */
export function mintId(prefix: IdPrefix, nowMs: number = Date.now()): string {
  requireSeconds(nowMs);
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  let time = nowMs;
  for (let index = 5; index >= 0; index--) {
    bytes[index] = time % 256;
    time = Math.floor(time / 256);
  }
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  let number = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  let suffix = '';
  for (let index = 0; index < 26; index++) {
    suffix = (CROCKFORD[Number(number & 31n)] ?? '') + suffix;
    number >>= 5n;
  }
  return `${prefix}_${suffix}`;
}

const KIND_PATTERNS = {
  dev: idPattern('dev'),
  enr: idPattern('enr'),
  user: idPattern('usr'),
  prompt: idPattern('prm'),
  svc: /^(?:vault|(?:responder|gateway):[a-z0-9][a-z0-9-]{0,62})$/,
} as const;
export type UrnKind = keyof typeof KIND_PATTERNS;

export interface ParsedUrn {
  readonly org: string;
  readonly kind: UrnKind | 'organisation' | 'recovery';
  /** What follows the kind; empty for the organisation itself and its recovery key. */
  readonly id: string;
}

/** The parts of a Bulla URN, or undefined if it is none. The organisation is matched exactly, never by prefix. */
export function parseUrn(urn: string): ParsedUrn | undefined {
  const match = /^urn:bulla:([^:]+)(?::([a-z]+)(?::(.+))?)?$/.exec(urn);
  const org = match?.[1];
  if (org === undefined || !ORG_PATTERN.test(org)) return undefined;
  const kind = match?.[2];
  const id = match?.[3] ?? '';
  if (kind === undefined) return { org, kind: 'organisation', id: '' };
  if (kind === 'recovery') return id === '' ? { org, kind, id } : undefined;
  if (!Object.hasOwn(KIND_PATTERNS, kind)) return undefined;
  const known = kind as UrnKind;
  return KIND_PATTERNS[known].test(id) ? { org, kind: known, id } : undefined;
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
