import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { patternOf, shownCommands } from './console-blocks.js';
import { runShown } from './shell.js';

const repository = resolve(import.meta.dirname, '../../..');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-letters-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('every command about sealing a file prints what the page shows, with no server and no home folder', async () => {
  const commands = shownCommands(await readFile(join(repository, 'docs/guide/seal-a-file.md'), 'utf8'));
  expect(commands.length).toBeGreaterThan(10);
  for (const { line, command, output, status } of commands) {
    const ended = await runShown(command, folder, { BULLA_HOME: join(folder, 'home') });
    const at = `docs/guide/seal-a-file.md:${line} ${command}`;
    expect({ at, status: ended.status, output: ended.output }).toEqual({
      at,
      status,
      output: expect.stringMatching(patternOf(output)),
    });
  }
  await expect(stat(join(folder, 'home'))).rejects.toMatchObject({ code: 'ENOENT' });
  expect(((await stat(join(folder, 'alice.key.pem'))).mode & 0o777).toString(8)).toBe('600');
});
