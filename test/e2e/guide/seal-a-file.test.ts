import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { itKeepsTo, unignored } from './guide-page.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-letters-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

itKeepsTo({
  path: 'docs/guide/seal-a-file.md',
  says: 'prints what it shows, with no server and no home folder',
  walk: async (page) => {
    expect(page.commands.length).toBeGreaterThan(10);
    await page.run(page.commands, folder, { BULLA_HOME: join(folder, 'home') });
    await expect(stat(join(folder, 'home'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(((await stat(join(folder, 'alice.key.pem'))).mode & 0o777).toString(8)).toBe('600');
    expect(unignored(folder)).toEqual([]);
  },
});
