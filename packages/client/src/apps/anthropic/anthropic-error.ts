import type { AppDialect, AppFault } from '../app-errors.js';
import type { VendorEvent } from '../vendor-events.js';

const BY_STATUS: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
};

/**
 * A failure in Anthropic's shape, as a body or as the event that ends a stream. The members of the problem are beside,
 * but for its `type`, which is Anthropic's word.
 */
export function anthropicError({ retryAfter: _inHeader, ...problem }: AppFault): VendorEvent {
  const { status, code, detail: message } = problem;
  const type = BY_STATUS[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  return { ...problem, type: 'error', error: { type, message, details: { error_code: code } } };
}

export const ANTHROPIC_DIALECT: AppDialect = { errorBody: anthropicError };
