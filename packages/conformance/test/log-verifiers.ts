import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

// Verifiers of logs in other languages, and whether this machine has what they stand on.

export const file = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
export const PYTHON = '/usr/bin/python3';
const GO_PATH = '/usr/share/gocode';
export const hasPython = spawnSync(PYTHON, ['-c', 'import cryptography']).status === 0;
export const hasGo =
  spawnSync('go', ['version']).status === 0 && spawnSync('ls', [`${GO_PATH}/src/golang.org/x/mod/sumdb`]).status === 0;

/**
 * Once for a run; what Go compiled of its own library is kept for the next one, and for one after `npm ci`.
 * @returns the program, in the folder
 */
export async function buildGo(folder: string): Promise<string> {
  const env = {
    ...process.env,
    GO111MODULE: 'off',
    GOPATH: GO_PATH,
    GOCACHE: file('../../.cache/go-build'),
  };
  const program = join(folder, 'audit-verify');
  await promisify(execFile)('go', ['build', '-o', program, file('peers/audit-verify/main.go')], { env });
  return program;
}
