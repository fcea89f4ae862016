import { describe, expect, it } from '@jest/globals';
import { readProxySettings } from './proxy-settings.js';

const KEY = 'a-key-of-one-s-own-0123';

describe('settings of the proxy', () => {
  it('have values of their own where nothing is set', () => {
    const none = { listen: undefined, token: undefined, passUnknown: false, receipts: 'on' };
    expect(readProxySettings({})).toEqual(none);
    expect(readProxySettings({ BULLA_PROXY_LISTEN: '', BULLA_PROXY_TOKEN: '', BULLA_PROXY_RECEIPTS: '' })).toEqual(
      none,
    );
  });

  it('are what is set', () => {
    const env = {
      BULLA_PROXY_LISTEN: '[::1]:80',
      BULLA_PROXY_TOKEN: KEY,
      BULLA_PROXY_PASS_UNKNOWN: 'on',
      BULLA_PROXY_RECEIPTS: 'question',
    };
    expect(readProxySettings(env)).toEqual({ listen: '[::1]:80', token: KEY, passUnknown: true, receipts: 'question' });
  });

  it.each([
    ['a short key [guard: proxy-token-setting]', { BULLA_PROXY_TOKEN: 'canary' }, 'BULLA_PROXY_TOKEN'],
    [
      'a key that no header carries',
      { BULLA_PROXY_TOKEN: 'canary with spaces in it' },
      'expected 16 or more characters',
    ],
    ['another word for yes', { BULLA_PROXY_PASS_UNKNOWN: 'canary' }, 'expected off, on'],
    ['another kind of receipt', { BULLA_PROXY_RECEIPTS: 'canary' }, 'expected on, off, question'],
  ])('are not %s, and the error does not repeat it', (_what, env, said) => {
    expect(() => readProxySettings(env)).toThrow(said);
    expect(() => readProxySettings(env)).not.toThrow('canary');
  });
});
