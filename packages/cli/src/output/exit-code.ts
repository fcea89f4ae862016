import { BullaError } from '@bulla/client';
import { HomeError, PassphraseError } from '@bulla/client/node';
import type { ExitName } from '@bulla/contract';
import { ALL_PROBLEMS } from '@bulla/contract';
import { CryptoError } from '@bulla/crypto';
import { CommanderError } from 'commander';
import { Interrupted } from '../input/asker.js';
import type { About } from './hints.js';
import { hintOf } from './hints.js';
import type { Output } from './output.js';
import { PromptFileError } from '../input/prompt-file-error.js';
import { SettingError } from '../input/settings.js';
import { reasonOf } from './system-errors.js';
import { NotReadyError, NotThereError, UsageError } from '../input/usage-error.js';

/** What the process ends with (docs/guide/cli.md#streams-and-exit-codes). */
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
  /** Signed; the label moves when further people have signed. */
  waits: 11,
  /** Every log is whole, and some entries do not fit what shows who asked for them. */
  evidence: 12,
  settings: 78,
  interrupted: 130,
} as const satisfies Readonly<Record<ExitName, number>> & Readonly<Record<string, number>>;

/** A check of one's own that failed; the message names it. */
export class CheckFailed extends Error {
  override readonly name = 'CheckFailed';
}

/** Logs whose chain is good, with entries that do not fit what shows who asked for them. */
export class EvidenceMisfit extends Error {
  override readonly name = 'EvidenceMisfit';
}

/** Logs of which something is gone, or came too late to count, and nobody has accepted that. */
export class LossFound extends Error {
  override readonly name = 'LossFound';
}

/** What went wrong, before it is said. */
interface Failure {
  readonly exit: number;
  /** From docs/problems.md where a service or a check found it; else what kind of mistake it is. */
  readonly code: string;
  readonly message: string;
  /** The same for a person, a line for each thing that is wrong; the message alone unless given. */
  readonly lines?: readonly string[];
  readonly hints?: readonly (string | undefined)[];
  readonly check?: string | undefined;
  readonly requestId?: string | undefined;
  /** Each thing that is wrong, where there are several. */
  readonly errors?: readonly object[] | undefined;
}

/**
 * Says what went wrong in one line, and what can be done in another; to a program, both in one line of JSON.
 * @returns the exit code
 */
export function report(error: unknown, out: Output, interrupted: boolean, about: About = {}): number {
  if (error instanceof CommanderError && (error.exitCode === 0 || about.asJson !== true))
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const {
    exit,
    code,
    message,
    lines = [message],
    hints = [],
    check,
    requestId,
    errors,
  } = failureOf(error, interrupted, about);
  const said = hints.filter((hint) => hint !== undefined);
  if (about.asJson === true) {
    out.failure({
      code,
      message,
      hint: said.length === 0 ? null : said.join('; '),
      request_id: requestId ?? null,
      ...(check !== undefined && { check }),
      ...(errors !== undefined && { errors }),
    });
    return exit;
  }
  for (const line of lines) out.error(line);
  for (const hint of said) out.hint(hint);
  return exit;
}

function failureOf(error: unknown, interrupted: boolean, about: About): Failure {
  if (error instanceof CommanderError) return usageOf(error, about);
  if (interrupted || error instanceof Interrupted)
    return { exit: EXIT.interrupted, code: 'interrupted', message: 'interrupted' };
  if (error instanceof BullaError || error instanceof CryptoError) return codedFailure(error, about);
  if (error instanceof PromptFileError) return promptFileFailure(error);
  const { message } = Object(error) as Error;
  if (error instanceof CheckFailed) return { exit: EXIT.verification, code: 'check_failed', message };
  if (error instanceof LossFound)
    return { exit: EXIT.verification, code: 'log_loss', message, hints: ['if you know why: bulla audit accept-loss'] };
  if (error instanceof EvidenceMisfit) return { exit: EXIT.evidence, code: 'evidence_misfit', message };
  if (error instanceof UsageError) return { exit: EXIT.usage, code: 'usage', message, hints: [error.hint] };
  if (error instanceof NotThereError) return { exit: EXIT.notFound, code: 'not_found', message, hints: [error.hint] };
  if (error instanceof NotReadyError) return { exit: EXIT.notReady, code: 'not_ready', message, hints: [error.hint] };
  if (error instanceof SettingError) return { exit: EXIT.settings, code: 'bad_setting', message };
  if (error instanceof PassphraseError) return { exit: EXIT.auth, code: 'passphrase', message };
  if (error instanceof HomeError) return { exit: EXIT.error, code: 'home', message };
  return otherFailure(error);
}

