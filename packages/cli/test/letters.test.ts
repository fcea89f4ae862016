import { chmod, copyFile, readFile, stat } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { World } from './world.js';

const PASSPHRASE = 'six words that nobody would guess';

let world: World;
beforeAll(async () => {
  world = await World.make();
  for (const name of ['alice', 'bob']) await generate(name);
  await world.file('letter.txt', 'Dear Alice,\n');
});
afterEach(() => {
  delete world.env['BULLA_PASSPHRASE'];
  world.isTerminal = false;
});
afterAll(() => world.remove());

const path = (name: string) => world.path(name);
const mode = async (name: string) => ((await stat(path(name))).mode & 0o777).toString(8);

async function generate(name: string, ...options: string[]): Promise<void> {
  const ended = await world.bulla(['keys', 'generate', path(name), '--suite', 'p256', ...options]);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
}

const sealed = (...options: string[]) => [
  'seal',
  '--to',
  path('alice.pub.pem'),
  '--from',
  path('bob.key.pem'),
  ...options,
];
const opening = (...options: string[]) => [
  'open',
  '--key',
  path('alice.key.pem'),
  '--sender',
  path('bob.pub.pem'),
  ...options,
];

describe('keys of people', () => {
  it('are two files, one of them for their owner alone, and never written over', async () => {
    expect([await mode('alice.key.pem'), await mode('alice.pub.pem')]).toEqual(['600', '644']);
    const before = await readFile(path('alice.key.pem'), 'utf8');
    expect(await world.bulla(['keys', 'generate', path('alice')])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('alice.key.pem is there already') as unknown,
    });
    expect(await readFile(path('alice.key.pem'), 'utf8')).toBe(before);
  });

  it('are shown without anything secret', async () => {
    const { code, stdout } = await world.bulla(['keys', 'inspect', path('alice.key.pem'), '--json']);
    expect(code).toBe(0);
    const keys = JSON.parse(stdout) as { kid: string; words: string; jwk: object }[];
    expect(keys).toMatchObject([
      { use: 'sig', suite: 'p256', half: 'private' },
      { use: 'enc', suite: 'p256', half: 'private' },
    ]);
    for (const { jwk, words } of keys) {
      expect(Object.keys(jwk)).toEqual(['kty', 'crv', 'x', 'y']);
      expect(words.split(' ')).toHaveLength(8);
    }
  });

  it('have the fingerprints of their public halves', async () => {
    const own = await world.bulla(['keys', 'fingerprint', path('alice.key.pem')]);
    expect(own).toMatchObject({ code: 0 });
    expect(await world.bulla(['keys', 'fingerprint', path('alice.pub.pem')])).toEqual(own);
  });

  it('are converted there and back', async () => {
    const convert = (from: string, ...options: string[]) => world.bulla(['keys', 'convert', path(from), ...options]);
    expect(await convert('alice.key.pem', '--to', 'jwk', '-o', path('alice.jwk'))).toMatchObject({ code: 0 });
    expect(await mode('alice.jwk')).toBe('600');
    expect((await convert('alice.jwk', '--to', 'pem')).stdout).toBe(await readFile(path('alice.key.pem'), 'utf8'));
    expect((await convert('alice.jwk', '--to', 'pem', '--public')).stdout).toBe(
      await readFile(path('alice.pub.pem'), 'utf8'),
    );
    expect(await convert('alice.jwk', '--to', 'der')).toMatchObject({ code: 10 });
    expect(await convert('alice.jwk', '--to', 'der', '--use', 'sig', '-o', path('alice.der'))).toMatchObject({
      code: 0,
    });
    expect((await world.bulla(['keys', 'inspect', path('alice.der')])).stdout).toContain('either  p256   private');
    expect(await convert('alice.jwk', '--to', 'pem', '--public', '--encrypt')).toMatchObject({ code: 2 });
  });

  it('are not shown at a terminal', async () => {
    world.isTerminal = true;
    const ended = await world.bulla(['keys', 'convert', path('alice.key.pem'), '--to', 'pem']);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
  });

  it('may lie under a passphrase', async () => {
    world.env['BULLA_PASSPHRASE'] = PASSPHRASE;
    await generate('carol', '--encrypt');
    expect(await readFile(path('carol.key.pem'), 'utf8')).toContain('ENCRYPTED PRIVATE KEY');
    expect(await world.bulla(['keys', 'inspect', path('carol.key.pem')])).toMatchObject({ code: 0 });
    world.env['BULLA_PASSPHRASE'] = 'another passphrase';
    expect(await world.bulla(['keys', 'inspect', path('carol.key.pem')])).toMatchObject({
      code: 10,
      stderr: expect.stringContaining('its passphrase is another one, or the file was changed') as unknown,
    });
    delete world.env['BULLA_PASSPHRASE'];
    expect(await world.bulla(['keys', 'inspect', path('carol.key.pem')])).toMatchObject({ code: 4 });
  });

  it('asks three times for a passphrase at a terminal, and no more [guard: passphrase-tries]', async () => {
    world.env['BULLA_PASSPHRASE'] = PASSPHRASE;
    await generate('dora', '--encrypt');
    delete world.env['BULLA_PASSPHRASE'];
    const inspect = (...typed: string[]) =>
      world.bulla(['keys', 'inspect', path('dora.key.pem')], { stdin: typed.join('\n'), atTerminal: true });
    const third = await inspect('one', 'two', PASSPHRASE);
    expect(third).toMatchObject({ code: 0 });
    const none = await inspect('one', 'two', 'three', PASSPHRASE);
    expect(none).toMatchObject({ code: 10, stdout: '' });
    expect(none.stderr).toContain('its passphrase is another one');
  });

  it.each([
    ['a file that is not there', () => path('nobody.pem'), 2, 'cannot read'],
    ['a file that is no key', () => path('letter.txt'), 10, 'the file has none'],
  ])('are not read from %s', async (_name, file, code, why) => {
    expect(await world.bulla(['keys', 'inspect', file()])).toMatchObject({
      code,
      stderr: expect.stringContaining(why) as unknown,
    });
  });
});

