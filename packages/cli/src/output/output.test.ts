import { describe, expect, it } from '@jest/globals';
import { Sink } from '../../test/world.js';
import { Output, styled } from './output.js';
import { harmless } from './visible-text.js';

function onTerminal(env: Record<string, string> = {}): { out: Output; stdout: Sink; stderr: Sink } {
  const [stdout, stderr] = [new Sink(), new Sink()];
  stdout.isTTY = true;
  stderr.isTTY = true;
  return { out: new Output({ stdout, stderr, env }), stdout, stderr };
}

function intoPipes(): { out: Output; stdout: Sink; stderr: Sink } {
  const [stdout, stderr] = [new Sink(), new Sink()];
  return { out: new Output({ stdout, stderr, env: {} }), stdout, stderr };
}

describe('what a terminal would obey', () => {
  it.each([
    ['an escape sequence', '\u001b[2J', '\\u{1b}[2J'],
    ['the 8-bit form of one', '\u009b2J', '\\u{9b}2J'],
    ['a carriage return that would hide the line', 'safe\rfake', 'safe\\u{d}fake'],
    ['a bell', '\u0007', '\\u{7}'],
    ['an override of the direction', 'a\u202eb', 'a\\u{202e}b'],
    ['an isolate', 'a\u2066b', 'a\\u{2066}b'],
    ['a line separator', 'a\u2028b', 'a\\u{2028}b'],
  ])('shows %s', (_name, text, shown) => expect(harmless(text)).toBe(shown));

  it.each([
    ['lines and tabs', 'a\n\tb\n'],
    ['letters of every script', 'Größe שלום 日本 🏺'],
  ])('leaves %s alone', (_name, text) => expect(harmless(text)).toBe(text));
});

describe('output', () => {
  it('neutralises text from elsewhere on a terminal, on both streams', () => {
    const { out, stdout, stderr } = onTerminal();
    out.text('a\u001b[31mb');
    out.line('c\u001b[0m');
    out.talk('d\u001b[0m');
    out.error('e\u001b[0m');
    expect(stdout.text).toBe('a\\u{1b}[31mbc\\u{1b}[0m\n');
    expect(stderr.text).toContain('d\\u{1b}[0m\n');
    expect(stderr.text).toContain(' e\\u{1b}[0m\n');
  });

  it('leaves every byte as it is where a program reads', () => {
    const { out, stdout } = intoPipes();
    out.text('a\u001b[31mb');
    out.document('{"text":"c\u009b31m\u202e"}');
    expect(stdout.text).toBe('a\u001b[31mb{"text":"c\u009b31m\u202e"}');
  });

  it('prints JSON at a terminal that says the same and commands nothing [guard: terminal-json]', () => {
    const { out, stdout } = onTerminal();
    const value = { text: 'a\u009b31m \u202e b\u0085 \u001b[0m \u2028', more: ['Größe\t\n'] };
    out.json(value);
    expect(stdout.text).toContain(String.raw`a\u009b31m \u202e b\u0085 \u001b[0m \u2028`);
    expect(harmless(stdout.text)).toBe(stdout.text);
    expect(JSON.parse(stdout.text)).toEqual(value);
  });

  it('colours on a terminal only, and only where it may', () => {
    const check = { name: 'pin', ok: true, detail: 'it is' };
    const coloured = onTerminal();
    coloured.out.check(check);
    expect(coloured.stdout.text).toContain('\u001b[32m✔\u001b[39m');
    for (const { out, stdout } of [intoPipes(), onTerminal({ NO_COLOR: '1' })]) {
      out.check(check);
      expect(stdout.text).toBe('✔ pin                  it is\n');
    }
    const without = onTerminal();
    without.out.beColourless();
    without.out.line(styled('x', 'bad'));
    expect(without.stdout.text).toBe('x\n');
  });

  it('marks a check that failed', () => {
    const { out, stdout } = intoPipes();
    out.check({ name: 'pin', ok: false, detail: 'another' });
    expect(stdout.text).toBe('✘ pin                  another\n');
  });

  it('is silent when asked to be, but for results and errors', () => {
    const { out, stdout, stderr } = intoPipes();
    out.beQuiet();
    out.talk('talk');
    out.line('data');
    out.error('wrong');
    out.hint('mend it');
    expect(stdout.text).toBe('data\n');
    expect(stderr.text).toBe('bulla: error: wrong\nbulla: hint: mend it\n');
  });

  it('lines columns up, also of rows that are shorter', () => {
    const { out, stdout } = intoPipes();
    out.table([['A', 'LONG', 'C'], ['long', 'x'], []]);
    expect(stdout.text).toBe('A     LONG  C\nlong  x\n\n');
  });

  it('prints JSON for programs', () => {
    const { out, stdout } = intoPipes();
    out.json({ a: [1] });
    expect(JSON.parse(stdout.text)).toEqual({ a: [1] });
  });
});

