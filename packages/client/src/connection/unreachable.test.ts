import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { untilKnown } from './backoff.js';
import { BullaError } from './errors.js';
import { unreachable } from './unreachable.js';

/** What fetch throws where a connection does not come about. */
const failed = (code: string) => new TypeError('fetch failed', { cause: Object.assign(new Error('canary'), { code }) });

describe('a service that cannot be reached', () => {
  it.each([
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'untrusted', 'its certificate is by an authority that is not known here'],
    ['CERT_HAS_EXPIRED', 'expired', 'its certificate has expired'],
    ['CERT_NOT_YET_VALID', 'not_yet', 'its certificate does not count yet'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'other_name', 'its certificate is for another name'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'no_tls', 'what answers there does not speak TLS'],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'other_version', 'it speaks no version of TLS that this side speaks'],
    ['CERT_REVOKED', 'other', 'its certificate or its TLS is not good'],
  ])('by %s says what is wrong with TLS, and is not asked again', (code, fault, words) => {
    expect(unreachable('the vault at https://vault.example', failed(code))).toMatchObject({
      code: 'transport_failed',
      message: `cannot reach the vault at https://vault.example: ${words}`,
      retryable: false,
      details: { kind: 'tls', fault },
    });
  });

  it('for another reason may be there again', () => {
    expect(unreachable('https://vault.example', failed('ECONNREFUSED'))).toMatchObject({
      message: 'cannot reach https://vault.example; is it running?',
      retryable: true,
      details: undefined,
    });
  });

  it('is not waited for with a question that it was never sent [guard: client-tls-unsent]', () => {
    const again = untilKnown(() => true);
    expect(again(unreachable('https://vault.example', failed('CERT_HAS_EXPIRED')), 0, 3)).toBeUndefined();
    expect(again(unreachable('https://vault.example', failed('ECONNRESET')), 0, 3)).toBeGreaterThan(0);
  });
});

describe('a service that was lost with a question', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('is given up after a minute of silence, counted anew whenever it signs that it is to be asked again', async () => {
    jest.useFakeTimers();
    const again = untilKnown(() => true);
    const silence = unreachable('https://vault.example', failed('ECONNRESET'));
    const busy = new BullaError('overloaded', { message: 'it is busy', origin: 'responder', retryable: true });
    expect(again(silence, 0, 3)).toBeGreaterThan(0);
    for (let kills = 0; kills < 4; kills++) {
      await jest.advanceTimersByTimeAsync(40_000);
      expect(again(silence, 1, 3)).toBeGreaterThan(0);
      expect(again(busy, 1, 3)).toBeGreaterThan(0);
      expect(again(silence, 1, 3)).toBeGreaterThan(0);
    }
    await jest.advanceTimersByTimeAsync(60_000);
    expect(again(silence, 1, 3)).toBeUndefined();
  });
});
