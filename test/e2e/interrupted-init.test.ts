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
const FILES = 13;
/** What the renewer begins with: signed again with the directory, which comes after it. */
const MEMORY = 'services/renewer.trust.json';
/** So many of them a short run kills it after, besides none and all. */
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

  it.each([0, ...sampled(between, SAMPLED), FILES])(
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
      if (!before.has('org/dev/directory.json')) before.delete(MEMORY);
      const finished = await bulla(['init'], { ...PORTS, BULLA_HOME: home });
      expect({ status: finished.status, stderr: finished.status === 0 ? '' : finished.stderr }).toEqual({
        status: 0,
        stderr: '',
      });
      const after = filesOf(home);
      expect(after.size).toBe(FILES);
      expect(new Map([...after].filter(([name]) => before.has(name)))).toEqual(before);
      const again = await bulla(['init'], { ...PORTS, BULLA_HOME: home });
      expect(again.stderr).toContain('nothing changed');
      expect(filesOf(home)).toEqual(after);
    },
  );
});
