import { BullaError } from '@bulla/client';
import { HomeError, PassphraseError } from '@bulla/client/node';
import { CLIENT_PROBLEMS, PROBLEMS } from '@bulla/contract';
import { CryptoError } from '@bulla/crypto';
import { CommanderError } from 'commander';
import { Interrupted } from './asker.js';
import type { About } from './hints.js';
import { hintOf } from './hints.js';
import type { Output } from './output.js';
import { PromptFileError } from './prompt-file.js';
import { SettingError } from './settings.js';
import { reasonOf } from './system-errors.js';
import { NotThereError, UsageError } from './usage-error.js';

/** What the process ends with (product.md §4.1). */
export const EXIT = {
  ok: 0,
  error: 1,
  usage: 2,
  conflict: 3,
  auth: 4,
  forbidden: 5,
  notFound: 6,
  limit: 7,
  network: 8,
  notReady: 9,
  verification: 10,
  settings: 78,
  interrupted: 130,
} as const;

/** A check of one's own that failed; the message names it. */
export class CheckFailed extends Error {
  override readonly name = 'CheckFailed';
}

/** Codes that mean the same whoever found them; the rest follows from origin and status. */
const BY_CODE: Readonly<Record<string, number>> = {
  token_malformed: EXIT.verification,
  pin_mismatch: EXIT.verification,
  trust_rollback: EXIT.verification,
  trust_expired: EXIT.verification,
  responder_key_changed: EXIT.verification,
  envelope_tampered: EXIT.verification,
  open_failed: EXIT.verification,
  stream_truncated: EXIT.verification,
  log_inconsistent: EXIT.verification,
  forbidden: EXIT.forbidden,
  clock_skew: EXIT.auth,
  sealed: EXIT.notReady,
  overloaded: EXIT.notReady,
  rate_limited: EXIT.limit,
  budget_exceeded: EXIT.limit,
  upstream_rate_limited: EXIT.limit,
  upstream_timeout: EXIT.network,
  upstream_unavailable: EXIT.network,
  transport_failed: EXIT.network,
  request_timeout: EXIT.network,
  variable_missing: EXIT.usage,
  variable_unknown: EXIT.usage,
  idempotency_conflict: EXIT.conflict,
};
/** Found by this side, these say that somebody changed something. */
const OWN_FINDINGS: ReadonlySet<string> = new Set([
  'signature_invalid',
  'key_unknown',
  'key_revoked',
  'label_stale',
  'envelope_expired',
  'suite_unknown',
  'key_invalid',
]);
const BY_STATUS: Readonly<Record<number, number>> = {
  401: EXIT.auth,
  403: EXIT.forbidden,
  404: EXIT.notFound,
  409: EXIT.conflict,
  412: EXIT.conflict,
  428: EXIT.conflict,
  429: EXIT.limit,
};

/**
 * Says what went wrong in one line, and what can be done in another.
 * @returns the exit code
 */
export function report(error: unknown, out: Output, interrupted: boolean, about: About = {}): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (interrupted || error instanceof Interrupted) {
    out.error('interrupted');
    return EXIT.interrupted;
  }
  if (error instanceof BullaError || error instanceof CryptoError) return reportCoded(error, out, about);
  if (error instanceof CheckFailed) return said(out, error.message, EXIT.verification);
  if (error instanceof UsageError) return said(out, error.message, EXIT.usage, error.hint);
  if (error instanceof NotThereError) return said(out, error.message, EXIT.notFound, error.hint);
  if (error instanceof PromptFileError)
    return said(out, error.message, EXIT.usage, 'the format is in docs/guide/prompt-file.md');
  if (error instanceof SettingError) return said(out, error.message, EXIT.settings);
  if (error instanceof PassphraseError) return said(out, error.message, EXIT.auth);
  if (error instanceof HomeError) return said(out, error.message, EXIT.error);
  return reportOther(error, out);
}

function reportCoded(error: BullaError | CryptoError, out: Output, about: About): number {
  const { subject } = about;
  const check = error.check === undefined ? '' : `, check ${error.check}`;
  const prefix = subject === undefined || error.message.includes(subject) ? '' : `${subject}: `;
  out.error(`${prefix}${withinLine(error)} (${error.code}${check})`);
  if (error instanceof BullaError) {
    for (const { pointer, message } of error.errors ?? [])
      out.hint(`${pointer === '' ? 'the request' : pointer}: ${message}`);
  }
  const hint = hintOf(error, about);
  if (hint !== undefined && !error.message.includes(hint)) out.hint(hint);
  if (error instanceof BullaError && error.requestId !== undefined)
    out.hint(`the ${error.origin} logged it as request ${error.requestId}`);
  return exitOf(error);
}

/** The sentence that services have for a code, as a part of a line. */
function withinLine({ code, message }: BullaError | CryptoError): string {
  const titles: Readonly<Record<string, { readonly title: string }>> = { ...PROBLEMS, ...CLIENT_PROBLEMS };
  if (message !== titles[code]?.title) return message;
  return `${message.charAt(0).toLowerCase()}${message.slice(1).replace(/\.$/, '')}`;
}

function exitOf(error: BullaError | CryptoError): number {
  // Nobody was asked: something at hand did not verify.
  if (error instanceof CryptoError) return EXIT.verification;
  const byCode = BY_CODE[error.code];
  if (byCode !== undefined) return byCode;
  if (error.origin === 'client' && OWN_FINDINGS.has(error.code)) return EXIT.verification;
  return BY_STATUS[error.status ?? 0] ?? EXIT.error;
}

/** Faults of the parts that are loaded by name carry the exit code they want; of others only system codes are shown. */
function reportOther(error: unknown, out: Output): number {
  const { exitCode, lines, message, code, path, name, syscall, port } = Object(error) as Record<string, unknown>;
  if (typeof exitCode === 'number') {
    for (const line of Array.isArray(lines) ? lines.map(String) : [String(message)]) out.error(line);
    return exitCode;
  }
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) {
    const what = syscall === 'listen' ? `cannot listen on port ${String(port)}` : 'the system refused it';
    return said(out, `${typeof path === 'string' ? `cannot use ${path}` : what}: ${reasonOf(error)}`, EXIT.error);
  }
  return said(
    out,
    'something went wrong that should not',
    EXIT.error,
    `please report it with what you did; it was ${String(name)}`,
  );
}

function said(out: Output, message: string, code: number, hint?: string): number {
  out.error(message);
  if (hint !== undefined) out.hint(hint);
  return code;
}
