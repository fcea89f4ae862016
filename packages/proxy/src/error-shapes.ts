import { randomUUID } from 'node:crypto';
import type { AppFault } from '@bulla/client/apps';
import { faultHeaders, OPENAI_DIALECT } from '@bulla/client/apps';
import type { ProblemCode } from '@bulla/contract';
import { PROBLEMS } from '@bulla/contract';
import type { Refusal } from './refusal.js';
import type { WholeResponse } from './surface.js';

/** The path of Anthropic's interface; all others have errors in OpenAI's shape. */
const ANTHROPIC = /^\/messages(?:\/|$)/;
/** Anthropic's names of errors by their status. */
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
};

/** What an app is told of a refusal: a problem document that is an error of its vendor as well. */
export function refusalResponse({ code, message, headers }: Refusal, path: string): WholeResponse {
  const fault = faultOf(code, message);
  const body = ANTHROPIC.test(path) ? anthropicError(code, message) : OPENAI_DIALECT.errorBody(fault);
  return { status: fault.status, headers: { ...faultHeaders(fault), ...headers }, body: JSON.stringify(body) };
}

/** The event with which a stream ends that the proxy cannot go on with. */
export function errorEvent(code: ProblemCode, message: string, path: string): string {
  if (ANTHROPIC.test(path)) return `event: error\ndata: ${JSON.stringify(anthropicError(code, message))}\n\n`;
  if (path.startsWith('/responses'))
    return `event: error\ndata: ${JSON.stringify({ type: 'error', code, message, param: null })}\n\n`;
  const { error } = OPENAI_DIALECT.errorBody(faultOf(code, message)) as { error: object };
  return `data: ${JSON.stringify({ error })}\n\n`;
}

/** @param detail says itself what to do. */
function faultOf(code: ProblemCode, detail: string): AppFault {
  const { status, title, retryable } = PROBLEMS[code];
  const id = `req_${randomUUID().replaceAll('-', '')}`;
  return {
    type: `urn:bulla:problem:${code}`,
    title,
    status,
    code,
    request_id: id,
    origin: 'client',
    retryable,
    detail,
  };
}

function anthropicError(code: ProblemCode, message: string): object {
  const { status } = PROBLEMS[code];
  const type = ANTHROPIC_TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  return { type: 'error', error: { type, message, code } };
}
