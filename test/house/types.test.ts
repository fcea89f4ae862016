import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { repository, workspaces } from '../../scripts/workspaces.mjs';
import { Plot, runTool } from './tool.js';

/** Bad code, the workspace under whose settings it is compiled, and what the compiler must say about it. */
const PLANTED: readonly [name: string, folder: string, code: string, message: string][] = [
  ['Buffer in the crypto package', 'packages/crypto', `export const a = Buffer.from('a');`, `name 'Buffer'`],
  ['Node in the contract', 'packages/contract', `export const a = process.pid;`, `name 'process'`],
  [
    'a parameter property in a package',
    'packages/client',
    `export class A { constructor(readonly a: string) {} }`,
    'TS1294',
  ],
  ['an unchecked index in a service', 'services/vault', `export const f = (a: string[]): string => a[0];`, 'TS2322'],
  ['undefined for an absent member', 'services/vault', `export const a: { b?: string } = { b: undefined };`, 'TS2375'],
];

describe('types', () => {
  const plot = new Plot();
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
  });
  afterAll(() => plot.remove());

  it.each(PLANTED)('refuse %s', (_name, folder, code, message) => {
    plot.plant(`${folder}/src/index.ts`, code);
    const run = runTool('tsc', ['-p', folder, '--noEmit'], plot.folder);
    expect(run.stdout).toContain(message);
    expect(run.stdout.match(/error TS/g)).toHaveLength(1);
    expect(run.status).not.toBe(0);
  });

  it('are right in the whole tree, tests included', () => {
    const run = runTool('tsc', ['-b', 'tsconfig.json', 'tsconfig.tests.json']);
    expect({ errors: run.stdout.trim(), status: run.status }).toEqual({ errors: '', status: 0 });
  });
});
