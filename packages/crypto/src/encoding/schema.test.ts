import { expect, it } from '@jest/globals';
import * as z from '#zod';
import { checkShape } from './schema.js';

const schema = z.strictObject({
  keys: z.record(z.string().check(z.regex(/^[a-z]+$/)), z.strictObject({ x: z.int() })),
});

it('gives the value back', () => {
  expect(checkShape({ keys: { a: { x: 1 } } }, schema, 'thing')).toEqual({ keys: { a: { x: 1 } } });
});

it.each<[string, unknown, string]>([
  ['where the fault is [guard: shape]', { keys: { a: { x: 'canary' } } }, 'thing has a wrong shape at /keys/a/x'],
  ['that the whole is wrong', 'canary', 'thing has a wrong shape at /'],
  ['no further member', { keys: {}, canary: 1 }, 'thing has a wrong shape at /'],
  ['no odd member name', { keys: { 'can\nary': { x: 1 } } }, 'thing has a wrong shape at /keys/*'],
  ['no long member name', { keys: { ['c'.repeat(33)]: { x: 'y' } } }, 'thing has a wrong shape at /keys/*/x'],
])('tells %s, and never a value', (_name, value, message) => {
  expect(() => checkShape(value, schema, 'thing')).toThrow(
    expect.objectContaining({ code: 'token_malformed', message }),
  );
});

it('refuses more faults than fit on the stack', () => {
  const lists = z.strictObject({ lists: z.array(z.array(z.int())) });
  expect(() => checkShape({ lists: [Array(200_000).fill('canary')] }, lists, 'thing')).toThrow(
    expect.objectContaining({ code: 'token_malformed', message: 'thing has too many faults' }),
  );
});

it('hides no fault of a schema', () => {
  const broken = z.string().check(
    z.refine(() => {
      throw new TypeError('broken');
    }),
  );
  expect(() => checkShape('a', broken, 'thing')).toThrow(TypeError);
});
