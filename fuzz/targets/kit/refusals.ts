import type { CryptoErrorCode } from '@bulla/crypto';

/** Every way in which a parser may refuse; the compiler knows when one is missing. */
const CODES: Readonly<Record<CryptoErrorCode, true>> = {
  token_malformed: true,
  payload_too_large: true,
  suite_unknown: true,
  key_invalid: true,
  key_unknown: true,
  key_revoked: true,
  signature_invalid: true,
  unauthenticated: true,
  clock_skew: true,
  envelope_tampered: true,
  envelope_expired: true,
  forbidden: true,
  custody_not_allowed: true,
  open_failed: true,
  content_uncommitted: true,
  pin_mismatch: true,
  trust_rollback: true,
  trust_expired: true,
  label_stale: true,
  label_not_found: true,
  responder_key_changed: true,
  stream_truncated: true,
  log_inconsistent: true,
  head_missing: true,
};

/**
 * What a parser made of its input, or undefined where it refused with a code of the closed list.
 * @param errors names of errors that this parser has instead of `CryptoError`
 * @throws whatever else the parser threw: that is a finding
 */
export function read<Value>(parser: () => Value, ...errors: readonly string[]): Value | undefined {
  try {
    return parser();
  } catch (error) {
    requireRefusal(error, errors);
    return undefined;
  }
}

/** The same of a parser that answers later. */
export async function readLater<Value>(
  parser: () => Promise<Value>,
  ...errors: readonly string[]
): Promise<Value | undefined> {
  try {
    return await parser();
  } catch (error) {
    requireRefusal(error, errors);
    return undefined;
  }
}

function requireRefusal(error: unknown, errors: readonly string[]): void {
  // By name: a parser that no package exports comes from a build, and its error may be another class of the same name.
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
  if (typeof name === 'string' && errors.includes(name)) return;
  if (name === 'CryptoError' && typeof code === 'string' && Object.hasOwn(CODES, code)) return;
  throw error;
}
