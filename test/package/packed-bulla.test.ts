import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { repository } from '../../scripts/workspaces.mjs';
import { environment } from '../bulla-process.js';
import { useTool } from '../house/tool.js';

const root = mkdtempSync(join(tmpdir(), 'bulla-packed-'));
const project = join(root, 'project');
const modules = join(project, 'node_modules');
let archives: string[];
let packed: string[];

/**
 * An empty project as npm leaves it after `npm install packed/*.tgz`: ours unpacked, what they need from others beside
 * them. The others are those of the repository, so that no network is needed.
 */
beforeAll(() => {
  archives = useTool('npm', ['run', '--silent', 'pack', '--', join(root, 'packed')])
    .trim()
    .split('\n');
  packed = archives.map((path) => basename(path));
  mkdirSync(join(modules, '.bin'), { recursive: true });
  writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }\n');
  placeOthers(modules);
  for (const archive of archives) unpack(archive, modules);
  symlinkSync('../@bulla/cli/bin/bulla.js', join(modules, '.bin/bulla'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Of the package in an archive, without its scope. */
function nameOf(archive: string): string {
  return basename(archive).replace(/^bulla-|-[\d.]+\.tgz$/g, '');
}

function unpack(archive: string, into: string): void {
  const place = join(into, '@bulla', nameOf(archive));
  mkdirSync(place, { recursive: true });
  useTool('tar', ['xzf', archive, '-C', place, '--strip-components=1']);
}

/** What ours need from others. */
function placeOthers(into: string): void {
  for (const name of packageNames(join(repository, 'node_modules'))) {
    mkdirSync(join(into, name, '..'), { recursive: true });
    symlinkSync(join(repository, 'node_modules', name), join(into, name));
  }
}

/** Names of all packages of a folder that are not ours. */
function packageNames(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith('.') && name !== '@bulla')
    .flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(folder, name)).map((inner) => `${name}/${inner}`) : [name],
    );
}

