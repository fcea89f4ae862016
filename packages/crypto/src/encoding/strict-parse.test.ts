import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { utf8 } from './bytes.js';
import { CryptoError } from '../names/errors.js';
import { strictParse, strictParseBody } from './strict-parse.js';

const LIMITS = { maxBytes: 4096 };
const parse = (text: string) => strictParse(utf8(text), LIMITS);
const parseBody = (text: string) => strictParseBody(utf8(text), LIMITS);
const malformed: unknown = expect.objectContaining({ code: 'token_malformed' });

/** Any JSON value as a caller could mean it; names that reach prototypes and ill-formed strings are refused elsewhere. */
const jsonValue = fc
  .jsonValue({ maxDepth: 4, stringUnit: 'grapheme' })
  .filter((value) => !/__proto__|constructor|prototype|\\u0000|\\ud[89a-f]/.test(JSON.stringify(value)))
  .filter((value) => noOddNumber(value));

function noOddNumber(value: unknown): boolean {
  if (typeof value === 'number')
    return !Object.is(value, -0) && (!Number.isInteger(value) || Number.isSafeInteger(value));
  return typeof value !== 'object' || value === null || Object.values(value).every(noOddNumber);
}

/** How JavaScript would write what was read, or that it was refused as malformed. */
function spelled(read: () => unknown): string {
  try {
    return JSON.stringify(read());
  } catch (error) {
    if (error instanceof CryptoError && error.code === 'token_malformed') return 'refused';
    throw error;
  }
}

function refusal(read: () => unknown): CryptoError | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    return error as CryptoError;
  }
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}

