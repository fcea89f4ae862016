import { readdirSync, readFileSync } from 'node:fs';
import { BullaError } from '@bulla/client';
import { CryptoError } from '@bulla/crypto';
import { describe, expect, it } from '@jest/globals';
import { FORGED, foundIn, NASTY, UNSEEN } from '../../test/unseen.js';
import { Sink } from '../../test/world.js';
import { CheckFailed, report } from './exit-code.js';
import { Output, styled } from './output.js';
import { PromptFileError } from '../input/prompt-file-error.js';
import { UsageError } from '../input/usage-error.js';
import { quoted, visibleJson } from './visible-text.js';

/** What was printed on both streams, in a pipe and at a terminal without colours. */
function printed(print: (out: Output) => void): string[] {
  return [false, true].map((isTTY) => {
    const [stdout, stderr] = [new Sink(), new Sink()];
    Object.assign(stdout, { isTTY });
    Object.assign(stderr, { isTTY });
    print(new Output({ stdout, stderr, env: { NO_COLOR: '1' } }));
    return stdout.text + stderr.text;
  });
}

describe('a value of a stranger', () => {
  it('would be found if it were printed as it is', () => {
    const every = UNSEEN.filter((character) => character !== '\n').map(
      (character) => `U+${character.codePointAt(0)?.toString(16)}`,
    );
    for (const text of printed((out) => out.exact(NASTY))) {
      const found = foundIn(text);
      expect(found.filter((one) => one.startsWith('U+'))).toEqual(every);
      expect(found).toContain(FORGED);
    }
    expect(foundIn(`all is well\n${FORGED}\n`)).toEqual([FORGED]);
    expect(foundIn('all is well\n')).toEqual([]);
  });

  it.each<[string, (out: Output) => void]>([
    ['a line of data [guard: printed-lines]', (out) => out.line('name ', styled(NASTY, 'bad'), NASTY)],
    ['talk', (out) => out.talk(NASTY, styled(NASTY, 'faint'))],
    ['what must be seen', (out) => out.must(NASTY)],
    ['a question', (out) => out.ask(NASTY)],
    ['an error', (out) => out.error(NASTY)],
    ['a hint', (out) => out.hint(NASTY)],
    ['a finding', (out) => out.check({ name: NASTY, ok: true, detail: NASTY })],
    [
      'a table',
      (out) =>
        out.table([
          ['NAME', 'MODEL'],
          [NASTY, NASTY],
        ]),
    ],
    ['a value in quotes', (out) => out.line(`model=${quoted(NASTY)}`)],
  ])('shows each of its characters in %s, and makes no line', (_name, print) => {
    for (const text of printed(print)) {
      expect(foundIn(text)).toEqual([]);
      expect(text).toContain(String.raw`\u{9}`);
      expect(text).toContain(String.raw`\u{202e}`);
    }
  });

  it.each<[string, unknown]>([
    ['what a service says', refusal('vault', { message: NASTY })],
    ['where a service says it', refusal('responder', { errors: [{ pointer: `/${NASTY}`, message: NASTY }] })],
    ['how a service calls the request', refusal('vault', { requestId: NASTY })],
    ['a check', new CryptoError('open_failed', NASTY, { check: NASTY })],
    ['the name of a file', new UsageError(`cannot read ${NASTY}`, `name another than ${NASTY}`)],
    ['a label', new CheckFailed(`${NASTY} points elsewhere (check label)`)],
    ['a prompt file', new PromptFileError(`front matter: unknown key ${NASTY}`)],
    ['a part that is loaded', Object.assign(new Error(NASTY), { exitCode: 78, lines: [NASTY] })],
    ['a place of the system', Object.assign(new Error(NASTY), { code: 'EACCES', path: NASTY })],
    ['an error without a name', Object.assign(new Error(NASTY), { name: NASTY })],
  ])('shows each of its characters in an error of %s', (_name, error) => {
    for (const text of printed((out) => report(error, out, false, { subject: NASTY, command: 'run', label: NASTY }))) {
      expect(foundIn(text)).toEqual([]);
      for (const line of text.trimEnd().split('\n')) expect(line).toMatch(/^bulla: (?:error|hint): /);
    }
  });

  it('shows each of its characters in an error for programs [guard: failure-json]', () => {
    const error = refusal('vault', { message: NASTY, requestId: NASTY, errors: [{ pointer: NASTY, message: NASTY }] });
    for (const text of printed((out) => report(error, out, false, { asJson: true }))) {
      expect(foundIn(text)).toEqual([]);
      expect(JSON.parse(text)).toMatchObject({ message: NASTY, request_id: NASTY, errors: [{ pointer: NASTY }] });
    }
  });

  it('shows each of its characters in JSON at a terminal, which says the same', () => {
    const text = visibleJson(JSON.stringify({ [NASTY]: [NASTY] }, null, 2));
    expect(foundIn(text)).toEqual([]);
    expect(JSON.parse(text)).toEqual({ [NASTY]: [NASTY] });
  });

  it('is exact as text and as JSON where a program reads it', () => {
    const json = JSON.stringify({ text: NASTY });
    const [piped] = printed((out) => {
      out.text(NASTY);
      out.document(json);
    });
    expect(piped).toBe(NASTY + json);
  });

  it('keeps its lines, and its joiners, as running text at a terminal [guard: terminal-text]', () => {
    const [, shown = ''] = printed((out) => out.text(NASTY));
    expect(foundIn(shown, '\n\t\u200c\u200d\ufe0e\ufe0f').filter((found) => found.startsWith('U+'))).toEqual([]);
    const [, kept] = printed((out) => out.text('می\u200cخواهم 👩\u200d💻 ✔\ufe0f a\u00a0b\n\tc\n'));
    expect(kept).toBe('می\u200cخواهم 👩\u200d💻 ✔\ufe0f a\u00a0b\n\tc\n');
  });

  it('cannot begin the next column of a table [guard: table-cells]', () => {
    for (const text of printed((out) =>
      out.table([
        ['a  VALID', ' b '],
        ['c', 'd'],
      ]),
    ))
      expect(text.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
        ['a \\u{20}VALID', '\\u{20}b\\u{20}'],
        ['c', 'd'],
        [''],
      ]);
  });
});

