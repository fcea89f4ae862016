import { describe, expect, it } from '@jest/globals';
import { tlsFaultOf } from './tls-faults.js';

const coded = (code: string, cause?: unknown) => Object.assign(new Error('', { cause }), { code });

describe('a connection that failed', () => {
  it.each([
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'untrusted'],
    ['CERT_HAS_EXPIRED', 'expired'],
    ['CERT_NOT_YET_VALID', 'not_yet'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'other_name'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'no_tls'],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'other_version'],
    ['CERT_REVOKED', 'other'],
    ['EPROTO', 'other'],
    ['ECONNREFUSED', undefined],
    ['EPROTONOSUPPORT', undefined],
    ['constructor', undefined],
  ])('by %s is %s', (code, fault) => {
    expect(tlsFaultOf(coded(code))).toBe(fault);
    // As fetch says it.
    expect(tlsFaultOf(new TypeError('fetch failed', { cause: coded(code) }))).toBe(fault);
  });

  it('by anything else is none of TLS, also where causes go in circles', () => {
    const circle = coded('ECONNRESET');
    circle.cause = circle;
    expect([undefined, null, 'CERT_HAS_EXPIRED', circle].map(tlsFaultOf)).toEqual(Array(4).fill(undefined));
  });
});
