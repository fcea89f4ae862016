import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { WORKSPACE_IMPORTS } from '../../.dependency-cruiser.mjs';
import ts from 'typescript';
import jestConfig from '../../jest.config.mjs';
import { coverageSources, isTypeOnly } from '../../scripts/coverage-sources.mjs';
import { coverageThreshold } from '../../scripts/coverage-threshold.mjs';
import { sourceFiles } from '../../scripts/source-files.mjs';
import { repository } from '../../scripts/workspaces.mjs';

const ES_MODULE = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, removeComments: true };

const files = sourceFiles();
/** Found by git and not by the list under test. */
const folders = files
  .filter((file) => /^[^/]+\/[^/]+\/package\.json$/.test(file))
  .map((file) => file.replace('/package.json', ''));

interface Settings {
  readonly references: readonly { readonly path: string }[];
}
interface Manifest {
  readonly name: string;
  readonly private: boolean;
  readonly license: string;
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}

describe('every workspace', () => {
  it('is there', () => expect(folders).toEqual(expect.arrayContaining(['packages/crypto', 'services/vault'])));

  it('is a project of Jest', () => {
    const roots = jestConfig.projects.map(({ rootDir }) => rootDir);
    expect(new Set(roots)).toEqual(new Set([repository, ...folders.map((folder) => `${repository}/${folder}`)]));
  });

  it('has tests, or the coverage gate would not see it', () => {
    const tested = (folder: string) => files.some((file) => file.startsWith(`${folder}/`) && file.endsWith('.test.ts'));
    expect(folders.filter((folder) => !tested(folder))).toEqual([]);
  });

  it.each(folders)('%s passes the coverage gate', (folder) => {
    const { [`./${folder}/src/`]: gate } = coverageThreshold();
    const branches = folder.startsWith('services/') ? 85 : 90;
    expect(gate).toEqual({ lines: 90, functions: 90, statements: 90, branches });
  });

  it('has all of its sources in the coverage report, but those that compile to nothing', () => {
    const [sources, tests, ...typeOnly] = coverageSources();
    expect([sources, tests]).toEqual(['{packages,services}/*/src/**/*.ts', '!**/*.test.ts']);
    const compiled = (file: string) => ts.transpile(readFileSync(`${repository}/${file}`, 'utf8'), ES_MODULE).trim();
    expect(typeOnly.filter((pattern) => compiled(pattern.slice(1)) !== 'export {};')).toEqual([]);
  });

  it.each([
    [true, `/** A. */\nexport interface A {\n  readonly a: string;\n}\n\nexport type B =\n  | 'a'\n  | 'b';\n`],
    [true, `import type { A } from './a.js';\n\nexport type { A };\n`],
    [false, `export interface A {\n  readonly a: string;\n}\nexport const a = 1;\n`],
    [false, `import { type A } from './a.js';\n`],
    [false, `export interface A {\n  readonly a: string;\n}\n\nread();\n`],
  ])('tells types from code: %s', (typeOnly, text) => expect(isTypeOnly(text)).toBe(typeOnly));

  it('is built and type-checked with its tests', () => {
    const referenced = (file: string) => new Set((read(file) as Settings).references.map(({ path }) => path));
    const all = new Set(folders.map((folder) => `./${folder}`));
    expect(referenced('tsconfig.json')).toEqual(all);
    expect(referenced('tsconfig.tests.json')).toEqual(all);
  });

  it('has its row in the import table', () => {
    expect(new Set(Object.keys(WORKSPACE_IMPORTS))).toEqual(new Set(folders));
  });

  it.each(Object.entries(WORKSPACE_IMPORTS))('%s declares only what its row allows', (folder, allowed: string[]) => {
    const { dependencies = {} } = read(`${folder}/package.json`) as Manifest;
    const declared = Object.keys(dependencies).flatMap((name) => folderOf(name));
    const referenced = (read(`${folder}/tsconfig.json`) as Settings).references
      .map(({ path }) => path.replace('../../', ''))
      // A part of its own that is compiled with other types.
      .filter((path) => !path.startsWith('./'));
    expect(allowed).toEqual(expect.arrayContaining(declared));
    expect(allowed).toEqual(expect.arrayContaining(referenced));
    // The compiler builds in the order of the references: without one, a change next door would go unnoticed.
    expect(new Set(referenced)).toEqual(new Set(declared));
  });

  it.each(folders)('%s is named by its folder, private, and pins what it takes from others', (folder) => {
    const manifest = read(`${folder}/package.json`) as Manifest;
    expect(manifest).toMatchObject({ name: nameOf(folder), private: true, license: 'Apache-2.0' });
    const taken = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(taken.filter(([name, range]) => !isPinned(name, range))).toEqual([]);
  });

  it('would notice a range', () => {
    expect(isPinned('jose', '6.2.18')).toBe(true);
    expect(isPinned('@bulla/crypto', '*')).toBe(true);
    for (const range of ['^6.2.18', '~6.2', '*', 'latest', '6']) expect(isPinned('jose', range)).toBe(false);
  });
});

function read(file: string): unknown {
  return JSON.parse(readFileSync(`${repository}/${file}`, 'utf8'));
}

function nameOf(folder: string): string {
  return `@bulla/${folder.split('/')[1] ?? ''}`;
}

function folderOf(name: string): string[] {
  return folders.filter((folder) => nameOf(folder) === name);
}

function isPinned(name: string, range: string): boolean {
  return name.startsWith('@bulla/') ? range === '*' : /^\d+\.\d+\.\d+(-[0-9a-z.]+)?$/.test(range);
}
