import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { World } from './world.js';

/** More than a piece of a file, and more than a chunk of a stream. */
const CONTENT = Uint8Array.from({ length: 600_001 }, (_, at) => (at * 7 + (at >> 8)) & 0xff);
/** Text that a sink can hold as it is. */
const TEXT = 'The key lies under the third stone.\n'.repeat(2000);

let world: World;
beforeAll(async () => {
  world = await World.make();
  for (const name of ['alice', 'bob']) await bulla('keys', 'generate', path(name), '--suite', 'p256');
  await world.file('film.mkv', CONTENT);
  await world.file('text.txt', TEXT);
  await seal(path('film.mkv'), '-o', path('film.sealed'));
  await seal(path('text.txt'), '-o', path('text.sealed'));
});
afterAll(() => world.remove());
afterEach(() => {
  world.isTerminal = false;
});

const path = (name: string) => world.path(name);
const bulla = (...argv: string[]) => world.bulla(argv);
const seal = (...options: string[]) =>
  bulla('seal', '--stream', '--to', path('alice.pub.pem'), '--from', path('bob.key.pem'), ...options);
const open = (...options: string[]) =>
  bulla('open', '--key', path('alice.key.pem'), '--sender', path('bob.pub.pem'), ...options);
const temporary = async () => (await readdir(world.folder)).filter((name) => name.endsWith('.tmp'));

/** A file of its own that holds what became of the sealed one. */
async function changed(from: string, change: (bytes: Buffer) => Uint8Array): Promise<string> {
  return world.file(`changed ${from}`, change(await readFile(path(from))));
}

interface Vectors {
  readonly values: Readonly<Record<string, object>>;
  readonly cases: readonly { readonly name: string; readonly input: { readonly sealed: string } }[];
}

/** Letters that this code does not make: their ends are signed and wrong. */
async function vectors(): Promise<Vectors> {
  const file = new URL('../../conformance/vectors/streamed-letter.json', import.meta.url);
  return JSON.parse(await readFile(file, 'utf8')) as Vectors;
}

