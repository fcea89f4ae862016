import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeHex, Secret, utf8 } from '@bulla/crypto';
import { parseLocked } from '@bulla/crypto/key-files';
import { isLongRun, seedOfRun } from '@bulla/testkit';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { stretch } from '../src/node/home/argon2id.js';
import { Home } from '../src/node/home/home.js';
import { makeKeyFile, readKeyFile, writeKeyFile } from '../src/node/home/key-file.js';
import { lockKeys, lockStateOf, unlockKeys } from '../src/node/home/key-lock.js';
import { isLocked, lockText, passphraseOf, unlockText } from '../src/node/home/locked-file.js';

const PASSPHRASE = 'correct hörse battery staple';
const vectors = JSON.parse(
  readFileSync(new URL('../../conformance/vectors/golden/locked-key.json', import.meta.url), 'utf8'),
) as { passphrase: string; cases: { token: string; key: string; plaintext: string; result: string }[] };
const [golden] = vectors.cases as [(typeof vectors.cases)[number]];

describe('a passphrase', () => {
  it('is stretched to the key of the golden file', async () => {
    const key = await stretch(passphraseOf(vectors.passphrase), parseLocked(golden.token).header.kdf);
    expect(encodeHex(key.reveal())).toBe(golden.key);
    expect(await unlockText(golden.token, passphraseOf(vectors.passphrase), 'it')).toBe(golden.plaintext);
  });

  it('is the same however a keyboard spells it', () => {
    const [composed, decomposed] = ['h\u00f6rse', 'ho\u0308rse'];
    expect(composed).not.toBe(decomposed);
    expect(passphraseOf(composed).reveal()).toEqual(passphraseOf(decomposed).reveal());
  });

  it('is stretched elsewhere: the event loop turns meanwhile, and so does the pool of threads', async () => {
    const { kdf } = parseLocked(golden.token).header;
    const work = Promise.all(Array.from({ length: 4 }, () => stretch(passphraseOf(PASSPHRASE), kdf)));
    const done = work.then(() => true);
    let turns = 0;
    // Each turn reads a file by the pool: with four of these in it, none would come back before they are done.
    const turn = () => readFile(new URL(import.meta.url)).then(() => false);
    while (!(await Promise.race([done, turn()]))) turns++;
    await work;
    expect(turns).toBeGreaterThan(3);
  });
});

describe('a locked text', () => {
  it('opens by its passphrase alone, and each time it is locked it looks different', async () => {
    const [first, second] = [
      await lockText('{"a":1}\n', passphraseOf(PASSPHRASE)),
      await lockText('{"a":1}\n', passphraseOf(PASSPHRASE)),
    ];
    expect(isLocked(first)).toBe(true);
    expect(first).not.toBe(second);
    expect(await unlockText(first, passphraseOf(PASSPHRASE), 'it')).toBe('{"a":1}\n');
  });

  const opaque = (text: string, passphrase = PASSPHRASE) =>
    unlockText(text, passphraseOf(passphrase), 'it').then(
      () => 'opened',
      (error: unknown) => `${String(error)} ${String((error as Error).cause)}`,
    );
  const REFUSED = 'PassphraseError: it does not open: the passphrase is another one, or the file was changed undefined';

  it.each([
    ['another passphrase', golden.token, 'another passphrase'],
    ['an empty passphrase', golden.token, ''],
    ...vectors.cases
      .filter(({ result }) => result === 'token_malformed')
      .map(({ token }, index) => [`a header out of bounds (${index})`, token, PASSPHRASE] as const),
    ['a text that is no token', 'abc.def', PASSPHRASE],
  ] as const)('says the same for %s', async (_name, text, passphrase) => {
    expect(await opaque(text, passphrase)).toBe(REFUSED);
  });

  it('says the same for a changed byte, wherever it is', async () => {
    expect(await opaque(golden.token)).toBe('opened');
    await fc.assert(
      fc.asyncProperty(fc.nat(golden.token.length - 1), fc.integer({ min: 1, max: 127 }), async (at, change) => {
        const bytes = utf8(golden.token);
        bytes[at] = (bytes[at] ?? 0) ^ change;
        expect(await opaque(new TextDecoder().decode(bytes))).toBe(REFUSED);
      }),
      { numRuns: isLongRun() ? 25 : 8, seed: seedOfRun() },
    );
  });
});

