import type { ProblemError } from '@bulla/contract';
import type { BullaError } from '../connection/errors.js';
import { bullaError } from '../connection/errors.js';
import type { PiiReport } from './pii-settings.js';

const STATUS = 422;

/** What the setting for personal data does not let through, or what could not be searched. Nothing was sent. */
export function piiFailed(
  message: string,
  more: { readonly errors?: readonly ProblemError[]; readonly cause?: unknown } = {},
): BullaError {
  return bullaError('pii_policy_failed', { message, origin: 'client', status: STATUS, ...more });
}

/** Most places that an error lists. */
const PLACES_MAX = 100;

/** A refusal that says where, and of which types; never what stands there. */
export function piiRefused(mode: PiiReport['mode'], what: string, places: readonly ProblemError[]): BullaError {
  const listed = places
    .slice(0, PLACES_MAX)
    .map(({ pointer, message }) => ({ pointer: pointer.slice(0, 512), message }));
  const [first = { pointer: '', message: '' }] = listed;
  const others = places.length > 1 ? `, and ${places.length - 1} more` : '';
  return piiFailed(`${first.pointer} ${what} (${first.message}${others}); the setting for personal data is ${mode}`, {
    errors: listed,
  });
}
