import { describe, expect, it } from '@jest/globals';
import { urlUnder } from './url-under.js';

const PATH = '/api/v1/prompts';
const at = (base: string, target = PATH): string => {
  try {
    return urlUnder(new URL(base), target).href;
  } catch (error) {
    return String((error as { code?: string }).code);
  }
};

describe('a path below an address', () => {
  it.each([
    ['of a host alone', 'https://vault.example', `https://vault.example${PATH}`],
    ['with a port', 'https://vault.example:8443/', `https://vault.example:8443${PATH}`],
    ['whose port is the usual one', 'https://vault.example:443', `https://vault.example${PATH}`],
    ['with a path', 'https://example.org/bulla/', `https://example.org/bulla${PATH}`],
    ['with a path without a slash at its end', 'https://example.org/bulla', `https://example.org/bulla${PATH}`],
    ['with a query and a fragment, which go', 'https://vault.example/?a=b#c', `https://vault.example${PATH}`],
    ['of an IPv6 host', 'http://[::1]:4100', `http://[::1]:4100${PATH}`],
    ['with a dot at the end of its host', 'https://vault.example./', `https://vault.example.${PATH}`],
    ['in another case', 'HTTP://LocalHost:4100', `http://localhost:4100${PATH}`],
    ['with dots in its path', 'https://vault.example/a/../b/%2e%2e/c', `https://vault.example/c${PATH}`],
  ])('%s', (_name, base, expected) => {
    expect(at(base)).toBe(expected);
  });

  it.each([
    ['two slashes [guard: client-url-path]', 'http://127.0.0.1:1//127.0.0.2:5799/'],
    ['two slashes and no path after', 'http://127.0.0.1:1//127.0.0.2:5799'],
    ['three slashes', 'http://127.0.0.1:1///127.0.0.2:5799/'],
    ['a slash and a backslash', 'http://127.0.0.1:1/\\127.0.0.2:5799/'],
    ['two backslashes', 'http://127.0.0.1:1\\\\127.0.0.2:5799/'],
    ['a dot between slashes', 'http://127.0.0.1:1/.//127.0.0.2:5799/'],
    ['two dots between slashes', 'http://127.0.0.1:1/a/..//127.0.0.2:5799/'],
    ['encoded slashes', 'http://127.0.0.1:1/%2f%2f127.0.0.2:5799/'],
    ['encoded dots', 'http://127.0.0.1:1/%2e//127.0.0.2:5799/'],
    ['a tab between slashes', 'http://127.0.0.1:1/\t/127.0.0.2:5799/'],
    ['a line end between slashes', 'http://127.0.0.1:1/\n/127.0.0.2:5799/'],
    ['an address in its path', 'http://127.0.0.1:1/http://127.0.0.2:5799/'],
    ['a name before another host, in its path', 'http://127.0.0.1:1//somebody@127.0.0.2:5799/'],
  ])('stays at the host of an address with %s', (_name, base) => {
    expect(at(base)).toMatch(/^http:\/\/127\.0\.0\.1:1\/.*\/api\/v1\/prompts$/);
  });

  it.each([
    ['a name before the host, which is no host', 'http://127.0.0.1:1@127.0.0.2:5799/', '127.0.0.2:5799'],
    ['a name and a password', 'http://127.0.0.1:80@127.0.0.2/', '127.0.0.2'],
    ['a number as a host', 'http://2130706433:1/', '127.0.0.1:1'],
    ['a short host', 'http://127.1:1/', '127.0.0.1:1'],
  ])('is at the host that everybody checks: %s', (_name, base, host) => {
    expect(urlUnder(new URL(base), PATH).host).toBe(host);
    expect(new URL(base).host).toBe(host);
  });

  it.each([
    ['a target of two slashes', '//127.0.0.2:5799/x'],
    ['a target of a slash and a backslash', '/\\127.0.0.2:5799/x'],
  ])('does not leave it by %s', (_name, target) => {
    expect(new URL(at('http://127.0.0.1:1', target)).origin).toBe('http://127.0.0.1:1');
  });

  it('keeps a query as it was written', () => {
    expect(at('https://vault.example/a', '/b?name=c%2Fd&at=1?2')).toBe('https://vault.example/a/b?name=c%2Fd&at=1?2');
  });

  it.each(['mailto:somebody@vault.example', 'data:text/plain,x', 'vault.example:8443'])(
    'is refused where there is no host: %s [guard: client-url-origin]',
    (base) => {
      expect(at(base)).toBe('validation_failed');
    },
  );
});
