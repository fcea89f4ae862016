import { describe, expect, it } from '@jest/globals';
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

describe('what this machine itself refused', () => {
  it.each([
    ['ENOSPC', 'its disk is full (ENOSPC)'],
    ['EACCES', 'the system refused it (EACCES)'],
  ])('is told as what it is: %s', (code, said) => {
    const { detail, origin } = faultOf(Object.assign(new Error('canary: /a/path'), { code }), 'req_1');
    expect([detail, origin]).toEqual([expect.stringContaining(said), 'client']);
    expect(detail).not.toContain('canary');
  });

  it('is told without its words where it has no code of the system', () => {
    for (const error of [new Error('canary'), 'canary', undefined, Object.assign(new Error('x'), { code: 'canary' })])
      expect(faultOf(error, 'req_1').detail).not.toContain('canary');
  });
});