function run(name: string, ...args: string[]) {
  const env = environment({ BULLA_HOME: join(root, 'home') });
  const { status, stdout, stderr } = spawnSync(name, args, { cwd: project, env, encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('the archives of npm run pack', () => {
  it('are all that runs elsewhere, each with its licence and without tests', () => {
    const names = [
      'cli',
      'client',
      'contract',
      'crypto',
      'mcp',
      'proxy',
      'responder',
      'service-kit',
      'standalone',
      'vault',
    ];
    expect(packed.toSorted()).toEqual(
      names.map((name) => expect.stringMatching(new RegExp(`^bulla-${name}-[\\d.]+\\.tgz$`))),
    );
    for (const name of names) {
      const place = join(modules, '@bulla', name);
      expect(readFileSync(join(place, 'LICENSE'), 'utf8')).toBe(readFileSync(join(repository, 'LICENSE'), 'utf8'));
      const files = readdirSync(place, { recursive: true }).map(String);
      expect(files).toContain(join('dist', 'index.js'));
      expect(files.filter((file) => /\.test\.|tsbuildinfo|vectors|compile-cache/.test(file))).toEqual([]);
    }
  });

  it('need only what they bring and name', () => {
    const known = new Set(packageNames(modules));
    for (const name of readdirSync(join(modules, '@bulla'))) {
      const manifest = JSON.parse(readFileSync(join(modules, '@bulla', name, 'package.json'), 'utf8')) as {
        dependencies: Record<string, string>;
      };
      const missing = Object.keys(manifest.dependencies).filter(
        (other) =>
          !known.has(other) && !packed.some((file) => file.startsWith(`${other.replace('@', '').replace('/', '-')}-`)),
      );
      expect({ name, missing }).toEqual({ name, missing: [] });
    }
  });

  it('run the command of this project, with what the services need', () => {
    expect(run('npx', '--no-install', 'bulla', 'version')).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^bulla \d+\.\d+\.\d+ \(Node /),
      stderr: '',
    });
    const loading = "const { start } = await import('@bulla/standalone'); console.log(typeof start);";
    expect(run(process.execPath, '--input-type=module', '-e', loading)).toEqual({
      status: 0,
      stdout: 'function\n',
      stderr: '',
    });
  });

  it('keep what Node compiled beside the command, where nobody else writes, and not among temporary files', () => {
    const temporary = join(root, 'temporary');
    mkdirSync(temporary);
    const env = { ...environment({ BULLA_HOME: join(root, 'home') }), TMPDIR: temporary };
    const command = join(modules, '@bulla/cli/bin/bulla.js');
    expect(spawnSync(process.execPath, [command, 'version'], { env, encoding: 'utf8' }).status).toBe(0);
    expect(readdirSync(join(modules, '@bulla/cli/.compile-cache')).length).toBeGreaterThan(0);
    expect(readdirSync(temporary)).toEqual([]);
    // The control: where Node is left to choose, it takes the folder of temporary files.
    const leftToNode = "require('node:module').enableCompileCache(); import('@bulla/crypto')";
    expect(spawnSync(process.execPath, ['-e', leftToNode], { cwd: project, env }).status).toBe(0);
    expect(readdirSync(temporary)).toEqual(['node-compile-cache']);
  });

  it('hold a page of the manual for each command, which the manifest names for npm', () => {
    const place = join(modules, '@bulla/cli');
    const { man } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8')) as { man: string[] };
    expect(man.toSorted()).toEqual(
      readdirSync(join(place, 'man'))
        .map((file) => `./man/${file}`)
        .toSorted(),
    );
    expect(man).toContain('./man/bulla-prompt-push.1');
    expect(run('npx', '--no-install', 'bulla', 'man').stdout).toBe(readFileSync(join(place, 'man/bulla.1'), 'utf8'));
  });

  it('run a program on the SDK, and find their own files', () => {
    const program = `
      import { Bulla, verifyAnswerFile } from '@bulla/client';
      import { Home } from '@bulla/client/node';
      const { verdict } = await verifyAnswerFile('{}', 'sha256:' + '0'.repeat(64));
      console.log(verdict, typeof Bulla.connect, new Home('x').folder);
      console.log(import.meta.resolve('@bulla/crypto').includes('/project/node_modules/@bulla/crypto/dist/'));`;
    expect(run(process.execPath, '--input-type=module', '-e', program)).toEqual({
      status: 0,
      stdout: 'REFUSED function x\ntrue\n',
      stderr: '',
    });
  });

  it('are for the SDK those that its page installs, into a project as the page makes it', () => {
    const page = readFileSync(join(repository, 'docs/guide/sdk.md'), 'utf8');
    const [make, type, install = '', ...more] = /```sh\n([^`]*)\n```/.exec(page)?.[1]?.split('\n') ?? [];
    expect([make, type, more]).toEqual(['npm init -y', 'npm pkg set type=module', []]);
    const alone = join(root, 'sdk');
    mkdirSync(alone);
    for (const command of [make, type]) useTool('npm', command?.split(' ').slice(1) ?? [], alone);
    const names = [...install.matchAll(/\.\.\/bulla\/packed\/bulla-([a-z-]+)-\*\.tgz/g)].map(([, name = '']) => name);
    expect(`npm install ${names.map((name) => `../bulla/packed/bulla-${name}-*.tgz`).join(' ')}`).toBe(install);
    placeOthers(join(alone, 'node_modules'));
    for (const archive of archives.filter((path) => names.includes(nameOf(path))))
      unpack(archive, join(alone, 'node_modules'));
    writeFileSync(
      join(alone, 'first.js'),
      /```ts\n([^`]*?)\n\nconst bulla/.exec(page)?.[1]?.replace(/^import type .*\n/, '') ?? '',
    );
    const { status, stderr } = spawnSync(process.execPath, ['first.js'], { cwd: alone, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});
