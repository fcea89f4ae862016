import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { type RunningCommand, startUp } from '../../bulla-command.js';
import { itKeepsTo } from './guide-page.js';
import { letIn } from '../stories/second-person.js';
import { runPlain, runSigned } from './shell.js';

let folder: string;
let owner: Readonly<Record<string, string>>;
let running: RunningCommand;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-guide-keys-'));
  owner = { BULLA_HOME: join(folder, 'home') };
  running = await startUp(owner);
  // What the page revokes.
  await letIn(folder, owner, 'laptop', '--role', 'invoker');
});
afterAll(async () => {
  await running.stop();
  await rm(folder, { recursive: true, force: true });
});

itKeepsTo({
  path: 'docs/guide/keys.md',
  says: 'shows commands that do what it says, in a development organisation',
  walk: async (page) => {
    expect(page.commands.length).toBeGreaterThan(4);
    for (const shown of page.commands) {
      const at = page.take(shown);
      const run = shown.command.startsWith('bulla trust cosign ') ? runSigned : runPlain;
      const { status, output } = await run(shown.command, folder, owner);
      expect({ at, status, printed: status === 0 ? '' : output }).toEqual({ at, status: 0, printed: '' });
    }
  },
});
