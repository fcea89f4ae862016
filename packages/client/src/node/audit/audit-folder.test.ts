import { mkdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { folderForTest } from '@bulla/testkit';
import { utf8 } from '@bulla/crypto';
import { AuditFolder } from './audit-folder.js';

it('writes files in folders that it makes, and reads and lists them', async () => {
  const path = join(folderForTest('audit'), 'a', 'b');
  const folder = new AuditFolder(path);
  expect([await folder.has('x/y'), await folder.read('x/y'), await folder.list('x')]).toEqual([false, undefined, []]);
  await folder.write('x/y', utf8('one'));
  await folder.write('x/y', utf8('two'));
  expect([await folder.has('x/y'), await folder.read('x/y'), await folder.list('x')]).toEqual([
    true,
    utf8('two'),
    ['y'],
  ]);
  expect((await stat(join(path, 'x/y'))).mode & 0o777).toBe(0o600);
});

it('reads no file that is larger than any of exported logs [guard: audit-folder-size]', async () => {
  const folder = new AuditFolder(folderForTest('audit'));
  await folder.write('large', utf8(''));
  await truncate(join(folder.path, 'large'), 33 * 1024 * 1024);
  await expect(folder.read('large')).rejects.toThrow(/large is no file of exported logs/);
});

it('says what cannot be written, and leaves nothing behind', async () => {
  const folder = new AuditFolder(folderForTest('audit'));
  await mkdir(folder.path, { recursive: true });
  await writeFile(join(folder.path, 'file'), '');
  await expect(folder.write('file/inside', utf8('x'))).rejects.toThrow(
    /^cannot write .*file\/inside \((EEXIST|ENOTDIR)\)$/,
  );
  await mkdir(join(folder.path, 'taken/inside'), { recursive: true });
  await expect(folder.write('taken', utf8('x'))).rejects.toThrow(/^cannot write .*taken \(\w+\)$/);
  expect(await folder.list('.')).toEqual(['file', 'taken']);
});
