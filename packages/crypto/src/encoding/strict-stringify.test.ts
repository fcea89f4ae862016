import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { utf8 } from './bytes.js';
import { CryptoError } from '../names/errors.js';
import { strictParse, strictStringify } from './strict-parse.js';

const LIMITS = { maxBytes: 4096 };
const LARGE = { maxBytes: 1 << 20 };
const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));

/** The code of a refusal, or what was not refused. */
function outcome(of: () => unknown): unknown {
  try {
    return of();
  } catch (error) {
    if (error instanceof CryptoError) return error.code;
    throw error;
  }
}

describe('a value that is written', () => {
  /** With strings that are ill-formed, and numbers that no token has. */
  const anyValue = fc.oneof(
    fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }),
    fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.double({ noNaN: true, noDefaultInfinity: true })), {
      maxLength: 4,
    }),
  );

  it('has the bytes that are read as it, or is refused as they would be', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = utf8(JSON.stringify(value));
        const isRead = outcome(() => strictParse(bytes, LARGE) !== undefined);
        expect(outcome(() => strictStringify(value, LARGE))).toEqual(isRead === true ? bytes : isRead);
      }),
    );
  });

  it.each<[string, unknown, string]>([
    ['17 deep', nested(17), 'token_malformed'],
    ['with a name that reaches prototypes', { constructor: 1 }, 'token_malformed'],
    ['with a lone surrogate', ['\ud800'], 'token_malformed'],
    ['with a number that JSON does not have', { n: Number.NaN }, 'token_malformed'],
    ['larger than it may be', 'a'.repeat(4095), 'payload_too_large'],
  ])('is refused %s [guard: written-depth]', (_what, value, code) => {
    expect(outcome(() => strictStringify(value, LIMITS))).toBe(code);
    expect(strictStringify('a'.repeat(4094), LIMITS)).toHaveLength(4096);
  });
});
