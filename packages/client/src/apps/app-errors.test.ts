import { expect, it } from '@jest/globals';
import { bullaError } from '../connection/errors.js';
import { faultHeaders, faultOf } from './app-errors.js';

const headersOf = (retryAfterSeconds: number | undefined, retryable = true) =>
  faultHeaders(
    faultOf(bullaError('rate_limited', { message: 'slowly', origin: 'vault', retryable, retryAfterSeconds }), 'req_1'),
  );

it.each<[string, number | undefined, boolean, string]>([
  ['at once', undefined, true, 'true'],
  ['within a minute', 60, true, 'true'],
  ['later than SDKs wait for [guard: app-retry-later]', 61, true, 'false'],
  ['never', 1, false, 'false'],
])('an error that may be tried again %s says so', (_name, seconds, retryable, said) => {
  expect(headersOf(seconds, retryable)).toMatchObject({ 'x-should-retry': said, 'request-id': 'req_1' });
  expect(headersOf(seconds, retryable)['retry-after']).toBe(seconds === undefined ? undefined : String(seconds));
});
