import { randomUUID } from 'node:crypto';
import type { AppDialect, AppFault } from '@bulla/client/apps';
import { ANTHROPIC_DIALECT, faultHeaders, OPENAI_DIALECT } from '@bulla/client/apps';
import type { ProblemCode } from '@bulla/contract';
import { PROBLEMS } from '@bulla/contract';
import type { Refusal } from './refusal.js';
import type { WholeResponse } from './surface.js';

/** The path of Anthropic's interface; all others have errors in OpenAI's shape. */
const ANTHROPIC = /^\/messages(?:\/|$)/;

/** What an app is told of a refusal: a problem document that is an error of its vendor as well. */
export function refusalResponse({ code, message, headers }: Refusal, path: string): WholeResponse {
  const fault = faultOf(code, message);
  const body = JSON.stringify(dialectOf(path).errorBody(fault));
  return { status: fault.status, headers: { ...faultHeaders(fault), ...headers }, body };
}

/** The event with which a stream ends that the proxy cannot go on with. */
export function errorEvent(code: ProblemCode, message: string, path: string): string {
  const body = dialectOf(path).errorBody(faultOf(code, message)) as { readonly error: object };
  if (ANTHROPIC.test(path)) return `event: error\ndata: ${JSON.stringify(body)}\n\n`;
  if (path.startsWith('/responses'))
    return `event: error\ndata: ${JSON.stringify({ type: 'error', code, message, param: null })}\n\n`;
  return `data: ${JSON.stringify({ error: body.error })}\n\n`;
}

function dialectOf(path: string): AppDialect {
  return ANTHROPIC.test(path) ? ANTHROPIC_DIALECT : OPENAI_DIALECT;
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
