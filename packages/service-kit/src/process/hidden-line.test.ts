import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { askHiddenAt } from './hidden-line.js';

const PASSPHRASE = 'six random words make a good one';
let stdin: PassThrough & { isTTY?: boolean; setRawMode?: (raw: boolean) => void };
let raw: boolean[];
let shown: string;
/** What the terminal did of itself with what was typed right after each piece that was shown. */
let echoed: boolean[];
const stderr = {
  isTTY: true,
  write: (text: string) => {
    shown += text;
    echoed.push(raw.at(-1) !== true);
  },
};
beforeEach(() => {
  [raw, shown, echoed] = [[], '', []];
  stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (is: boolean) => void raw.push(is) });
});

async function typed(...keys: string[]): Promise<string | undefined> {
  const asking = askHiddenAt({ stdin, stderr })?.('passphrase:');
  for (const key of keys) stdin.write(key);
  return asking;
}

describe('a line that nobody sees', () => {
  it('is what was typed, and none of it is shown', async () => {
    expect(await typed(...PASSPHRASE.split(''), '\r')).toBe(PASSPHRASE);
    expect(shown).toBe('passphrase: \n');
    // While it is typed the terminal does not echo, and afterwards it does again.
    expect(raw).toEqual([true, false]);
  });

  it('is hidden from the first letter on, however soon it comes', async () => {
    await typed('one', '\r');
    // The question, and the end of the line after the answer.
    expect(echoed).toEqual([false, true]);
  });

  it('is what is left of it where something was rubbed out', async () => {
    expect(await typed('abd', '\u007f', 'c', '\r')).toBe('abc');
  });

  it('is asked for again, and the answer before is not offered', async () => {
    expect(await typed('one', '\r')).toBe('one');
    expect(await typed('\u001b[A', 'two', '\r')).toBe('two');
  });

  it('is none where somebody interrupts it, or goes', async () => {
    expect(await typed('abc', '\u0003')).toBeUndefined();
    const asking = askHiddenAt({ stdin, stderr })?.('passphrase:');
    stdin.end();
    expect(await asking).toBeUndefined();
  });

  it.each([
    ['whose input is no terminal [guard: ask-at-terminal]', { stdin: new PassThrough(), stderr }],
    [
      'whose output is no terminal',
      { stdin: Object.assign(new PassThrough(), { isTTY: true }), stderr: { write: stderr.write } },
    ],
    ['without an input', { stderr }],
  ])('is not asked for at a process %s', (_name, terminal) => {
    expect(askHiddenAt(terminal)).toBeUndefined();
  });
});