describe('a home with locked keys', () => {
  let folder: string;
  let home: Home;
  let asked: string[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-lock-'));
    asked = [];
    home = new Home(folder, (path) => {
      asked.push(path);
      return Promise.resolve(passphraseOf(PASSPHRASE));
    });
    await writeKeyFile(
      home,
      'identity.json',
      await makeKeyFile('acme', 'urn:bulla:acme:svc:vault', 'ed25519', ['http']),
    );
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('reads and replaces them, and they stay locked for everybody else', async () => {
    const file = await readKeyFile(home, 'identity.json');
    await lockKeys(home, 'identity.json', passphraseOf(PASSPHRASE));
    expect(await lockStateOf(home, 'identity.json')).toBe('locked');
    expect((await stat(home.path('identity.json'))).mode & 0o777).toBe(0o600);
    expect(await readFile(home.path('identity.json'), 'utf8')).not.toContain('"d"');
    expect(await readKeyFile(home, 'identity.json')).toEqual(file);
    expect(asked).toEqual([home.path('identity.json')]);

    const next = await makeKeyFile('acme', 'urn:bulla:acme:svc:vault', 'ed25519', ['http']);
    await writeKeyFile(home, 'identity.json', next);
    expect(await lockStateOf(home, 'identity.json')).toBe('locked');
    expect(await readKeyFile(home, 'identity.json')).toEqual(next);

    await expect(readKeyFile(new Home(folder), 'identity.json')).rejects.toMatchObject({
      name: 'HomeError',
      message: expect.stringContaining('BULLA_PASSPHRASE_FILE'),
    });
    await unlockKeys(home, 'identity.json', passphraseOf(PASSPHRASE));
    expect(await readKeyFile(new Home(folder), 'identity.json')).toEqual(next);
  });

  it.each([
    ['the second', [PASSPHRASE], 2, undefined],
    ['no other, which is said', [], 2, 'the passphrase is another one'],
    ['the third', ['b', PASSPHRASE], 3, undefined],
    ['only wrong ones, three times', ['b', 'c', PASSPHRASE], 3, 'the passphrase is another one'],
  ])('asks again where a passphrase does not open a file, and gets %s', async (_name, more, times, refusal) => {
    await lockKeys(home, 'identity.json', passphraseOf(PASSPHRASE));
    const given = ['a', ...more];
    let count = 0;
    const asking = new Home(folder, (_path, wrong) => {
      count++;
      expect(wrong?.message.includes('the passphrase is another one') ?? false).toBe(count > 1);
      const next = given.shift();
      return next === undefined
        ? Promise.reject(wrong ?? new Error('asked without end'))
        : Promise.resolve(passphraseOf(next));
    });
    const said = readKeyFile(asking, 'identity.json').then(
      (file) => file?.org,
      (error: unknown) => String(error),
    );
    expect(await said).toEqual(expect.stringContaining(refusal ?? 'acme'));
    expect(count).toBe(times);
  });

  it('refuses to lock what holds no keys, what is locked, and to unlock what is open', async () => {
    await home.write('profile.json', '{"org":"acme"}\n');
    const lock = (name: string) => lockKeys(home, name, passphraseOf(PASSPHRASE));
    await expect(lock('profile.json')).rejects.toMatchObject({ message: expect.stringContaining('no private keys') });
    await expect(lock('nothing.json')).rejects.toMatchObject({ message: expect.stringContaining('there is no file') });
    await expect(unlockKeys(home, 'identity.json', new Secret(utf8('x')))).rejects.toMatchObject({
      message: expect.stringContaining('is not locked'),
    });
    await lock('identity.json');
    await expect(lock('identity.json')).rejects.toMatchObject({ message: expect.stringContaining('locked already') });
    await chmod(home.path('identity.json'), 0o644);
    await expect(readKeyFile(home, 'identity.json')).rejects.toMatchObject({ name: 'HomeError' });
  });
});
