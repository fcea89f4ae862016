import { describe, expect, it } from '@jest/globals';
import { decodeCursor, encodeCursor } from './cursor.js';

describe('a cursor', () => {
  it.each([
    [
      ['claims/triage', 'prm_01kb0000000000000000000000'],
      ['string', 'string'],
    ],
    [
      [7, 'A-_z'],
      ['number', 'string'],
    ],
    [['urn:bulla:acme:svc:responder:eu1'], ['string']],
    [[0], ['number']],
    [[2_147_483_647], ['number']],
  ] as const)('names the place %j', (place, shape) => {
    expect(decodeCursor(encodeCursor(place), shape)).toEqual(place);
  });

  it.each([
    ['a number too large for the database', [2_147_483_648], ['number']],
    ['a negative number', [-1], ['number']],
    ['a fraction', [1.5], ['number']],
    ['a text of no name', ['a\u0000'], ['string']],
    ['an empty text', [''], ['string']],
    ['a long text', ['a'.repeat(161)], ['string']],
    ['a part too many', [1, 2], ['number']],
    ['a part too few', [], ['number']],
    ['another type', ['1'], ['number']],
  ] as const)('is refused with %s', (_name, place, shape) => {
    expect(() => decodeCursor(encodeCursor(place), shape)).toThrow(
      expect.objectContaining({ code: 'validation_failed' }),
    );
  });

  it.each(['', '!', 'e30', 'bnVsbA', '_____'])('is refused where it is no list: "%s"', (cursor) => {
    expect(() => decodeCursor(cursor, ['number'])).toThrow(expect.objectContaining({ code: 'validation_failed' }));
  });
});