describe('a file sealed as a stream', () => {
  it('keeps its bytes and its name, and is for its owner alone when opened', async () => {
    const ended = await open(path('film.sealed'), '-o', path('opened.mkv'));
    expect(ended).toMatchObject({ code: 0, stdout: '' });
    expect(ended.stderr).toMatch(/^signed by [0-9a-f:]{39}, dated [\d-]+T[\d:.]+Z, called film\.mkv\n$/);
    expect(CONTENT).toEqual(new Uint8Array(await readFile(path('opened.mkv'))));
    expect((await stat(path('opened.mkv'))).mode & 0o777).toBe(0o600);
    expect(await temporary()).toEqual([]);
  });

  it('comes out of a pipe as it went in', async () => {
    expect(await open(path('text.sealed'))).toMatchObject({ code: 0, stdout: TEXT });
    const ended = await world.bulla(
      ['seal', '--stream', '--to', path('alice.pub.pem'), '--from', path('bob.key.pem'), '-o', path('pipe.sealed')],
      { stdin: TEXT },
    );
    expect(ended).toEqual({
      code: 0,
      stdout: '',
      stderr: expect.stringMatching(/^✔ written to .*pipe\.sealed, \d+ bytes: only [0-9a-f:]+ can open it\n$/),
    });
    const opened = await open(path('pipe.sealed'));
    expect(opened).toMatchObject({ code: 0, stdout: TEXT });
    expect(opened.stderr).not.toContain('called');
  });

  it.each<[string, (bytes: Buffer) => Uint8Array, string]>([
    [
      'cut between two chunks',
      (all) => all.subarray(0, all.indexOf('\n') + 57 + 16_400 * 2),
      'it was cut short; nothing was written (stream_truncated)',
    ],
    [
      'cut in a chunk',
      (all) => all.subarray(0, 50_000),
      'it was changed, or it is not by this sender; nothing was written (open_failed)',
    ],
    [
      'cut after the first line',
      (all) => all.subarray(0, all.indexOf('\n') + 1),
      'it was cut short; nothing was written (stream_truncated)',
    ],
    [
      'with a byte more',
      (all) => Buffer.concat([all, Buffer.of(10)]),
      'it was changed, or it is not by this sender; nothing was written (open_failed)',
    ],
    ['cut in the first line', (all) => all.subarray(0, 700), '(token_malformed)'],
  ])('leaves nothing when it was %s', async (_name, change, why) => {
    const file = await changed('film.sealed', change);
    const ended = await open(file, '-o', path('never.mkv'));
    expect(ended).toMatchObject({ code: 10, stdout: '', stderr: expect.stringContaining(why) as unknown });
    expect(await readdir(world.folder)).not.toContain('never.mkv');
    expect(await temporary()).toEqual([]);
  });

  it.each([
    ['another hash', 'the end: another hash'],
    ['another size', 'the end: another size'],
    ['the end of another file', 'the end: the end of other content'],
  ])('gets no name where its sender signed %s', async (_what, name) => {
    const { values, cases } = await vectors();
    const right = cases.find((one) => one.name === 'P-256 to P-256');
    const wrong = cases.find((one) => one.name === name);
    const reader = await world.file('reader.jwk', JSON.stringify(values['p256.enc']));
    const writer = await world.file('writer.jwk', JSON.stringify(values['p256.sig.pub']));
    for (const [made, code, files] of [
      [right, 0, ['minutes.txt']],
      [wrong, 10, []],
    ] as const) {
      const sealed = await world.file('minutes.sealed', Buffer.from(made?.input.sealed ?? '', 'base64url'));
      expect(
        await bulla('open', sealed, '--key', reader, '--sender', writer, '-o', path('minutes.txt')),
      ).toHaveProperty('code', code);
      expect((await readdir(world.folder)).filter((file) => /^minutes[.]txt/.test(file))).toEqual(files);
      await rm(path('minutes.txt'), { force: true });
    }
  });

  it('comes as far as it is good on standard output, with an error at the end', async () => {
    const file = await changed('text.sealed', (all) => all.subarray(0, 50_000));
    const { code, stdout, stderr } = await open(file);
    expect(code).toBe(10);
    expect(stdout.length).toBeGreaterThan(16_384);
    expect(TEXT.startsWith(stdout)).toBe(true);
    expect(stderr).toBe(
      `bulla: error: ${file}: it was changed, or it is not by this sender; what came out of it so far is not to be used (open_failed)\n`,
    );
  });

  it.each<[string, string[], string]>([
    ['by another sender', ['--sender', 'alice.pub.pem'], 'not by this sender (open_failed)'],
    ['to another reader', ['--key', 'bob.key.pem'], 'sealed to another key (key_unknown)'],
  ])('is not opened %s', async (_name, [option = '', file = ''], why) => {
    const keys = { '--key': 'alice.key.pem', '--sender': 'bob.pub.pem', [option]: file };
    const given = Object.entries(keys).flatMap(([name, key]) => [name, path(key)]);
    const ended = await bulla('open', path('film.sealed'), ...given, '-o', path('never.mkv'));
    expect(ended).toMatchObject({ code: 10, stdout: '', stderr: expect.stringContaining(why) as unknown });
    expect(await readdir(world.folder)).not.toContain('never.mkv');
  });

  it('is not written over what is there, sealed or opened', async () => {
    await world.file('there', 'as it was');
    const refused = {
      code: 2,
      stderr: expect.stringContaining('there is there already: it stays as it is') as unknown,
    };
    expect(await seal(path('film.mkv'), '-o', path('there'))).toMatchObject(refused);
    expect(await open(path('film.sealed'), '-o', path('there'))).toMatchObject(refused);
    expect(await readFile(path('there'), 'utf8')).toBe('as it was');
    expect(await temporary()).toEqual([]);
  });

  it('is not shown at a terminal', async () => {
    world.isTerminal = true;
    const refused = { code: 2, stdout: '', stderr: expect.stringContaining('name a file with -o') as unknown };
    expect(await seal(path('film.mkv'))).toMatchObject(refused);
    expect(await open(path('film.sealed'))).toMatchObject(refused);
  });

  it.each([
    ['a file that is not there', ['nobody.mkv'], 'cannot read'],
    ['a folder', ['.'], 'cannot read'],
  ])('is not made of %s', async (_name, [file = ''], why) => {
    const ended = await seal(path(file), '-o', path('never.sealed'));
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(why) as unknown });
    expect(await readdir(world.folder)).not.toContain('never.sealed');
    expect(await temporary()).toEqual([]);
  });

  it('leaves nothing half done when somebody ends it', async () => {
    const ending = new AbortController();
    const argv = ['seal', '--stream', '--to', path('alice.pub.pem'), '--from', path('bob.key.pem')];
    await world.file('large.bin', new Uint8Array(64 * 1024 * 1024));
    const ended = world.bulla([...argv, path('large.bin'), '-o', path('large.sealed')], { signal: ending.signal });
    while ((await temporary()).length === 0) await sleep(1);
    ending.abort(new Error('SIGINT'));
    expect(await temporary()).toEqual([]);
    expect(await ended).toMatchObject({ code: 130, stderr: 'bulla: error: interrupted\n' });
    expect(await readdir(world.folder)).not.toContain('large.sealed');
  });

  it('is what somebody is told of who seals too much at once', async () => {
    await world.file('nine.bin', new Uint8Array(9 * 1024 * 1024));
    const ended = await bulla('seal', path('nine.bin'), '--to', path('alice.pub.pem'), '--from', path('bob.key.pem'));
    expect(ended).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('hint: --stream seals files of any size') as unknown,
    });
  });
});