describe('a value within a line', () => {
  it.each([
    ['builtin:extract', 'builtin:extract'],
    ['meta-llama/Llama-3.1-8B@4', 'meta-llama/Llama-3.1-8B@4'],
    ['m finish=stop', '"m finish=stop"'],
    ['m=x', '"m=x"'],
    ['say "hi" \\', '"say \\"hi\\" \\\\"'],
    ['größe', '"größe"'],
    ['', '""'],
    ['a\nb', '"a\\u{a}b"'],
  ])('is in quotes unless it is one word: %j [guard: quoted-value]', (value, shown) =>
    expect(quoted(value)).toBe(shown),
  );
});

/** Methods of Output that print more than one line, or print exactly; every other method prints one line. */
const MANY = /\bout\.(exact|text|document|pieces|help|usage)\(/g;
/** Printing that passes Output by. */
const BESIDE = /\bconsole\.|(?:stdout|stderr)\.write\b|\bprocess\.(?:stdout|stderr)\b/g;
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'commands/api.ts': ['text'],
  'commands/chat.ts': ['document', 'text', 'text'],
  'commands/completion.ts': ['exact'],
  'commands/keys/key-files.ts': ['exact'],
  'commands/letter.ts': ['exact', 'exact', 'text'],
  'commands/man.ts': ['exact'],
  'commands/prompt/prompt.ts': ['text'],
  'commands/run.ts': ['document', 'text', 'text', 'text', 'text'],
  'commands/streamed-letter.ts': ['pieces'],
  'program.ts': ['help', 'usage'],
};

function printsOf(source: string): string[] {
  const many = Array.from(source.matchAll(MANY), ([, method = '']) => method);
  return [...many, ...Array.from(source.matchAll(BESIDE), ([text]) => text)].toSorted();
}

describe('the sources of the command', () => {
  const folder = new URL('..', import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !['output/output.ts', 'main.ts'].includes(name),
  );

  it('print lines by Output, but for a list of places', () => {
    const found = files.map((name) => [name, printsOf(readFileSync(new URL(name, folder), 'utf8'))] as const);
    expect(Object.fromEntries(found.filter(([, prints]) => prints.length > 0))).toEqual(ALLOWED);
  });

  it.each([
    ['context.out.exact(name);', 'exact'],
    ['out.text(`${model}`)', 'text'],
    ['console.error(model);', 'console.'],
    ['this.io.stdout.write(model)', 'stdout.write'],
    ['pipeline(source, process.stdout)', 'process.stdout'],
  ])('are seen to print with %s', (source, print) => expect(printsOf(source)).toEqual([print]));
});

function refusal(
  origin: 'vault' | 'responder',
  details: Partial<ConstructorParameters<typeof BullaError>[1]>,
): BullaError {
  return new BullaError('internal', { message: 'why', origin, status: 500, ...details });
}
