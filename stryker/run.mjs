// `npm run stryker`: changes what parses, verifies and opens in one place after another, in a copy of the tree, and sees
// whether a test minds. What became of each mutant is kept in stryker/incremental; the next run tries only what a change
// of the file or of its tests concerns. `-- --only <name>` tries one file (may be repeated), `--force` all of its mutants
// again, `--page` none: it writes stryker/RESULTS.md anew, as every run does. `--concurrency <n>`, 2 unless told.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';
import { repository } from '../scripts/workspaces.mjs';
import { faultsOf, pageOf } from './page.mjs';
import { Result, scoreOf } from './results.mjs';

const SCRATCH = '.cache/stryker';
const REPORT = `${SCRATCH}/incremental.json`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    force: { type: 'boolean', default: false },
    page: { type: 'boolean', default: false },
    concurrency: { type: 'string', default: '2' },
  },
});

process.chdir(repository);
const targets = JSON.parse(readFileSync('stryker/targets.json', 'utf8'));
const results = Object.entries(targets).map(([name, tests]) => new Result(name, tests));
const unknown = (options.only ?? []).filter((name) => !(name in targets));
if (unknown.length > 0) throw new Error(`not in stryker/targets.json: ${unknown.join(', ')}`);

for (const result of options.page ? [] : results) {
  if (options.only?.includes(result.name) ?? true) await attempt(result);
}
writeFileSync('stryker/RESULTS.md', pageOf(results));
const faults = faultsOf(results);
for (const fault of faults) console.log(fault);
console.log(`${scoreOf(results.filter(({ tried }) => tried)).toFixed(1)} % of the mutants were noticed`);
process.exitCode = faults.length === 0 ? 0 : 1;

/** Tries the mutants of one file. Throws if its tests do not pass as the tree is. */
async function attempt(result) {
  mkdirSync(SCRATCH, { recursive: true });
  rmSync(REPORT, { force: true });
  if (result.tried && !options.force) writeFileSync(REPORT, JSON.stringify(result.report()));
  const started = Date.now();
  await new Stryker(settingsOf(result)).runMutationTest();
  if (!existsSync(REPORT)) throw new Error(`Stryker left no report of ${result.name}`);
  result.keep(JSON.parse(readFileSync(REPORT, 'utf8')), lastCommitOf(result.file));
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(`${result.name}: ${scoreOf([result]).toFixed(1)} % of ${result.mutants.length} in ${seconds} s`);
}

/** @returns {any} whose log level is none of an enumeration that has no values at run time */
function settingsOf({ name, file }) {
  return {
    mutate: [file],
    plugins: ['@stryker-mutator/jest-runner', `${repository}/stryker/messages.mjs`],
    ignorers: ['messages'],
    testRunner: 'jest',
    testRunnerNodeArgs: ['--experimental-vm-modules', '--no-warnings'],
    jest: {
      configFile: 'stryker/jest.config.mjs',
      config: { testMatch: targets[name].map((test) => `<rootDir>/${test}`) },
      enableFindRelatedTests: false,
    },
    coverageAnalysis: 'perTest',
    // Modules of ES cannot be unloaded: a process that has run many tests is large.
    maxTestRunnerReuse: 40,
    concurrency: Number(options.concurrency),
    // A loop without an end is noticed by its turns; this is for what waits, and generous since machines are busy.
    timeoutMS: 15_000,
    timeoutFactor: 3,
    disableTypeChecks: false,
    tempDirName: SCRATCH,
    // What the tests do not read need not be copied.
    ignorePatterns: [
      '/services/*/src',
      '/deploy',
      '/bench',
      '/test',
      '/stryker/node_modules',
      'dist',
      'coverage',
      '.cache',
    ],
    incremental: true,
    incrementalFile: REPORT,
    reporters: [],
    logLevel: 'error',
    thresholds: { high: 95, low: 85, break: null },
  };
}

function lastCommitOf(file) {
  return execFileSync('git', ['log', '-1', '--format=%h', '--abbrev=8', '--', file], { encoding: 'utf8' }).trim();
}
