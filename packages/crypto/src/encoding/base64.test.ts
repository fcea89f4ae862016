import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeBase64, encodeBase64 } from './base64.js';
import { utf8 } from './bytes.js';

describe('base64', () => {
  // RFC 4648 §10.
  it.each([
    ['', ''],
    ['f', 'Zg=='],
    ['fo', 'Zm8='],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg=='],
    ['fooba', 'Zm9vYmE='],
    ['foobar', 'Zm9vYmFy'],
  ])('of "%s" is "%s"', (text, base64) => {
    expect(encodeBase64(utf8(text))).toBe(base64);
    expect(decodeBase64(base64)).toEqual(utf8(text));
  });

  it('comes back from every byte string', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) =>
        expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes),
      ),
    ));

  it.each([
    ['without its padding [guard: base64-canonical]', 'Zg'],
    ['with half its padding', 'Zg='],
    ['with more padding than it has', 'Zm9v===='],
    ['with white space', 'Zm9v Yg=='],
    ['with a newline at its end', 'Zm9v\n'],
    ['in the alphabet of base64url', '-_-_'],
    ['with bits set that mean nothing', 'Zh=='],
    ['with padding within', 'Zg==Zg=='],
  ])('is refused %s', (_name, text) => {
    expect(() => decodeBase64(text)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });
});
