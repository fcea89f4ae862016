import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Asker, Interrupted } from './asker.js';
import type { Io } from '../io.js';
import { Output } from '../output/output.js';

let stdin: PassThrough;
let stderr: string;
let modes: boolean[];
let ending: AbortController;
let asker: Asker;
beforeEach(() => {
  stdin = new PassThrough();
  [stderr, modes, ending] = ['', [], new AbortController()];
  const sink = new PassThrough();
  sink.on('data', (part: Buffer) => (stderr += part.toString()));
  const io = { stdin, stdout: new PassThrough(), stderr: sink, env: {}, signal: ending.signal };
  asker = new Asker(io as unknown as Io, new Output(io));
});

function useTerminal(): void {
  Object.assign(stdin, { isTTY: true, setRawMode: (isRaw: boolean) => modes.push(isRaw) });
}

describe('from a pipe', () => {
  it('each question takes a line, in whatever pieces they come, and asks nothing aloud', async () => {
    const first = asker.line('one?');
    stdin.write('al');
    stdin.write('pha\r\nbe');
    expect(await first).toBe('alpha');
    const second = asker.hidden('two?');
    stdin.end('ta');
    expect(await second).toBe('beta');
    await expect(asker.line('three?')).rejects.toMatchObject({
      name: 'UsageError',
      message: 'nothing was given for: three?',
    });
    expect(stderr).toBe('');
    expect(modes).toEqual([]);
  });

  it('notices an end that came while nobody listened', async () => {
    stdin.end('one\n');
    expect(await asker.line('one?')).toBe('one');
    stdin.resume();
    while (!stdin.readableEnded) await new Promise((resolve) => setImmediate(resolve));
    await expect(asker.line('two?')).rejects.toMatchObject({ name: 'UsageError' });
  });

  it('leaves the input in peace when it has what it needs', async () => {
    stdin.write('yes\n');
    expect(await asker.agrees('really?')).toBe(true);
    expect(stdin.isPaused()).toBe(true);
    expect(stdin.listenerCount('data')).toBe(0);
  });

  it.each(['no', 'n', 'yess', 'ye', ' '])('takes %j for no consent', async (text) => {
    stdin.write(`${text}\n`);
    expect(await asker.agrees('really?')).toBe(false);
  });

  it.each(['y', 'Y', 'yes', 'YES'])('takes %j for consent', async (text) => {
    stdin.write(`${text}\n`);
    expect(await asker.agrees('really?')).toBe(true);
  });

  it('refuses a line without end', async () => {
    stdin.write('x'.repeat(10_000));
    await expect(asker.line('one?')).rejects.toMatchObject({ name: 'UsageError' });
  });
});

describe('at a terminal', () => {
  it('a hidden line is hidden before it is asked for, however soon it comes', async () => {
    useTerminal();
    const shownAt: string[] = [];
    Object.assign(stdin, { setRawMode: () => shownAt.push(stderr) });
    const asking = asker.hidden('passphrase:');
    stdin.write('one\r');
    expect(await asking).toBe('one');
    // Nothing was shown when the terminal stopped to echo; the question was when it began again.
    expect(shownAt).toEqual(['', expect.stringContaining('passphrase:')]);
  });

  it('a hidden line is neither shown nor kept from being corrected', async () => {
    useTerminal();
    const hidden = asker.hidden('passphrase:');
    for (const key of ['s', 'e', 'x', '\u007f', 'c', 'r', 'e', 't', '\r']) stdin.write(key);
    expect(await hidden).toBe('secret');
    expect(stderr).toBe('passphrase: \n');
    expect(modes).toEqual([true, false]);
  });

  it('Ctrl-C interrupts, and the terminal is as it was', async () => {
    useTerminal();
    const hidden = asker.hidden('passphrase:');
    stdin.write('s');
    stdin.write('\u0003');
    await expect(hidden).rejects.toBeInstanceOf(Interrupted);
    expect(modes).toEqual([true, false]);
  });

  it('a signal interrupts, too', async () => {
    useTerminal();
    const hidden = asker.hidden('passphrase:');
    ending.abort(new Error('SIGTERM'));
    await expect(hidden).rejects.toBeInstanceOf(Interrupted);
    expect(modes).toEqual([true, false]);
  });
});
