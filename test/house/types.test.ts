import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { repository, workspaces } from '../../scripts/workspaces.mjs';
import { Plot, runCompiler, type ToolRun } from './tool.js';

/** Bad code, the file in the workspace under whose settings it is compiled, and what the compiler must say about it. */
const PLANTED: readonly [name: string, file: string, code: string, message: string][] = [
  [
    'Buffer in the crypto package',
    'packages/crypto/src/index.ts',
    `export const a = Buffer.from('a');`,
    `name 'Buffer'`,
  ],
  ['Node in the contract', 'packages/contract/src/index.ts', `export const a = process.pid;`, `name 'process'`],
  [
    'a parameter property in a package',
    'packages/client/src/index.ts',
    `export class A { constructor(readonly a: string) {} }`,
    'TS1294',
  ],
  [
    'an unchecked index in a service',
    'services/vault/src/unchecked.ts',
    `export const f = (a: string[]): string => a[0];`,
    'TS2322',
  ],
  [
    'undefined for an absent member',
    'services/vault/src/absent.ts',
    `export const a: { b?: string } = { b: undefined };`,
    'TS2375',
  ],
];

describe('types', () => {
  const plot = new Plot();
  let run: ToolRun;
  beforeAll(() => {
    for (const file of ['tsconfig.base.json', 'package.json']) plot.copy(file);
    symlinkSync(`${repository}/node_modules`, `${plot.folder}/node_modules`);
    for (const { folder } of workspaces()) {
      // What is compiled for every platform, where some is compiled for Node alone.
      const [of] = ['tsconfig.web.json', 'tsconfig.json'].filter((name) =>
        existsSync(`${repository}/${folder}/${name}`),
      );
      const { references: _others, ...settings } = JSON.parse(
        readFileSync(`${repository}/${folder}/${of}`, 'utf8'),
      ) as Record<string, unknown>;
      plot.copy(`${folder}/package.json`);
      plot.plant(`${folder}/tsconfig.json`, JSON.stringify(settings));
    }
    for (const [, file, code] of PLANTED) plot.plant(file, code);
    // One compiler for all of them: it reads the libraries once.
    const folders = new Set(PLANTED.map(([, file]) => file.replace(/\/src\/.*/, '')));
    run = runCompiler(['-b', '--pretty', 'false', '--noEmit', ...folders], plot.folder);
  });
  afterAll(() => plot.remove());

  it.each(PLANTED)('refuse %s', (_name, file, _code, message) => {
    const errors = run.stdout.split('\n').filter((line) => line.startsWith(`${file}(`));
    expect(errors).toEqual([expect.stringContaining(message)]);
  });

  it('fail for bad code, which is all that they refuse', () => {
    expect(run.stdout.match(/error TS/g)).toHaveLength(PLANTED.length);
    expect(run.status).not.toBe(0);
  });
});