describe('JSON of a token', () => {
  it('is what JSON.parse makes of what JSON.stringify wrote', () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        const text = JSON.stringify(value);
        expect(strictParse(utf8(text), { maxBytes: 1 << 20 })).toEqual(JSON.parse(text));
      }),
    );
  });

  it('has no structure within strings, wherever quotes and backslashes stand', () => {
    const text = fc.array(fc.constantFrom('"', '\\', '[', '{', ']', '}', ':', ',', 'a'), { maxLength: 60 });
    const strings = fc.array(
      text.map((parts) => parts.join('')),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(strings, (values) => {
        // Each is a value, and so is the array around them.
        const limits = { ...LIMITS, maxDepth: 1, maxValues: values.length + 1 };
        const bytes = utf8(JSON.stringify(values));
        expect(strictParse(bytes, limits)).toEqual(values);
        expect(strictParseBody(bytes, limits)).toEqual(values);
      }),
    );
  });

  it('is never accepted where JSON.parse would not, or in another spelling', () => {
    const fragment = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      '"a"',
      '"b"',
      '\\',
      ' ',
      '0',
      '1',
      '-',
      '.5',
      'e3',
      'null',
      'true',
    );
    fc.assert(
      fc.property(
        fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join('')),
        (text) => {
          expect(['refused', text]).toContain(spelled(() => parse(text)));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['nothing', ''],
    ['white space before', ' {}'],
    ['white space within', '{"a": 1}'],
    ['a line break at the end', '{}\n'],
    ['a byte order mark', '\ufeff{}'],
    ['a member twice [guard: parse-canonical]', '{"a":1,"a":1}'],
    ['a member twice, deep', '{"a":[{"b":1,"b":2}]}'],
    ['a member twice, once escaped', '{"a":1,"\\u0061":2}'],
    ['an escape that is not needed', '"\\u0061"'],
    ['an escaped slash', '"\\/"'],
    ['a capital escape', '"\\u001F"'],
    ['1.0', '[1.0]'],
    ['an exponent', '[1e3]'],
    ['minus zero', '[-0]'],
    ['a number too large for a double', '[1e400]'],
    ['an integer that is not safe [guard: parse-numbers]', '[9007199254740992]'],
    ['an integer that changes silently', '[9007199254740993]'],
    ['a large integer as ECMAScript writes it', '[1e+21]'],
    ['a null character [guard: parse-strings]', '"\\u0000"'],
    ['a lone surrogate', '"\\ud800"'],
    ['a lone surrogate in a name', '{"\\udc00":1}'],
    ['the name __proto__ [guard: parse-names]', '{"__proto__":1}'],
    ['the name constructor', '{"constructor":1}'],
    ['the name prototype, deep', '[[{"prototype":1}]]'],
    ['the name __proto__, escaped', '{"__pr\\u006fto__":1}'],
    ['two values', '{}{}'],
    ['a trailing comma', '[1,]'],
    ['a comment', '{}/**/'],
    ['single quotes', "{'a':1}"],
    ['NaN', '[NaN]'],
    ['names that are not in the order of ECMAScript', '{"b":1,"1":2}'],
  ])('refuses %s', (_name, text) => {
    expect(() => parse(text)).toThrow(malformed);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(() => strictParse(Uint8Array.of(0x22, 0xff, 0x22), LIMITS)).toThrow(malformed);
  });

  it('goes 16 deep and no deeper [guard: parse-depth]', () => {
    expect(parse(nested(16))).toEqual(JSON.parse(nested(16)));
    expect(() => parse(nested(17))).toThrow(malformed);
    expect(parse(JSON.stringify('['.repeat(100)))).toBe('['.repeat(100));
    expect(parse(JSON.stringify(`"\\${'{'.repeat(100)}`))).toBe(`"\\${'{'.repeat(100)}`);
  });

  it.each([
    ['{"a":', '1', '}'],
    ['[1,', '1', ']'],
    ['[', '"]]]]]]]]]]]]]]]]"', ']'],
  ])('goes as deep whatever stands between: %s%s%s', (open, value, close) => {
    const deep = (depth: number) => open.repeat(depth) + value + close.repeat(depth);
    expect(parse(deep(16))).toEqual(JSON.parse(deep(16)));
    expect(() => parse(deep(17))).toThrow(malformed);
  });

  it.each(['[]', '{}', '[{}]', '{"a":[]}'])('may hold %s a hundred times side by side', (item) => {
    const text = `[${Array(100).fill(item).join(',')}]`;
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  it('refuses a bomb without unrolling it [refuses: depth-bomb]', () => {
    const bomb = '['.repeat(1_000_000);
    expect(() => strictParse(utf8(bomb), { maxBytes: 2_000_000 })).toThrow(malformed);
  });

  it('is at most as long as said [guard: parse-size]', () => {
    const text = JSON.stringify('x'.repeat(98));
    expect(strictParse(utf8(text), { maxBytes: 100 })).toBe('x'.repeat(98));
    expect(() => strictParse(utf8(text), { maxBytes: 99 })).toThrow(
      expect.objectContaining({ code: 'payload_too_large' }),
    );
  });

  it('counts bytes and not characters', () => {
    expect(() => strictParse(utf8('"ääää"'), { maxBytes: 8 })).toThrow(
      expect.objectContaining({ code: 'payload_too_large' }),
    );
  });

  it.each([
    ['an array of two', '[1,2]', 2],
    ['an object of two', '{"a":1,"b":2}', 2],
    ['an array of arrays', '[[],[]]', 4],
    ['an object of objects', '{"a":{},"b":{}}', 4],
    ['brackets and commas in a string', '["[{,,"]', 1],
  ])('counts %s', (_name, text, values) => {
    const parseAtMost = (maxValues: number) => strictParse(utf8(text), { ...LIMITS, maxValues });
    expect(parseAtMost(values)).toEqual(JSON.parse(text));
    expect(() => parseAtMost(values - 1)).toThrow(malformed);
  });

  it('never quotes what it refuses', () => {
    const canary = 'canary-4711';
    for (const text of [
      `{"${canary}"`,
      `{"${canary}":1,"${canary}":1}`,
      `["${canary}\\u0000"]`,
      `{"__proto__":"${canary}"}`,
    ]) {
      const error = refusal(() => parse(text));
      expect(error?.code).toBe('token_malformed');
      expect(String(error?.stack)).not.toContain(canary);
      expect(error?.cause).toBeUndefined();
    }
  });
});

describe('JSON of an HTTP body', () => {
  it('means what JSON.parse says, in any spacing', () => {
    fc.assert(
      fc.property(jsonValue, fc.integer({ min: 0, max: 4 }), (value, space) => {
        const text = JSON.stringify(value, null, space);
        expect(strictParseBody(utf8(text), { maxBytes: 1 << 20 })).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ['spacing', '{ "a" :\n\t1 }\n', { a: 1 }],
    ['1.0', '{"a":1.0}', { a: 1 }],
    ['an exponent', '{"a":1e3}', { a: 1000 }],
    ['an escape that is not needed', '{"\\u0061":"\\/"}', { a: '/' }],
    ['colons in strings', '{"a:b":"c:d","e":":"}', { 'a:b': 'c:d', e: ':' }],
    ['quotes in strings', '{"a":"\\":","b":"\\\\"}', { a: '":', b: '\\' }],
    ['names in any order', '{"b":1,"1":2}', { b: 1, 1: 2 }],
  ])('takes %s', (_name, text, value) => {
    expect(parseBody(text)).toEqual(value);
  });

  it.each([
    ['nothing', ''],
    ['a byte order mark', '\ufeff{}'],
    ['a member twice [guard: body-duplicates]', '{"a":1,"a":1}'],
    ['a member twice, deep', '{"x":[{"a":1, "a":2}]}'],
    ['a member twice, once escaped [refuses: duplicate-members] [refuses: body-spelling]', '{"a":1,"\\u0061":1}'],
    ['a member thrice beside others', '{"a":1,"b":2,"a":1,"a":1}'],
    ['a number too large for a double', '[1e400]'],
    ['an integer that changes silently', '[9007199254740993]'],
    ['a null character', '"\\u0000"'],
    ['a lone surrogate', '"\\ud800"'],
    ['the name __proto__', '{"__proto__":{}}'],
    ['the name constructor', '{"constructor":{}}'],
    ['more than 16 levels', nested(17)],
    ['a trailing comma', '{"a":1,}'],
  ])('refuses %s', (_name, text) => {
    expect(() => parseBody(text)).toThrow(malformed);
  });

  it('refuses every duplicate, wherever it stands [refuses: body-spelling]', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    fc.assert(
      fc.property(fc.array(fc.tuple(name, jsonValue), { minLength: 1, maxLength: 5 }), (members) => {
        const text = `{${members.map(([key, value]) => `"${key}":${JSON.stringify(value)}`).join(',')}}`;
        const distinct = new Set(members.map(([key]) => key)).size === members.length;
        const read = () => strictParseBody(utf8(text), { maxBytes: 1 << 20 });
        expect(spelled(read)).toBe(distinct ? JSON.stringify(JSON.parse(text)) : 'refused');
      }),
    );
  });

  it('is at most as long as said', () => {
    expect(() => strictParseBody(utf8('[1234567]'), { maxBytes: 8 })).toThrow(
      expect.objectContaining({ code: 'payload_too_large' }),
    );
  });
});
