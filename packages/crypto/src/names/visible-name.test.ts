import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { visibleNameSchema } from '../tokens/claims.js';
import { isVisibleName } from './visible-name.js';

/** First and last code point of what a name may not hold. */
const UNSEEN: readonly (readonly [name: string, first: number, last: number])[] = [
  ['controls of ASCII', 0x00, 0x1f],
  ['delete, and the controls of Latin-1', 0x7f, 0x9f],
  ['a soft hyphen', 0xad, 0xad],
  ['a combining grapheme joiner', 0x34f, 0x34f],
  ['an Arabic letter mark', 0x61c, 0x61c],
  ['Hangul fillers', 0x115f, 0x1160],
  ['a Mongolian vowel separator', 0x180e, 0x180e],
  ['zero-width spaces, joiners and marks of direction', 0x200b, 0x200f],
  ['separators of lines, and what turns text around', 0x2028, 0x202e],
  ['a word joiner, invisible operators, isolates', 0x2060, 0x206f],
  ['an empty Braille cell', 0x2800, 0x2800],
  ['half a surrogate pair', 0xd800, 0xdfff],
  ['private characters', 0xe000, 0xf8ff],
  ['variation selectors', 0xfe00, 0xfe0f],
  ['a byte order mark', 0xfeff, 0xfeff],
  ['a halfwidth filler', 0xffa0, 0xffa0],
  ['annotations, and what is no character', 0xfff9, 0xfffb],
  ['what is no character', 0xfffe, 0xffff],
  ['tags and further variation selectors', 0xe0000, 0xe0fff],
];

describe('a visible name', () => {
  it.each([
    'gpt-oss:20b',
    'meta-llama/Llama-3.1-8B-Instruct',
    '/models/My Model (v2).gguf',
    'Brief an Äneas, 2.txt',
    'שלום',
    '日本語',
    '🏺',
    'a\u00a0b',
    '"quoted" \\ and = $(more)',
  ])('can be %j', (name) => expect(isVisibleName(name)).toBe(true));

  it.each(UNSEEN)('holds no %s, wherever it stands [guard: name-unseen]', (_name, first, last) => {
    for (let code = first; code <= last; code += 1) {
      const character = String.fromCodePoint(code);
      for (const name of [`a${character}b`, `${character}b`, `a${character}`])
        expect([code.toString(16), isVisibleName(name)]).toEqual([code.toString(16), false]);
    }
  });

  it.each([' a', 'a ', ' ', '\u00a0a', 'a\u3000', 'a\u2009'])(
    'has no blank at an end: %j [guard: name-ends]',
    (name) => {
      expect(isVisibleName(name)).toBe(false);
    },
  );

  it('is one line, of one reading, whatever was given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        fc.pre(isVisibleName(name));
        expect(name).toBe(name.trim());
        expect(name.isWellFormed()).toBe(true);
        expect(name.split(/[\n\r\u0085\u2028\u2029]/)).toEqual([name]);
      }),
    );
  });

  it.each([
    ['nothing', ''],
    ['more than it may', 'abcd'],
    ['what does not show', 'a\n'],
  ])('is refused by its schema if it is %s', (_name, name) => {
    expect(visibleNameSchema(3).safeParse(name).success).toBe(false);
    expect(visibleNameSchema(3).safeParse('abc').success).toBe(true);
  });
});
