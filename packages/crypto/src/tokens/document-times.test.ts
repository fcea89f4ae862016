import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkLife, secondsOf, timestampOf, timestampSchema } from './document-times.js';

it.each([
  ['a date alone', '2026-11-24'],
  ['an offset', '2026-11-24T22:29:02+00:00'],
  ['fractions of a second', '2026-11-24T22:29:02.000Z'],
  ['a lower-case letter', '2026-11-24t22:29:02z'],
  ['a day that does not exist', '2026-02-30T00:00:00Z'],
  ['a month that does not exist', '2026-13-01T00:00:00Z'],
  ['hour 24', '2026-11-24T24:00:00Z'],
  ['a leap second', '2026-12-31T23:59:60Z'],
  ['a long year', '+012026-11-24T22:29:02Z'],
  ['a line break', '2026-11-24T22:29:02Z\n'],
  ['a number', 1_795_560_542],
])('refuses %s as a timestamp', (_name, value) => {
  expect(timestampSchema.safeParse(value).success).toBe(false);
});

it('turns whole seconds into timestamps and back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (seconds) => {
      const timestamp = timestampOf(seconds);
      expect(timestampSchema.safeParse(timestamp).success).toBe(true);
      expect(secondsOf(timestamp)).toBe(seconds);
    }),
  );
});

const issued = '2026-11-24T00:00:00Z';

it.each([
  ['one second', '2026-11-24T00:00:01Z'],
  ['exactly the limit', '2026-12-01T00:00:00Z'],
])('accepts a life of %s', (_name, expires) => {
  expect(() => checkLife({ issued, expires }, 7)).not.toThrow();
});

it.each([
  ['no life', issued],
  ['an end before its start', '2026-11-23T00:00:00Z'],
  ['a second more than the limit', '2026-12-01T00:00:01Z'],
])('refuses %s', (_name, expires) => {
  expect(() => checkLife({ issued, expires }, 7)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
});
