import { describe, expect, it } from '@jest/globals';
import { World } from '../test/world.js';
import type { Io } from './io.js';
import { mistakesIn, readVariables } from './variables.js';

function ioWith(...chunks: readonly (string | Uint8Array)[]): Io {
  const stdin = (async function* () {
    for (const chunk of chunks) yield await Promise.resolve(chunk);
  })();
  return { stdin, signal: new AbortController().signal } as unknown as Io;
}

describe('variables of a run', () => {
  it('come from the command line, from files and from standard input, exactly', async () => {
    const world = await World.make();
    const path = await world.file('claim.txt', 'line\r\nend\n');
    const vars = await readVariables(ioWith('a', Buffer.from('b\n')), ['x=1=2', 'empty=', `claim=@${path}`, 'rest=-']);
    expect(vars).toEqual({ x: '1=2', empty: '', claim: 'line\r\nend\n', rest: 'ab\n' });
    await world.remove();
  });

  it('may be called like a member of every object', async () => {
    expect(Object.keys(await readVariables(ioWith(), ['constructor=1']))).toEqual(['constructor']);
  });

  it.each([
    ['no value', ['secret'], /expected name=text/],
    ['a name that is none', ['9x=secret'], /expected name=text/],
    ['a name twice', ['x=secret', 'x=secret'], /x is given twice/],
    ['a character that text does not have', ['x=secret\u0000'], /x holds the character U\+0000/],
    ['standard input twice', ['x=-', 'y=-'], /only one variable/],
    [
      'a file that is not there',
      ['x=@/nowhere/at/all'],
      /cannot read \/nowhere\/at\/all: there is no such file or folder \(ENOENT\)/,
    ],
  ])('refuse %s without repeating a value', async (_name, given, message) => {
    const refusal = await readVariables(ioWith('text'), given).catch((error: unknown) => error as Error);
    expect(refusal).toMatchObject({ name: 'UsageError', message: expect.stringMatching(message) });
    expect((refusal as Error).message).not.toContain('secret');
  });

  it('refuse what is not UTF-8 on standard input', async () => {
    await expect(readVariables(ioWith(Buffer.from([0xff])), ['x=-'])).rejects.toThrow(
      'standard input is not UTF-8 text',
    );
  });

  it('refuse standard input without end', async () => {
    const chunk = Buffer.alloc(33 * 1024 * 1024);
    await expect(readVariables(ioWith(chunk, chunk), ['x=-'])).rejects.toThrow(/standard input is larger/);
  });
});

describe('what is wrong with variables', () => {
  const taken = { claim: { max: 5 }, locale: { max: 2, default: 'en' }, constructor: { max: 5 } };

  it('is told by name, one line each, and without a value', () => {
    expect(mistakesIn({ claim: 'secret', locale: 'de', toString: 'secret' }, taken)).toEqual([
      'claim has 6 characters, and may have 5',
      'constructor is missing',
      'toString is no variable of it',
    ]);
  });

  it('is nothing where each is as the prompt takes it', () =>
    expect(mistakesIn({ claim: 'water', constructor: '' }, taken)).toEqual([]));
});
