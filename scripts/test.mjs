// What `npm test` runs: every test of every workspace, the whole-system tests and the house rules, in one Jest.
import { spawn } from 'node:child_process';
import { coverageThreshold } from './coverage-threshold.mjs';
import { isWholeSuite } from './whole-suite.mjs';
import { repository } from './workspaces.mjs';

const jestArguments = process.argv.slice(2);
// A part of the tests covers a part of the code: the gate means something only when all of them run.
const coverage = isWholeSuite(jestArguments)
  ? ['--coverage', '--coverageThreshold', JSON.stringify(coverageThreshold())]
  : [];

const jest = spawn(
  process.execPath,
  [
    // Workspaces' sources instead of their builds; Jest's workers are started with the same options.
    '--conditions=bulla-source',
    `--import=${new URL('jest/source-loader.mjs', import.meta.url)}`,
    '--no-warnings',
    `${repository}/node_modules/jest/bin/jest.js`,
    ...coverage,
    ...jestArguments,
  ],
  { cwd: repository, stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => jest.kill(signal));
jest.on('close', (code) => {
  process.exitCode = code ?? 1;
});
