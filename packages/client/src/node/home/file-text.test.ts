import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { folderForTest } from '@bulla/testkit';
import { expect, it } from '@jest/globals';
import { textWithin } from './file-text.js';

it('is all of a file that is no larger than it may be [guard: home-file-size]', async () => {
  const path = join(folderForTest('file-text'), 'file');
  // Characters of three bytes, of which one lies across the end of a piece.
  const text = '–'.repeat(50_000);
  await writeFile(path, text);
  expect(await textWithin(path, 150_000)).toBe(text);
  expect(await textWithin(path, 149_999)).toBeUndefined();
});

it.each(['/nothing/there', '/tmp'])('leaves it to the system why a file is not read: %s', async (path) => {
  await expect(textWithin(path, 10)).rejects.toHaveProperty('code', expect.stringMatching(/^E[A-Z]+$/));
});
