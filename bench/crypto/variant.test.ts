import { utf8 } from '@bulla/crypto';
import { describe, expect, it } from '@jest/globals';
import { operationsOf, spoilBytes, spoilToken, type Variant } from './variant.js';

/** Bytes as they are, with the sender before them and their sum after them. */
const honest: Variant<Uint8Array> = {
  seal: async (payload) => message('alice', payload),
  open: async (sealed) => {
    const [from, payload, sum] = [sealed.subarray(0, 5), sealed.subarray(5, -1), sealed.at(-1)];
    if (Buffer.from(from).toString() !== 'alice' || sumOf(payload) !== sum) throw new Error('refused');
    return payload;
  },
  spoil: (sealed) => sealed.with(7, (sealed[7] ?? 0) ^ 1),
  forge: async (payload) => message('carol', payload),
  answer: { make: async (sealed) => sealed, read: (answer) => honest.open(answer) },
};
const message = (from: string, payload: Uint8Array) => Uint8Array.from([...utf8(from), ...payload, sumOf(payload)]);
const sumOf = (bytes: Uint8Array) => bytes.reduce((sum, byte) => (sum + byte) % 256, 0);

const payload = utf8('a question');
const openAnything = async (sealed: Uint8Array) => sealed.subarray(5, -1);

describe('a variant', () => {
  it('is measured by what it does', async () => {
    const operations = await operationsOf(honest, payload);
    expect(Object.keys(operations)).toEqual(['seal', 'open', 'answer']);
    expect(await operations['open']?.()).toEqual(payload);
    expect(Object.keys(await operationsOf({ ...honest, answer: undefined }, payload))).toEqual(['seal', 'open']);
  });

  // Each is a planted fault: a library that does less than it says would be fast.
  it.each<[string, Partial<Variant<Uint8Array>>, string]>([
    ['opens to something else', { open: async () => utf8('a questiom') }, 'it does not open what it sealed'],
    ['opens to less', { open: async () => utf8('a questio') }, 'it does not open what it sealed'],
    ['opens what was changed', { open: openAnything }, 'it opens what was changed'],
    [
      'takes any signature',
      {
        open: async (sealed) => {
          if (sumOf(sealed.subarray(5, -1)) !== sealed.at(-1)) throw new Error('refused');
          return openAnything(sealed);
        },
      },
      'it opens what somebody else signed',
    ],
    [
      'answers with something else',
      { answer: { make: async () => message('alice', utf8('?')), read: (answer) => honest.open(answer) } },
      'it does not open what it answered',
    ],
    [
      'reads any answer',
      { answer: { make: async (sealed) => sealed, read: async () => payload } },
      'it opens an answer that was changed',
    ],
  ])('is not measured if it %s', async (_name, change, reason) => {
    await expect(operationsOf({ ...honest, ...change }, payload)).rejects.toThrow(reason);
  });
});

describe('a changed message', () => {
  it('is a token of which one character of the longest part differs', () => {
    expect(spoilToken('aa.bbbbb.c')).toBe('aa.bbAbb.c');
    expect(spoilToken('aa.bbAbb.c')).toBe('aa.bbBbb.c');
  });

  it('is bytes of which one bit differs', () => {
    expect(spoilBytes(Uint8Array.of(1, 2, 3))).toEqual(Uint8Array.of(1, 3, 3));
  });
});
