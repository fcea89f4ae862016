// `npm run stryker`: changes what parses, verifies and opens in one place after another, in a copy of the tree, and sees
// whether a test minds. The outcome is in stryker/RESULTS.md: files that a run tries are written anew there, what it says
// of others stays. This clone remembers what became of each mutant (.cache/stryker-memory): the next run tries only what a
// change of the file or of its tests concerns. `-- --only <name>` tries one file (may be repeated), `--changed` those
// that are others than the page says, `--force` all mutants again, `--page` none: it writes the page with the reasons of
// survivors.json. `--concurrency <n>`, 2 unless told.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';
import { repository } from '../scripts/workspaces.mjs';
import { Memory } from './memory.mjs';
import { scoreOf } from './outcome.mjs';
import { faultsOf, isCurrent, outcomesOf, PAGE, pageOf } from './page.mjs';

const SCRATCH = '.cache/stryker';
const REPORT = `${SCRATCH}/incremental.json`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    changed: { type: 'boolean', default: false },
    force: { type: 'boolean', default: false },
    page: { type: 'boolean', default: false },
    concurrency: { type: 'string', default: '2' },
  },
});

process.chdir(repository);
const targets = JSON.parse(readFileSync('stryker/targets.json', 'utf8'));
const names = Object.keys(targets);
const unknown = (options.only ?? []).filter((name) => !names.includes(name));
if (unknown.length > 0) throw new Error(`not in stryker/targets.json: ${unknown.join(', ')}`);

const outcomes = outcomesOf(readFileSync(PAGE, 'utf8'));
for (const name of options.page ? [] : names) {
  if (!(options.only?.includes(name) ?? true)) continue;
  if (options.changed && isCurrent(name, targets[name], outcomes.get(name))) continue;
  outcomes.set(name, await attempt(new Memory(name, targets[name])));
  // Whole runs take hours: what is known is not lost when one is stopped.
  writeFileSync(PAGE, pageOf(targets, outcomes));
}
writeFileSync(PAGE, pageOf(targets, outcomes));
const faults = faultsOf(targets, outcomes);
for (const fault of faults) console.log(fault);
const tried = names.filter((name) => outcomes.has(name)).map((name) => outcomes.get(name));
console.log(`${scoreOf(tried).toFixed(1)} % of the mutants were noticed`);
process.exitCode = faults.length === 0 ? 0 : 1;

/** Tries the mutants of one file. Throws if its tests do not pass as the tree is. */
async function attempt(memory) {
  mkdirSync(SCRATCH, { recursive: true });
  rmSync(REPORT, { force: true });
  const known = options.force ? undefined : memory.report();
  if (known !== undefined) writeFileSync(REPORT, JSON.stringify(known));
  const started = Date.now();
  await new Stryker(settingsOf(memory)).runMutationTest();
  if (!existsSync(REPORT)) throw new Error(`Stryker left no report of ${memory.name}`);
  const outcome = memory.keep(JSON.parse(readFileSync(REPORT, 'utf8')), lastCommitOf(memory.file));
  const seconds = Math.round((Date.now() - started) / 1000);
  const mutants = outcome.counts.reduce((sum, count) => sum + count, 0);
  console.log(`${memory.name}: ${scoreOf([outcome]).toFixed(1)} % of ${mutants} in ${seconds} s`);
  return outcome;
}

/** @returns {any} whose log level is not of an enumeration, since that has no values at run time */
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
