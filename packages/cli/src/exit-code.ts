import { BullaError } from '@bulla/client';
import { HomeError, PassphraseError } from '@bulla/client/node';
import { CryptoError } from '@bulla/crypto';
import { CommanderError } from 'commander';
import { Interrupted } from './asker.js';
import type { Output } from './output.js';
import { PromptFileError } from './prompt-file.js';
import { SettingError } from './settings.js';
import { UsageError } from './usage-error.js';

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

/** What to do about a code, where there is something. */
const HINTS: Readonly<Record<string, string>> = {
  transport_failed: 'start it with `bulla up` (or npm start); `bulla doctor` looks closer',
  pin_mismatch:
    'somebody else stands in the place of this organisation, or the pin is that of another; `bulla trust pin` prints the pinned one',
  trust_expired: 'run `bulla trust renew`; `bulla up` does it too',
  trust_rollback:
    'the vault shows an older state than this machine has seen; it was restored from a backup, or somebody changed it',
  label_stale: 'read again with `bulla prompt show NAME` and repeat',
  label_not_found: 'list the labels with `bulla prompt show NAME`, or choose with --label or --version',
  not_found: 'list what there is with `bulla prompt list`',
  unauthenticated:
    'this device was revoked, ran out or never came in; ask an owner for an invitation, then: bulla device enrol',
  clock_skew: 'set the clock of this machine; `bulla doctor` compares it with the vault',
  variable_missing: 'give it with --var name=value, --var name=@file or --var name=-',
  variable_unknown: '`bulla prompt show NAME` lists the variables of the prompt',
  responder_key_changed:
    'if its operator confirms the new key another way, whoever keeps the directory key runs: bulla trust accept --fingerprint NEW --keys FILE (FILE is what `bulla keys public` prints at the responder)',
  upstream_unavailable: 'the responder cannot reach its model: see BULLA_LLM where `bulla up` runs',
  upstream_auth: 'the model refused the key of the responder: see BULLA_LLM_API_KEY where `bulla up` runs',
  needs_rewrap: 'push the prompt again: it is not sealed to this responder',
};

/**
 * Says what went wrong in one line, and what can be done in another.
 * @param subject the prompt or file that the command is about
 * @returns the exit code
 */
export function report(error: unknown, out: Output, interrupted: boolean, subject?: string): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (interrupted || error instanceof Interrupted) {
    out.error('interrupted');
    return EXIT.interrupted;
  }
  if (error instanceof BullaError || error instanceof CryptoError) return reportCoded(error, out, subject);
  if (error instanceof CheckFailed) return said(out, error.message, EXIT.verification);
  if (error instanceof UsageError) return said(out, error.message, EXIT.usage, error.hint);
  if (error instanceof PromptFileError)
    return said(out, error.message, EXIT.usage, 'the format is in docs/guide/prompt-file.md');
  if (error instanceof SettingError) return said(out, error.message, EXIT.settings);
  if (error instanceof PassphraseError) return said(out, error.message, EXIT.auth);
  if (error instanceof HomeError) return said(out, error.message, EXIT.error);
  return reportOther(error, out);
}

function reportCoded(error: BullaError | CryptoError, out: Output, subject: string | undefined): number {
  const check = error.check === undefined ? '' : `, check ${error.check}`;
  const about = subject === undefined || error.message.includes(subject) ? '' : `${subject}: `;
  out.error(`${about}${error.message} (${error.code}${check})`);
  if (error instanceof BullaError) {
    for (const { pointer, message } of error.errors ?? [])
      out.hint(`${pointer === '' ? 'the request' : pointer}: ${message}`);
  }
  const hint = hintOf(error);
  if (hint !== undefined && !error.message.includes(hint)) out.hint(hint);
  if (error instanceof BullaError && error.requestId !== undefined)
    out.hint(`the ${error.origin} logged it as request ${error.requestId}`);
  return exitOf(error);
}

/** The command that accepts a key, with the key that was seen; it still takes somebody to confirm it. */
function hintOf({ code, message }: BullaError | CryptoError): string | undefined {
  const seen = code === 'responder_key_changed' ? /with key ([0-9a-f:]{39})/.exec(message)?.[1] : undefined;
  return seen === undefined ? HINTS[code] : HINTS[code]?.replace('NEW', seen);
}

function exitOf(error: BullaError | CryptoError): number {
  const byCode = BY_CODE[error.code];
  if (byCode !== undefined) return byCode;
  if (error instanceof CryptoError) return EXIT.verification;
  if (error.origin === 'client' && OWN_FINDINGS.has(error.code)) return EXIT.verification;
  return BY_STATUS[error.status ?? 0] ?? EXIT.error;
}

/** Faults of the parts that are loaded by name carry the exit code they want; of others only system codes are shown. */
function reportOther(error: unknown, out: Output): number {
  const { exitCode, lines, message, code, path, name } = Object(error) as Record<string, unknown>;
  if (typeof exitCode === 'number') {
    for (const line of Array.isArray(lines) ? lines.map(String) : [String(message)]) out.error(line);
    return exitCode;
  }
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) {
    return said(
      out,
      typeof path === 'string' ? `cannot use ${path} (${code})` : `the system refused it (${code})`,
      EXIT.error,
    );
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