/** A wrong command line. The parser itself has told the user. */
function usageOf({ code, message }: CommanderError, { usage = [] }: About): Failure {
  const [said, ...hints] = usage;
  const text = code === 'commander.help' ? 'a command is missing' : message.replace(/^error: /, '');
  return { exit: EXIT.usage, code: 'usage', message: said ?? text, hints };
}

function promptFileFailure(error: PromptFileError): Failure {
  const { message, lines, mistakes, file } = error;
  const first = lines[0] ?? message;
  const errors = mistakes.map(({ line, at, what }) => ({
    ...(file !== undefined && { file }),
    ...(line !== undefined && { line }),
    ...(at !== undefined && { at }),
    message: what,
  }));
  const hints = ['the format is in docs/guide/prompt-file.md'];
  return { exit: EXIT.usage, code: 'prompt_file', message: first, lines, hints, errors };
}

function codedFailure(error: BullaError | CryptoError, about: About): Failure {
  const { subject } = about;
  const { code, check } = error;
  const prefix = subject === undefined || error.message.includes(subject) ? '' : `${subject}: `;
  const message = `${prefix}${withinLine(error)}`;
  const { errors, requestId, origin } = error instanceof BullaError ? error : ({} as Partial<BullaError>);
  const hint = hintOf(error, about);
  return {
    exit: exitOf(error),
    code,
    message,
    lines: [`${message} (${code}${check === undefined ? '' : `, check ${check}`})`],
    hints: [
      ...(errors ?? []).map(memberLine),
      hint !== undefined && !error.message.includes(hint) ? hint : undefined,
      requestId === undefined || about.asJson === true ? undefined : `the ${origin} logged it as request ${requestId}`,
    ],
    check,
    requestId,
    errors,
  };
}

/** A member that is wrong; one that its own sentence names needs no place. */
function memberLine({ pointer, message }: NonNullable<BullaError['errors']>[number]): string {
  if (pointer.startsWith('/vars/') || pointer === '/messages') return message;
  return `${pointer === '' ? 'the request' : pointer}: ${message}`;
}

/** The title of a code, which is a sentence, as a part of a line. */
function withinLine(error: BullaError | CryptoError): string {
  const { message } = error;
  if (!(error instanceof BullaError) || error.details?.kind !== 'unsaid') return message;
  return `${message.charAt(0).toLowerCase()}${message.slice(1).replace(/\.$/, '')}`;
}

function exitOf(error: BullaError | CryptoError): number {
  // Nobody was asked: something at hand did not verify.
  if (error instanceof CryptoError) return EXIT.verification;
  const { exit, ownFinding } = ALL_PROBLEMS[error.code];
  return error.origin === 'client' && ownFinding === true ? EXIT.verification : EXIT[exit];
}

/** Faults of the parts that are loaded by name carry the exit code they want; of others only system codes are shown. */
function otherFailure(error: unknown): Failure {
  const { exitCode, lines, message, hint, code, path, name, syscall, port } = Object(error) as Record<string, unknown>;
  if (typeof exitCode === 'number') {
    const all = Array.isArray(lines) ? lines.map(String) : [String(message)];
    const kind = exitCode === EXIT.settings ? 'bad_setting' : 'cannot_start';
    return {
      exit: exitCode,
      code: kind,
      message: all.join('; '),
      lines: all,
      hints: typeof hint === 'string' ? [hint] : [],
    };
  }
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) {
    const what = syscall === 'listen' ? `cannot listen on port ${String(port)}` : 'the system refused it';
    const where = typeof path === 'string' ? `cannot use ${path}` : what;
    return { exit: EXIT.error, code: 'system', message: `${where}: ${reasonOf(error)}` };
  }
  return {
    exit: EXIT.error,
    code: 'unexpected',
    message: 'something went wrong that should not',
    hints: [`please report it with what you did; it was ${String(name)}`],
  };
}