describe('at a terminal', () => {
  const atTerminal = (columns: number, env: Record<string, string> = {}) => {
    const [stdout, stderr] = [new Sink(), new Sink()];
    for (const stream of [stdout, stderr]) Object.assign(stream, { isTTY: true, columns });
    return { out: new Output({ stdout, stderr, env }), stdout, stderr };
  };
  const rows = [
    ['NAME', 'TYPE', 'LABELS'],
    ['claims/triage', 'text', 'production v1, staging v2'],
    ['claims/other', 'chat', ''],
  ];

  it('a table that is too wide becomes records', () => {
    const { out, stdout } = atTerminal(40);
    out.table(rows);
    expect(stdout.text).toBe(
      [
        'NAME    claims/triage',
        'TYPE    text',
        'LABELS  production v1, staging v2',
        '',
        'NAME    claims/other',
        'TYPE    chat',
        '',
      ].join('\n'),
    );
  });

  it('a table that fits, or has no head, stays a table, and so does any in a pipe', () => {
    const { out, stdout } = atTerminal(60);
    out.table(rows);
    expect(stdout.text).toContain('claims/triage  text  production v1, staging v2\n');
    const narrow = atTerminal(10);
    narrow.out.table([['written', 'a long time ago by somebody']]);
    expect(narrow.stdout.text).toBe('written  a long time ago by somebody\n');
    const piped = new Sink();
    new Output({ stdout: piped, stderr: new Sink(), env: {} }).table([rows[0] ?? [], ['x'.repeat(200), '', '']]);
    expect(piped.text).toContain('NAME');
    expect(piped.text.split('\n')).toHaveLength(3);
  });

  it('TERM=dumb has no colours', () => {
    const { out, stdout } = atTerminal(80, { TERM: 'dumb' });
    out.line(styled('VALID', 'good'));
    expect(stdout.text).toBe('VALID\n');
  });

  it('what takes longer than two seconds is said, and taken away before the next line', async () => {
    const { out, stderr } = atTerminal(80, { NO_COLOR: '1' });
    const slow = new Promise((resolve) => {
      setTimeout(() => resolve('done'), 2_300);
    });
    expect(await out.during('waiting for the answer', slow)).toBe('done');
    expect(stderr.text).toBe('waiting for the answer, 2 s …\r\u001b[2K');
    const dumb = atTerminal(80, { TERM: 'dumb' });
    const failing = new Promise((_, reject) => {
      setTimeout(() => reject(new Error('late')), 2_300);
    });
    await expect(dumb.out.during('waiting for the answer', failing)).rejects.toThrow('late');
    expect(dumb.stderr.text).toBe('waiting for the answer …\n');
  });

  it('nothing is said of what is quick, to a pipe, or to who wants no talk', async () => {
    const { out, stderr } = atTerminal(80);
    expect(await out.during('waiting', Promise.resolve(1))).toBe(1);
    out.beQuiet();
    const slow = new Promise((resolve) => {
      setTimeout(resolve, 2_100);
    });
    await out.during('waiting', slow);
    expect(stderr.text).toBe('');
  });
});
