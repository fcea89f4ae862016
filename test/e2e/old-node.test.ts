import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const BIN = resolve(import.meta.dirname, '../../packages/cli/bin/bulla.js');
/** What the start of a process believes to be its Node; a process that it starts is not told. */
const OLD = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.20.2'}})`;

function bulla(program: string, argv: readonly string[], input = '') {
  const { NODE_OPTIONS: _, ...env } = process.env;
  return spawnSync(process.execPath, ['--import', OLD, program, ...argv], { encoding: 'utf8', input, env });
}

describe('the command under a Node that is too old', () => {
  it('runs itself under the Node that the project brings, with its input, its output and its exit code', () => {
    expect(bulla(BIN, ['--version'])).toMatchObject({ status: 0, stdout: '0.1.0\n', stderr: '' });
    expect(bulla(BIN, ['verify', '-', '--pin', `sha256:${'0'.repeat(64)}`], 'not an answer')).toMatchObject({
      status: 10,
      stderr: expect.stringContaining('token_malformed'),
    });
  });

  it('says how to call it where there is none', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bulla-old-node-'));
    const program = join(folder, 'bulla.mjs');
    copyFileSync(BIN, program);
    expect(bulla(program, ['--version'])).toMatchObject({
      status: 1,
      stdout: '',
      stderr:
        'bulla: error: Node 20.20.2 is too old, 22.12 or newer is needed.\nbulla: hint: in the clone run `npm ci`, which brings a Node 24 of its own; elsewhere install Node 22.12 or newer.\n',
    });
    rmSync(folder, { recursive: true });
  });
});
