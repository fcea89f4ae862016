import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { sourceFiles } from '../../scripts/source-files.mjs';
import { repository, workspaces } from '../../scripts/workspaces.mjs';
import { runTool } from './tool.js';

const texts = sourceFiles()
  .filter((file) => existsSync(`${repository}/${file}`))
  .map((file) => ({ file, text: readFileSync(`${repository}/${file}`, 'latin1') }))
  .filter(({ text }) => !text.includes('\0'));

describe('what git keeps', () => {
  /** What must not be in any file, with a line that has it. The lines are put together so that this file has none. */
  it.each([
    [
      "a path of somebody's machine",
      /(^|[\s"'`(=:])\/(home|Users|root|work)\/[a-z]/m,
      ['x = "/', 'home/ada/bulla"'].join(''),
    ],
    ['a private key in PEM', /-----BEGIN [A-Z ]*PRIVATE KEY-----\n/, ['-----BEGIN ', 'PRIVATE KEY-----\n'].join('')],
    ['a conflict of merging', /^(<{7}|>{7}) /m, ['<<<<', '<<< ours'].join('')],
  ])('has no %s', (_name, pattern, control) => {
    expect(control).toMatch(pattern);
    expect(texts.filter(({ text }) => pattern.test(text)).map(({ file }) => file)).toEqual([]);
  });

  it('has a lock file without download addresses', () => {
    const addressed = (lock: string) => lock.match(/"resolved": *"(?!(packages|services)\/)[^"]*"/g) ?? [];
    expect(addressed(`"resolved": "packages/crypto"`)).toEqual([]);
    expect(addressed(`"resolved": "https://example.org/a.tgz"`)).toHaveLength(1);
    expect(addressed(readFileSync(`${repository}/package-lock.json`, 'utf8'))).toEqual([]);
  });

  it('has a hash in the lock file for every package it names, optional ones included', () => {
    const { packages } = JSON.parse(readFileSync(`${repository}/package-lock.json`, 'utf8')) as {
      packages: Record<string, { integrity?: string; link?: boolean; optionalDependencies?: Record<string, string> }>;
    };
    const installed = Object.entries(packages).filter(([path, { link }]) => path.includes('node_modules/') && !link);
    expect(installed.length).toBeGreaterThan(100);
    expect(installed.filter(([, { integrity }]) => integrity === undefined).map(([path]) => path)).toEqual([]);
    const names = new Set(installed.map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 13)));
    const optional = installed.flatMap(([, entry]) => Object.keys(entry.optionalDependencies ?? {}));
    expect(optional.filter((name) => !names.has(name))).toEqual([]);
  });

  it('has the command as an executable file outside of any build, so that installing links it', () => {
    const { bin } = JSON.parse(readFileSync(`${repository}/packages/cli/package.json`, 'utf8')) as {
      bin: Record<string, string>;
    };
    expect(bin).toEqual({ bulla: 'bin/bulla.js' });
    expect(runTool('git', ['ls-files', '--stage', 'packages/cli/bin/bulla.js']).stdout).toMatch(/^100755 /);
    expect(existsSync(`${repository}/node_modules/.bin/bulla`)).toBe(true);
  });

  it('has nothing that is made anew by building or testing', () => {
    const ignored = runTool('git', ['ls-files', '--cached', '--ignored', '--exclude-standard']).stdout;
    expect(ignored).toBe('');
    const made = ['node_modules', 'coverage', ...workspaces().map(({ folder }) => `${folder}/dist`)];
    expect(
      runTool('git', ['check-ignore', ...made.map((path) => `${path}/`)])
        .stdout.trim()
        .split('\n'),
    ).toHaveLength(made.length);
  });
});
