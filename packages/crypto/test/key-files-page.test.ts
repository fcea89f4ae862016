import { readFileSync } from 'node:fs';
import { namesOf } from '@bulla/crypto';
import { exportKeys, importPublicKeys } from '@bulla/crypto/key-files';
import { expect, it } from '@jest/globals';

const page = readFileSync(new URL('../../../docs/spec/key-files.md', import.meta.url), 'utf8');
const [file = '', names = ''] = [...page.matchAll(/```\n([^`]+)```/g)].map(([, block]) => block ?? '');

it('docs/spec/key-files.md shows a file as it is written, and read', async () => {
  const keys = await importPublicKeys(new TextEncoder().encode(file));
  expect(keys.map(({ suite, use }) => [suite, use])).toEqual([
    ['p256', 'sig'],
    ['p256', 'enc'],
  ]);
  expect(new TextDecoder().decode(await exportKeys(keys, { format: 'pem', half: 'public' }))).toBe(file);
});

it('docs/spec/key-files.md names the first key', async () => {
  const [key] = await importPublicKeys(new TextEncoder().encode(file));
  if (key === undefined) throw new Error('no key');
  const { hex, words } = namesOf(key);
  expect(names).toBe(`${hex}\n${words.join(' ')}\n`);
});
