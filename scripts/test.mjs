// What `npm test` runs: the checks of the whole tree, every test of every workspace with the coverage gate, the tests
// across workspaces, and at the end those that need the machine to themselves. With arguments: the tests that Jest
// selects by them, and nothing else. Prints the seconds of each file, what went wrong, and last `N passed, N failed, N skipped`.
import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { findPostgres } from '@bulla/testkit';
import jestConfig from '../jest.config.mjs';
import { checkHouse } from './house.mjs';
import { judgeCoverage } from './testing/coverage.mjs';
import { runJest } from './testing/jest-run.mjs';
import { declaredProblems, unprovoked } from './testing/problems.mjs';
import { closingLine, secondsTable, TestRecord } from './testing/record.mjs';
import { isWholeSuite, tiers } from './testing/selection.mjs';
import { repository } from './workspaces.mjs';

const CACHE = `${repository}/.cache`;
/** The longest that a file may be at work before it counts as hanging; every test has a limit below that. */
const FILE_MINUTES_MAX = process.env.BULLA_TEST_LONG === '1' ? 60 : 12;

const jestArguments = process.argv.slice(2);
const seed = Number(process.env.BULLA_TEST_SEED ?? randomInt(2 ** 31));
const environment = { ...process.env, BULLA_TEST_SEED: String(seed) };
const randomized = jestArguments.includes('--randomize') ? [`--seed=${seed}`] : [];
const record = new TestRecord();
const stopped = new AbortController();
const started = Date.now();
let tierName = '';

process.on('exit', close);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop(signal));

mkdirSync(CACHE, { recursive: true });
process.exitCode = isWholeSuite(jestArguments) ? await runAll() : await run(jestArguments);

async function runAll() {
  let worst = 0;
  environment.BULLA_TEST_PROBLEMS = `${CACHE}/problems-${process.pid}.txt`;
  writeFileSync(environment.BULLA_TEST_PROBLEMS, '');
  const house = checkHouse({ signal: stopped.signal, patient: true }).then((checks) =>
    checks.forEach((one) => record.noteCheck(one)),
  );
  const projects = jestConfig.projects.map(({ displayName }) => displayName);
  for (const { name, args, coverage } of tiers(projects, jestArguments)) {
    if (stopped.signal.aborted) break;
    tierName = name;
    console.log(`\n--- ${name}\n`);
    worst = Math.max(worst, await (coverage ? runCovered(args) : run([...args, ...jestArguments])));
  }
  await house;
  judgeProblems(environment.BULLA_TEST_PROBLEMS);
  const table = secondsTable(record.seconds(), (Date.now() - started) / 1000);
  writeFileSync(`${CACHE}/file-seconds.txt`, table);
  console.log(`\n${table}`);
  return record.troubles().length > 0 ? Math.max(worst, 1) : worst;
}

async function runCovered(args) {
  const folder = mkdtempSync(`${CACHE}/coverage-`);
  try {
    const code = await run([...args, ...jestArguments], folder);
    if (stopped.signal.aborted) return code;
    const faults = await judgeCoverage(folder);
    record.noteCheck({ name: 'coverage', passed: faults.length === 0 });
    for (const fault of faults) console.log(fault);
    return faults.length === 0 ? code : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether the interface lists no problem that no test has provoked; a run that was stopped says nothing about it. */
function judgeProblems(file) {
  if (stopped.signal.aborted) return;
  const hasServer = findPostgres() !== undefined;
  const missing = unprovoked(declaredProblems(), readFileSync(file, 'utf8'), { hasServer });
  record.noteCheck({ name: 'every problem of the interface is provoked', passed: missing.length === 0 });
  for (const line of missing) console.log(`no test provokes: ${line}`);
  rmSync(file);
}

function run(args, coverageFolder) {
  const how = { record, environment, fileMinutesMax: FILE_MINUTES_MAX, coverageFolder, signal: stopped.signal };
  return runJest([...randomized, ...args], how);
}

function stop(signal) {
  if (stopped.signal.aborted) process.exit(1);
  console.log(`\nstopped by ${signal}${tierName === '' ? '' : ` during ${tierName}`}`);
  process.exitCode = 1;
  stopped.abort();
  // A time limit kills soon after it asks: what is known is said before.
  setTimeout(() => process.exit(1), 10_000).unref();
}

function close(code) {
  const troubles = record.troubles();
  const lines = ['', ...troubles, `seed: BULLA_TEST_SEED=${seed}`, closingLine(record.counts(), code), ''];
  writeSync(1, lines.join('\n'));
}
