import { BullaError } from '@bulla/client';
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';

/** Codes of what the host can mend itself, by asking for something else. */
const ABOUT_THE_REQUEST: ReadonlySet<string> = new Set([
  'not_found',
  'label_not_found',
  'validation_failed',
  'variable_missing',
  'variable_unknown',
  'payload_too_large',
  'pii_policy_failed',
]);

/** A request that the host should have made in another way; the message repeats nothing of it. */
export function badRequest(message: string): McpError {
  return new McpError(ErrorCode.InvalidParams, message);
}

/** What a host is told of an error: its code and words of ours, never what was asked or answered. */
export function mcpErrorOf(error: unknown): McpError {
  if (error instanceof McpError) return error;
  // guard: mcp-error-words without: if (!(error instanceof Error)) return new McpError(ErrorCode.InternalError, '');
  if (!(error instanceof BullaError)) return new McpError(ErrorCode.InternalError, 'internal: something failed here');
  const { code, message, errors, retryable } = error;
  const kind = ABOUT_THE_REQUEST.has(code) ? ErrorCode.InvalidParams : ErrorCode.InternalError;
  return new McpError(kind, `${code}: ${message}`, { code, retryable, ...(errors !== undefined && { errors }) });
}