describe('one file of keys', () => {
  it.each<[string, () => string[], string]>([
    ['--to', () => sealed('--to', path('bob.pub.pem')), 'hint: seal the file once for each reader'],
    ['--from', () => sealed('--from', path('alice.key.pem')), ''],
    ['--key', () => opening('--key', path('bob.key.pem')), ''],
    ['--sender', () => opening('--sender', path('alice.pub.pem')), ''],
  ])('is what %s takes: a second one is refused [guard: key-option-once]', async (option, argv, hint) => {
    const ended = await world.bulla(argv(), { stdin: 'Dear both,\n' });
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain(`error: ${option} is given twice, and takes one file`);
    expect(ended.stderr).toContain(hint);
  });
});

describe('a sealed file', () => {
  it('goes through a pipe as it is', async () => {
    const letter = await world.bulla(sealed(), { stdin: 'Dear Alice,\n\nBob' });
    expect(letter).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/^[\w-]+(\.[\w-]+){4}\n$/) as unknown,
    });
    const opened = await world.bulla(opening(), { stdin: letter.stdout });
    expect(opened).toMatchObject({ code: 0, stdout: 'Dear Alice,\n\nBob' });
    expect(opened.stderr).toMatch(/^signed by [0-9a-f:]{39}, dated [\d-]+T[\d:.]+Z\n$/);
  });

  it('says which private keys others may read, and what to run [guard: open-key-file]', async () => {
    const own = path('loose.key.pem');
    await copyFile(path('bob.key.pem'), own);
    await chmod(own, 0o644);
    const said = `note: others may read the private keys in ${own}; run: chmod 600 ${own}\n`;
    const seal = () => world.done(['seal', '--to', path('alice.pub.pem'), '--from', own], { stdin: 'text' });
    expect((await seal()).stderr).toBe(said);
    expect((await world.done(['keys', 'inspect', own])).stderr).toBe(said);
    await chmod(own, 0o600);
    expect((await seal()).stderr).toBe('');
    expect((await world.done(['keys', 'inspect', path('bob.pub.pem')])).stderr).toBe('');
  });

  it('says that it leaves out a name that does not show whole', async () => {
    const file = await world.file('re\u200bport.txt', 'text');
    const nameless = await world.done(['seal', file, '--to', path('alice.pub.pem'), '--from', path('bob.key.pem')]);
    expect(nameless.stderr).toContain('the letter does not say what the file is called');
    const opened = await world.done(['open', '--key', path('alice.key.pem'), '--sender', path('bob.pub.pem')], {
      stdin: nameless.stdout,
    });
    expect(opened.stdout).toBe('text');
    expect(opened.stderr).not.toContain('called');
  });

  it('keeps its bytes and its name', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    await world.file('photo.png', bytes);
    expect(await world.bulla(sealed(path('photo.png'), '-o', path('photo.jwe')))).toMatchObject({
      code: 0,
      stdout: '',
    });
    const ended = await world.bulla(opening(path('photo.jwe'), '-o', path('opened.png')));
    expect(ended).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringContaining(', called photo.png') as unknown,
    });
    expect(new Uint8Array(await readFile(path('opened.png')))).toEqual(bytes);
    expect(await mode('opened.png')).toBe('600');
    expect(await world.bulla(opening(path('photo.jwe'), '-o', path('opened.png')))).toMatchObject({ code: 2 });
    world.isTerminal = true;
    expect(await world.bulla(opening(path('photo.jwe')))).toMatchObject({ code: 2, stdout: '' });
  });

  it('is shown at a terminal without what a terminal would obey', async () => {
    const letter = await world.bulla(sealed(), { stdin: 'red\u001b[31m\n' });
    world.isTerminal = true;
    expect(await world.bulla(opening(), { stdin: letter.stdout })).toMatchObject({
      code: 0,
      stdout: 'red\\u{1b}[31m\n',
    });
  });

  it.each<[string, number, string, () => string[]]>([
    ['by another sender', 10, 'not by this sender (open_failed)', () => opening().with(4, path('alice.pub.pem'))],
    ['to another reader', 10, 'sealed to another key (key_unknown)', () => opening().with(2, path('bob.key.pem'))],
    ['with a public key to open', 10, 'a private one is due', () => opening().with(2, path('alice.pub.pem'))],
    ['with a private key of the sender', 10, 'a public one is due', () => opening().with(4, path('bob.key.pem'))],
  ])('does not open %s, and nothing is printed', async (_name, code, why, argv) => {
    const letter = await world.bulla(sealed(), { stdin: 'Dear Alice,\n' });
    const ended = await world.bulla(argv(), { stdin: letter.stdout });
    expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(why) as unknown });
  });

  it('does not open once it was changed', async () => {
    const letter = await world.bulla(sealed(), { stdin: 'Dear Alice,\n' });
    const parts = letter.stdout.trim().split('.');
    const changed = parts.with(3, `A${(parts[3] ?? '').slice(1)}`).join('.');
    const other = changed === letter.stdout.trim() ? parts.with(3, `B${(parts[3] ?? '').slice(1)}`).join('.') : changed;
    expect(await world.bulla(opening(), { stdin: other })).toMatchObject({ code: 10, stdout: '' });
    expect(await world.bulla(opening(), { stdin: 'no letter' })).toMatchObject({
      code: 10,
      stderr: expect.stringContaining('token_malformed') as unknown,
    });
  });

  it('is not sealed to a private key', async () => {
    const ended = await world.bulla(sealed().with(2, path('alice.key.pem')), { stdin: 'x' });
    expect(ended).toMatchObject({
      code: 10,
      stdout: '',
      stderr: expect.stringContaining('a public one is due') as unknown,
    });
  });
});
