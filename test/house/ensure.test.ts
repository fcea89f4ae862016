import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Plot } from './tool.js';

/** Writes down how it was called; `npm` also brings a compiler, as installing does. */
const NPM = `#!/bin/sh
echo "npm $*" >> calls
[ ! -e no-network ] || exit 1
mkdir -p node_modules/typescript-7/lib && cp where-tsc-is node_modules/typescript-7/lib/getExePath.js
`;
const WHERE_TSC_IS = `module.exports = () => process.cwd() + '/tsc';`;
const TSC = `#!/bin/sh
echo "tsc $*" >> calls
echo "a word of the compiler"
[ ! -e type-error ] || exit 2
mkdir -p packages/one/dist && touch packages/one/dist/index.js
`;

describe('scripts/ensure.mjs', () => {
  let plot: Plot;
  beforeEach(() => {
    plot = new Plot();
    plot.copy('scripts');
    plot.plant('package-lock.json', '{}');
    plot.plant('packages/one/package.json', '{}');
    plot.plant('services/.keep', '');
    for (const [name, text] of [
      ['path/npm', NPM],
      ['tsc', TSC],
      ['where-tsc-is', WHERE_TSC_IS],
    ] as const) {
      plot.plant(name, text);
      chmodSync(`${plot.folder}/${name}`, 0o755);
    }
  });
  afterEach(() => plot.remove());

  /** Calls since the last look. */
  function calls(): string[] {
    const text = readFileSync(`${plot.folder}/calls`, 'utf8');
    rmSync(`${plot.folder}/calls`);
    return text.trim().split('\n');
  }

  async function ensure(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const env = { ...process.env, PATH: `${plot.folder}/path:${process.env['PATH'] ?? ''}` };
    const child = spawn(process.execPath, [`${plot.folder}/scripts/ensure.mjs`, ...args], { env });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number];
    return { code, ...output };
  }

  const installing = expect.stringMatching(/^npm ci .*--ignore-scripts --no-audit --no-fund --loglevel=error$/);

  it('installs and builds a fresh clone, and leaves standard output alone', async () => {
    const run = await ensure();
    expect(run).toMatchObject({ code: 0, stdout: '' });
    expect(run.stderr).toContain('a word of the compiler');
    expect(calls()).toEqual([installing, 'tsc -b --checkers 1 --force']);
    expect(existsSync(`${plot.folder}/.cache/ensure.lock`)).toBe(false);
  });

  it('installs again only when the lock file changed', async () => {
    await ensure();
    calls();
    await ensure();
    expect(calls()).toEqual(['tsc -b --checkers 1']);
    plot.plant('package-lock.json', '{"other":1}');
    await ensure();
    expect(calls()).toEqual([installing, 'tsc -b --checkers 1']);
  });

  it('builds from nothing when a dist folder was removed', async () => {
    await ensure();
    calls();
    rmSync(`${plot.folder}/packages/one/dist`, { recursive: true });
    await ensure();
    expect(calls()).toEqual(['tsc -b --checkers 1 --force']);
  });

  it('installs once when two begin together', async () => {
    const runs = await Promise.all([ensure(), ensure()]);
    expect(runs.map(({ code }) => code)).toEqual([0, 0]);
    expect(calls().filter((call) => call.startsWith('npm'))).toHaveLength(1);
  });

  it('says what failed, and tries again the next time', async () => {
    plot.plant('no-network', '');
    expect(await ensure()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('bulla: error: the packages could not be installed.'),
    });
    rmSync(`${plot.folder}/no-network`);
    expect(await ensure()).toMatchObject({ code: 0 });
  });

  it('stops at a type error, unless the caller counts those itself', async () => {
    plot.plant('type-error', '');
    expect(await ensure()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('bulla: error: the sources could not be built.'),
    });
    expect(await ensure('--type-errors-may-pass')).toMatchObject({ code: 0 });
  });
});
