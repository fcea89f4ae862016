import { describe, expect, it } from '@jest/globals';
import { tokenPlace, withObject } from './token-place.js';

const QUERY = '?module-path=/usr/lib/lib%20one.so&pin-source=file:///run/pin';

describe('a URI of a key in a token', () => {
  it.each([
    [`pkcs11:token=bulla;object=vault${QUERY}`, 'bulla', 'vault'],
    [`pkcs11:object=our%20vault;type=private;token=bulla${QUERY}`, 'bulla', 'our vault'],
    [`token=bulla;object=a%3Bb${QUERY}`, 'bulla', 'a;b'],
  ])('is read: %s', (uri, token, object) => {
    const rest = { module: '/usr/lib/lib one.so', pinFile: '/run/pin' };
    expect(tokenPlace(uri, 'private')).toEqual({ token, object, ...rest });
    expect(tokenPlace(withObject(uri, `${object}-content`), 'private')).toEqual({
      token,
      object: `${object}-content`,
      ...rest,
    });
  });

  it.each([
    ['a PIN in it', `pkcs11:token=a;object=b${QUERY}&pin-value=canary`],
    ['a type of other keys', `pkcs11:token=a;object=b;type=secret-key${QUERY}`],
    ['no library', 'pkcs11:token=a;object=b?pin-source=file:/run/pin'],
    ['no file of a PIN', 'pkcs11:token=a;object=b?module-path=/lib.so'],
    ['two queries', `pkcs11:token=a;object=b${QUERY}?x=y`],
  ])('is not read with %s', (_what, uri) => {
    expect(() => tokenPlace(uri, 'private')).toThrow(/^expected pkcs11:token=LABEL;object=LABEL/);
    expect(() => tokenPlace(uri, 'private')).not.toThrow(/canary/);
  });
});
