import { describe, expect, it } from '@jest/globals';
import { GET, partsOf, POST } from '../../test/messages.js';
import {
  carriesBody,
  normalizeAuthority,
  requestComponents,
  requestSummary,
  requestTargetOf,
} from './signature-components.js';

const malformed = expect.objectContaining({ code: 'token_malformed' });

describe('normalizeAuthority', () => {
  it.each([
    ['Vault.ACME.example', 'https', 'vault.acme.example'],
    ['vault.acme.example:443', 'https', 'vault.acme.example'],
    ['vault.acme.example:80', 'https', 'vault.acme.example:80'],
    ['vault.acme.example:80', 'http', 'vault.acme.example'],
    ['vault.acme.example:443', 'http', 'vault.acme.example:443'],
    ['127.0.0.1:4100', 'http', '127.0.0.1:4100'],
    ['[::1]:4100', 'http', '[::1]:4100'],
    ['[2001:DB8::1]:443', 'https', '[2001:db8::1]'],
    ['bulla_vault:4100', 'http', 'bulla_vault:4100'],
  ] as const)('of %s over %s is %s', (authority, scheme, expected) => {
    expect(normalizeAuthority(authority, scheme)).toBe(expected);
  });

  it.each(['', 'user@host', 'host/path', 'host, other', 'host:port', '::1', 'host\n', 'hôte'])(
    'refuses %j',
    (authority) => {
      expect(() => normalizeAuthority(authority, 'https')).toThrow(malformed);
    },
  );
});

describe('carriesBody', () => {
  it.each([
    ['POST', true],
    ['PUT', true],
    ['PATCH', true],
    ['GET', false],
    ['HEAD', false],
    ['DELETE', false],
  ])('of %s is %s', (method, expected) => expect(carriesBody(method)).toBe(expected));

  it.each(['', 'get', 'CONNECT', 'OPTIONS', 'TRACE'])('refuses %j', (method) => {
    expect(() => carriesBody(method)).toThrow(malformed);
  });
});

describe('requestComponents', () => {
  const target = ['"@method"', '"@authority"', '"@path"', '"@query"'];
  it.each([
    ['a request without a body', GET, undefined, target],
    [
      'a request with a body',
      POST,
      'sha-256=:AAAA:',
      [...target, '"content-type"', '"content-digest"', '"idempotency-key"'],
    ],
  ])('of %s', (_name, request, digest, identifiers) => {
    const components = requestComponents(partsOf(request), digest);
    // Strictly: `toEqual` does not mind another one at the end that is undefined.
    expect(components.map(({ identifier }) => identifier)).toStrictEqual(identifiers);
  });
});

describe('requestTargetOf', () => {
  it.each([
    ['https://Vault.acme.example:443/a/b', { authority: 'vault.acme.example', path: '/a/b', query: '?' }],
    ['http://[::1]:4100', { authority: '[::1]:4100', path: '/', query: '?' }],
    ['http://127.0.0.1:4100/a?', { authority: '127.0.0.1:4100', path: '/a', query: '?' }],
    ['https://v.example/a%2Fb?x=a b#f', { authority: 'v.example', path: '/a%2Fb', query: '?x=a%20b' }],
  ])('of %s', (url, expected) => {
    expect(requestTargetOf('GET', new URL(url))).toEqual({ method: 'GET', ...expected });
  });
});

describe('requestSummary', () => {
  const target = { method: 'GET', authority: 'v.example', path: '/', query: '?' };

  it('takes the byte sequence of label bulla', () => {
    expect(requestSummary(target, 'bulla=:AAAA:')).toEqual({ ...target, signature: ':AAAA:' });
  });

  it.each([undefined, '', ':AAAA:', 'sig1=:AAAA:', 'bulla=:AAAA:, bulla=:AAAA:'])('refuses %j', (field) => {
    expect(() => requestSummary(target, field)).toThrow(malformed);
  });
});
