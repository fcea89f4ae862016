import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes } from '@bulla/crypto';
import { folderForTest } from '@bulla/testkit';
import { afterAll, describe, expect, it } from '@jest/globals';
import { openRootKey } from '../src/managed/root-key/open-root-key.js';
import type { RootKeyProvider } from '../src/managed/root-key/root-key-provider.js';
import { describeRootKey } from './root-key-contract.js';
import { placeRootKey } from './root-key-files.js';

const folder = folderForTest('root-key-providers');
const PASSPHRASE = 'kestrel velvet harbour copper';
const place = { production: false, dataFolders: [] };
afterAll(() => rm(folder, { recursive: true, force: true }));

const pathOf = (name: string, text: string, mode = 0o600) => {
  const path = join(folder, name);
  writeFileSync(path, text, { mode });
  return path;
};
const opened = async (setting: string, passphrase?: string): Promise<RootKeyProvider> => {
  const provider = await openRootKey(setting, { ...place, passphrase });
  if (provider === undefined) throw new Error('there is no such key');
  return provider;
};

describeRootKey({
  title: 'a file',
  open: () => opened(`file:${join(folder, 'one.key')}`),
  openOther: () => opened(`file:${join(folder, 'two.key')}`),
  prepare: async () => ['one.key', 'two.key'].forEach((name) => placeRootKey(join(folder, name))),
});

describeRootKey({
  title: 'a passphrase',
  open: () => opened(`passphrase:${join(folder, 'salt')}`, PASSPHRASE),
  openOther: () => opened(`passphrase:${join(folder, 'salt')}`, `${PASSPHRASE}!`),
  prepare: async () => void pathOf('salt', Buffer.from(randomBytes(16)).toString('base64url')),
});

describe('a file of a root key', () => {
  const key = Buffer.alloc(32, 0xfb);

  it.each([
    ['base64', `${key.toString('base64')}\n`],
    ['base64 without its end', key.toString('base64').replace('=', '')],
    ['base64url', key.toString('base64url')],
  ])('is read in %s as the same key', async (_form, text) => {
    const provider = await opened(`file:${pathOf('spelled.key', text)}`);
    const plain = await opened(`file:${pathOf('plain.key', key.toString('base64url'))}`);
    expect(provider.kid).toBe(plain.kid);
  });

  it.each([
    ['cut [guard: root-file-whole]', key.toString('base64url').slice(0, -3)],
    ['too long', `${key.toString('base64url')}AAAA`],
    ['empty', ''],
    ['of two lines', `${key.toString('base64url')}\n\n`],
    ['of hexadecimal digits', key.toString('hex')],
    ['of raw bytes', key.toString('latin1')],
  ])('that is %s is refused in one line that does not repeat it', async (_fault, text) => {
    const path = pathOf('bad.key', text);
    const refusal = await openRootKey(`file:${path}`, place).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ name: 'RootKeyRefused', exitCode: 78 });
    const { message } = refusal as Error;
    expect(message).toMatch(/^[^\n]+: not a root key; expected 32 bytes in base64/);
    expect(message).not.toContain(text.trim().slice(0, 8) || 'AAAA');
  });

  it('that others can read is refused [guard: root-file-mode]', async () => {
    const path = pathOf('open.key', key.toString('base64url'));
    chmodSync(path, 0o640);
    await expect(openRootKey(`file:${path}`, place)).rejects.toMatchObject({ message: expect.stringMatching(/0600/) });
  });

  it('that lies among the data is refused in production, by a link too [guard: root-file-place]', async () => {
    const data = join(folder, 'data');
    mkdirSync(data, { recursive: true });
    placeRootKey(join(data, 'root.key'));
    const link = join(folder, 'link.key');
    symlinkSync(join(data, 'root.key'), link);
    const production = { production: true, dataFolders: [data] };
    for (const path of [join(data, 'root.key'), link])
      await expect(openRootKey(`file:${path}`, production)).rejects.toMatchObject({ exitCode: 78 });
    placeRootKey(join(folder, 'beside.key'));
    await expect(openRootKey(`file:${join(folder, 'beside.key')}`, production)).resolves.toBeDefined();
  });

  it('that is not there is no key, and a path that is not whole is refused', async () => {
    await expect(openRootKey(`file:${join(folder, 'nowhere.key')}`, place)).resolves.toBeUndefined();
    await expect(openRootKey('file:root.key', place)).rejects.toMatchObject({ exitCode: 78 });
    await expect(openRootKey('paper:/root.key', place)).rejects.toMatchObject({ exitCode: 78 });
  });
});

describe('a passphrase of a root key', () => {
  it.each([undefined, '', 'too short'])('that is %p is refused [guard: root-passphrase-long]', async (passphrase) => {
    const salt = pathOf('some.salt', Buffer.alloc(16, 1).toString('base64url'));
    const refusal = openRootKey(`passphrase:${salt}`, { ...place, passphrase });
    await expect(refusal).rejects.toMatchObject({ message: expect.stringMatching(/^BULLA_ROOT_PASSPHRASE: /) });
  });

  it('is refused with a salt that was cut [guard: root-salt-whole]', async () => {
    const salt = pathOf('cut.salt', Buffer.alloc(15, 1).toString('base64url'));
    const refusal = openRootKey(`passphrase:${salt}`, { ...place, passphrase: PASSPHRASE });
    await expect(refusal).rejects.toMatchObject({ name: 'RootKeyRefused' });
  });
});
