import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { sampled } from '@bulla/testkit';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { bulla } from '../bulla-command.js';
import { environment } from '../bulla-process.js';

const program = join(resolve(import.meta.dirname, '../..'), 'packages/cli/bin/bulla.js');
const PORTS = { BULLA_VAULT_PORT: '4981', BULLA_RESPONDER_PORT: '4982', BULLA_METRICS_PORT: '4983' };
/** Files of a whole home folder after init. */
const FILES = 15;
/** What stands for a file that comes after it, and is made again with that one. */
const BEFORE: Readonly<Record<string, string>> = {
  // What the renewer begins with, signed with the directory.
  'services/renewer.trust.json': 'org/dev/directory.json',
  // The folder of marks is set up for the key of a log.
  'audit/vault/log.json': 'services/vault.keys.json',
  'audit/responder/log.json': 'services/responder.keys.json',
};
/** After so many files a folder of marks is there, of the vault or of the responder, and its key is not. */
const FOLDERS_ALONE = [4, 6];
/** So many of them a short run kills it after, besides none, all, and those. */
const SAMPLED = 3;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-init-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Every finished file of a home folder with its text. */
function filesOf(home: string): Map<string, string> {
  if (!existsSync(home)) return new Map();
  const entries = readdirSync(home, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !/(?:^|\.)(?:lock|tmp)$/.test(entry.name),
  );
  return new Map(
    entries.map((entry) => [
      join(entry.parentPath, entry.name).slice(home.length + 1),
      readFileSync(join(entry.parentPath, entry.name), 'utf8'),
    ]),
  );
}

describe('a first run', () => {
  const between = Array.from({ length: FILES - 1 }, (_, index) => index + 1);
  const others = between.filter((count) => !FOLDERS_ALONE.includes(count));

  it.each([0, ...FOLDERS_ALONE, ...sampled(others, SAMPLED), FILES])(
    'that was killed after %i files is finished by the next, which keeps what was there',
    async (count) => {
      const home = join(folder, 'home');
      const child = spawn(process.execPath, [program, 'init'], {
        env: environment({ ...PORTS, BULLA_HOME: home }),
        stdio: 'ignore',
      });
      const ended = once(child, 'close');
      while (filesOf(home).size < count && child.exitCode === null) await pause(1);
      child.kill('SIGKILL');
      await ended;
      const before = filesOf(home);
      for (const [name, goal] of Object.entries(BEFORE)) if (!before.has(goal)) before.delete(name);
      const finished = await bulla(['init'], { ...PORTS, BULLA_HOME: home });
      expect({ status: finished.status, stderr: finished.status === 0 ? '' : finished.stderr }).toEqual({
        status: 0,
        stderr: '',
      });
      const after = filesOf(home);
      expect(after.size).toBe(FILES);
      expect(new Map([...after].filter(([name]) => before.has(name)))).toEqual(before);
      // A service signs only by a folder that was set up for a key that it has.
      for (const who of ['vault', 'responder']) {
        const { keys } = JSON.parse(after.get(`services/${who}.keys.json`) ?? '') as { keys: object[] };
        const { kid, log } = JSON.parse(after.get(`audit/${who}/log.json`) ?? '') as { kid: string; log: number };
        expect([log, keys]).toEqual([1, expect.arrayContaining([expect.objectContaining({ kid, log })])]);
      }
      const again = await bulla(['init'], { ...PORTS, BULLA_HOME: home });
      expect(again.stderr).toContain('nothing changed');
      expect(filesOf(home)).toEqual(after);
    },
  );
});
