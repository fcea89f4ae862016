import type { ProblemError, ProblemOrigin } from '@bulla/contract';
import { ALL_PROBLEMS } from '@bulla/contract';
import type { BullaErrorCode } from '../connection/errors.js';
import { BullaError, bullaError, fromCrypto } from '../connection/errors.js';

/** An error as any dialect tells it: the members of a problem document (RFC 9457). */
export interface AppFault {
  readonly type: string;
  readonly title: string;
  /** HTTP status. */
  readonly status: number;
  readonly code: BullaErrorCode;
  readonly request_id: string;
  /** Who found it. */
  readonly origin: ProblemOrigin;
  readonly retryable: boolean;
  /** What happened, and the next command where there is one. */
  readonly detail: string;
  readonly errors?: readonly ProblemError[] | undefined;
  /** Seconds. */
  readonly retryAfter?: number | undefined;
}

/** How a vendor's interface tells of an error. */
export interface AppDialect {
  /** The body of a response that is an error. */
  errorBody(fault: AppFault): object;
}

/** What to do about an error, in the place where apps show it. */
const NEXT: { readonly [Code in BullaErrorCode]?: string } = {
  forbidden:
    '`bulla whoami` shows your groups; who signs the policy names those that chat: `bulla policy set --chat GROUP`',
  model_not_allowed: '`bulla models list` shows the models of the responder',
  not_found: '`bulla prompt list` shows the prompts that you may run',
  label_not_found: '`bulla prompt show NAME` lists its labels and versions',
  budget_exceeded: '`bulla usage` shows what was spent',
  responder_key_changed: '`bulla doctor` shows both fingerprints; `bulla trust accept` takes the new key',
  trust_expired: 'an admin renews it with `bulla trust renew`',
  trust_rollback: '`bulla doctor` looks closer',
  log_inconsistent: '`bulla audit verify` looks closer',
  sealed: 'the vault waits for its root key: `bulla status` says what is missing',
  unauthenticated: '`bulla whoami` shows this device',
  transport_failed: '`bulla doctor` looks closer',
};

/** Statuses that a model server may mean for the app, which so learns of them as it would have without Bulla. */
const FOR_THE_APP: ReadonlySet<number> = new Set([400, 404, 413, 422, 429]);

/** What any error is for an app. Nothing of the request is in it. */
export function faultOf(error: unknown, requestId: string): AppFault {
  const found = fromCrypto(error);
  const known =
    found instanceof BullaError ? found : bullaError('internal', { message: systemWords(found), origin: 'client' });
  const { code, origin, errors, retryAfterSeconds } = known;
  const { title } = ALL_PROBLEMS[code];
  // What is not there is a prompt, where a service says so.
  const next = code === 'not_found' && origin === 'client' ? undefined : NEXT[code];
  return {
    type: `urn:bulla:problem:${code}`,
    title,
    status: statusOf(known),
    code,
    request_id: known.requestId ?? requestId,
    origin,
    retryable: known.retryable,
    detail: `${wordsOf(known, title)}${next === undefined ? '' : ` (${next})`}`,
    ...(errors !== undefined && { errors }),
    ...(retryAfterSeconds !== undefined && { retryAfter: retryAfterSeconds }),
  };
}

/** What the system of this machine refused, which its user can mend; nothing of an error that says no more than its text. */
function systemWords(error: unknown): string {
  const { code } = Object(error) as { readonly code?: unknown };
  if (typeof code !== 'string' || !/^E[A-Z]{2,15}$/.test(code)) return '';
  const why = code === 'ENOSPC' || code === 'EDQUOT' ? 'its disk is full' : 'the system refused it';
  return `this machine could not read or write what it keeps of the organisation: ${why} (${code})`;
}

/** What happened, with each member that is wrong: apps show this one sentence and nothing else. */
function wordsOf({ message, errors = [] }: BullaError, title: string): string {
  const said = message || title;
  const members = errors.map((one) => one.message).filter((one) => !said.includes(one));
  return members.length === 0 ? said : `${said} ${members.join('; ')}`;
}

/** What has no status of its own is a fault between here and a service. */
function statusOf({ code, upstream }: BullaError): number {
  const meant = upstream?.cause === 'http_status' ? upstream.status : undefined;
  if (meant !== undefined && FOR_THE_APP.has(meant)) return meant;
  return ALL_PROBLEMS[code].status ?? 502;
}

/** So long SDKs wait if they are told to; of a longer time OpenAI's makes nothing, and Anthropic's sleeps for hours. */
const RETRY_SECONDS_MAX = 60;

/** Headers that every error has: SDKs read in them whether to try again, and when. */
export function faultHeaders({ retryable, origin, request_id: id, retryAfter }: AppFault): Record<string, string> {
  // guard: app-retry-later without: const isSoon = true;
  const isSoon = retryAfter === undefined || retryAfter <= RETRY_SECONDS_MAX;
  return {
    'content-type': 'application/json',
    'x-request-id': id,
    // Where Anthropic's SDKs look for it.
    'request-id': id,
    'x-should-retry': String(retryable && isSoon),
    'x-bulla-error-origin': origin,
    ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
  };
}

const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  429: 'rate_limit_error',
};

/** OpenAI's shape of an error: what its SDKs make `message`, `type`, `param` and `code` of. */
export function openaiError({ code, status, detail, errors }: AppFault): object {
  const type = code === 'budget_exceeded' ? 'insufficient_quota' : (TYPES[status] ?? ofClass(status));
  const [first] = errors ?? [];
  return { message: detail, type, param: first === undefined ? null : paramAt(first.pointer), code };
}

function ofClass(status: number): string {
  return status < 500 ? 'invalid_request_error' : 'server_error';
}

/** A place in the body as OpenAI names it: `messages[0].content`; a variable of a stored prompt is called by its name. */
function paramAt(pointer: string): string | null {
  const names = pointer
    .replace(/^\/vars/, '')
    .split('/')
    .slice(1);
  const path = names.map((name) => (/^\d+$/.test(name) ? `[${name}]` : `.${name}`)).join('');
  return path.replace(/^\./, '') || null;
}

/** Both in one body: the problem for who knows Bulla, `error` for who knows OpenAI. */
export const OPENAI_DIALECT: AppDialect = {
  errorBody({ retryAfter: _inHeader, ...problem }) {
    return { ...problem, error: openaiError({ ...problem }) };
  },
};

/**
 * A refusal of one member of a request.
 * @param pointer where it is (RFC 6901): `/messages/0/content`
 */
export function refused(pointer: string, message: string): BullaError {
  return bullaError('validation_failed', {
    message: `${paramAt(pointer) ?? 'the body'} ${message}`,
    origin: 'client',
    errors: [{ pointer: pointer.slice(0, 512), message: message.slice(0, 512) }],
  });
}
