import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  concatBytes,
  decodeBase64url,
  decodeUtf8,
  digestB64u,
  encodeBase64url,
  encodeHex,
  equalBytes,
  randomBytes,
  sha256,
  tokenHash,
  utf8,
} from './bytes.js';

const malformed: unknown = expect.objectContaining({ code: 'token_malformed' });
const bytes = (...values: number[]) => Uint8Array.from(values);

/** The text after decoding and encoding, or that it was refused. */
function respelled(text: string): string {
  try {
    return encodeBase64url(decodeBase64url(text));
  } catch {
    return 'refused';
  }
}

describe('base64url', () => {
  // RFC 4648 §10, without padding.
  it.each([
    ['', ''],
    ['f', 'Zg'],
    ['fo', 'Zm8'],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg'],
    ['fooba', 'Zm9vYmE'],
    ['foobar', 'Zm9vYmFy'],
  ])('of "%s" is "%s"', (text, encoded) => {
    expect(encodeBase64url(utf8(text))).toBe(encoded);
    expect(decodeBase64url(encoded)).toEqual(utf8(text));
  });

  it('uses the letters of URLs', () => {
    expect(encodeBase64url(bytes(0xfb, 0xff, 0xfe))).toBe('-__-');
  });

  it('is undone by decoding, and equals what Node makes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (value) => {
        const encoded = encodeBase64url(value);
        expect(encoded).toBe(Buffer.from(value).toString('base64url'));
        expect(decodeBase64url(encoded)).toEqual(value);
      }),
    );
  });

  it('survives values larger than one piece', () => {
    const value = randomBytes(0x3000 * 2 + 1);
    expect(decodeBase64url(encodeBase64url(value))).toEqual(value);
  });

  it.each([
    ['padding', 'Zg=='],
    ['one character too many', 'Zm9vY'],
    ['a single character', 'Z'],
    ['unused bits that are set [guard: token-canonical]', 'Zh'],
    ['other unused bits that are set', 'Zm9'],
    ['the letters of plain base64', '+/+/'],
    ['white space', 'Zm9v '],
    ['a line break', 'Zm\n9'],
    ['a character beyond ASCII', 'Zm9\u0100'],
    ['a character that folds to ASCII', '\uff21\uff21'],
  ])('refuses %s', (_name, text) => {
    expect(() => decodeBase64url(text)).toThrow(malformed);
  });

  it('has one spelling for each value', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ABQRZaz09-_=+/'.split('')), maxLength: 12 }), (text) => {
        expect(['refused', text]).toContain(respelled(text));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('UTF-8', () => {
  it('keeps a byte order mark, for the parser to refuse', () => {
    expect(decodeUtf8(bytes(0xef, 0xbb, 0xbf, 0x7b))).toBe('\ufeff{');
  });

  it.each([
    ['a lone continuation byte', bytes(0x80)],
    ['an overlong slash', bytes(0xc0, 0xaf)],
    ['a surrogate', bytes(0xed, 0xa0, 0x80)],
    ['a truncated sequence', bytes(0xe2, 0x82)],
    ['a code point beyond the last', bytes(0xf4, 0x90, 0x80, 0x80)],
  ])('refuses %s', (_name, value) => {
    expect(() => decodeUtf8(value)).toThrow(malformed);
  });
});

describe('hashes', () => {
  // FIPS 180-2 appendix B.1.
  const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

  it('are SHA-256', async () => {
    expect(encodeHex(await sha256(utf8('abc')))).toBe(ABC);
    expect(await digestB64u(utf8('abc'))).toBe(Buffer.from(ABC, 'hex').toString('base64url'));
    expect(await tokenHash('abc')).toBe(await digestB64u(utf8('abc')));
  });
});

describe('bytes', () => {
  it('are equal in length and value', () => {
    expect(equalBytes(bytes(1, 2), bytes(1, 2))).toBe(true);
    expect(equalBytes(bytes(), bytes())).toBe(true);
    expect(equalBytes(bytes(1, 2), bytes(1, 3))).toBe(false);
    expect(equalBytes(bytes(1, 2), bytes(1))).toBe(false);
    expect(equalBytes(bytes(0), bytes())).toBe(false);
  });

  it('are joined in order', () => {
    expect(concatBytes(bytes(1), bytes(), bytes(2, 3))).toEqual(bytes(1, 2, 3));
    expect(concatBytes()).toEqual(bytes());
  });

  it('are printed with both digits', () => {
    expect(encodeHex(bytes(0, 10, 255))).toBe('000aff');
  });

  it('are random in the length asked for', () => {
    expect(randomBytes(32)).toHaveLength(32);
    expect(randomBytes(32)).not.toEqual(randomBytes(32));
  });
});
