import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { repository } from '../../scripts/workspaces.mjs';
import { Plot, runTool, useTool } from './tool.js';

/** All that the command needs, and nothing that builds or tests it: that is fetched in a second or two. */
const INSTALL = 'ci --omit=dev --omit=optional --workspace packages/cli --ignore-scripts --no-audit --no-fund'.split(
  ' ',
);

describe('a fresh clone', () => {
  const plot = new Plot();
  const clone = `${plot.folder}/clone`;
  beforeAll(() => {
    useTool('git', ['clone', '--quiet', repository, clone]);
    useTool('npm', [...INSTALL, '--prefer-offline', '--loglevel=error'], clone);
  });
  afterAll(() => plot.remove());

  it('gets the command by npm ci, before anything is built', () => {
    expect(existsSync(`${clone}/packages/cli/dist`)).toBe(false);
    expect(existsSync(`${clone}/node_modules/.bin/bulla`)).toBe(true);
  });

  it('is told by the command that the build is missing', () => {
    const run = runTool('node', ['node_modules/.bin/bulla', 'status'], clone);
    expect(run).toMatchObject({ status: 1, stdout: '' });
    expect(run.text).toContain('bulla: error: the build is missing.');
  });
});
