// `npm run walks`: a great many of the random walks of test/freshness, on every core. `-- --walks <n>` says how many,
// `--seed <n>` which, `--jobs <n>` uses so many processes, `--write` keeps the outcome in test/results/walks.md.
import { execFileSync, fork } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { walkRowsOf, walksPage } from './testing/walks-page.mjs';
import { repository } from './workspaces.mjs';

const PART = `${repository}/test/freshness/walk-part.ts`;
const LOADER = new URL('jest/source-loader.mjs', import.meta.url).href;
const PAGE = `${repository}/test/results/walks.md`;
const SAID_EVERY_MS = 60_000;

const { walks, seed, jobs, write } = wanted();
const begun = Date.now();
const counts = new Map();
const reports = [];
const takenBy = Array.from({ length: jobs }, () => 0);
const taken = () => takenBy.reduce((sum, one) => sum + one, 0);

console.log(`${walks} walks, seed ${seed}, ${jobs} at a time`);
const children = takenBy.map((_taken, at) => startPart(at));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
const saying = setInterval(say, SAID_EVERY_MS);
const codes = await Promise.all(children.map(({ ended }) => ended));
clearInterval(saying);

for (const report of reports) console.log(`\n${report}`);
const isGood = reports.length === 0 && codes.every((code) => code === 0) && taken() === walks;
const outcome = reports.length > 0 ? `${reports.length} found` : isGood ? 'nothing found' : 'stopped, nothing found';
if (write && taken() > 0) keep();
console.log(`${taken()} walks, ${outcome}; seed ${seed}; ${minutes()} minutes`);
process.exitCode = isGood ? 0 : 1;

function wanted() {
  const whole = { type: 'string' };
  const options = { walks: whole, seed: whole, jobs: whole, write: { type: 'boolean', default: false } };
  const { values } = parseArgs({ options });
  const numberOf = (name, otherwise, least) => {
    const number = Number(values[name] ?? otherwise);
    if (Number.isSafeInteger(number) && number >= least) return number;
    console.error(`walks: --${name} is a whole number from ${least}`);
    return process.exit(2);
  };
  return {
    walks: numberOf('walks', 100_000, 1),
    seed: numberOf('seed', process.env.BULLA_TEST_SEED ?? randomInt(2 ** 31), 0),
    jobs: numberOf('jobs', availableParallelism(), 1),
    write: values.write,
  };
}

/** Every so-many-th walk is of one process: they end at about the same time. */
function startPart(at) {
  const child = fork(PART, [seed, at, walks, jobs].map(String), {
    execArgv: ['--conditions=bulla-source', `--import=${LOADER}`, '--no-warnings'],
  });
  child.on('message', (said) => {
    takenBy[at] = said.taken;
    for (const [what, times] of said.counts ?? []) counts.set(what, (counts.get(what) ?? 0) + times);
    if (said.report === undefined) return;
    reports.push(said.report);
    stop();
  });
  return { child, ended: new Promise((resolve) => child.once('close', resolve)) };
}

/** Each process ends the walk that it is in, and tells what it has. */
function stop() {
  for (const { child } of children) child.kill();
}

function say() {
  const left = ((Date.now() - begun) / Math.max(taken(), 1)) * (walks - taken());
  console.log(`${taken()} of ${walks} walks, about ${Math.ceil(left / 60_000)} minutes left`);
}

function minutes() {
  return ((Date.now() - begun) / 60_000).toFixed(1);
}

function keep() {
  const git = (...args) => execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--', '.', ':!test/results');
  const row = {
    walks: String(taken()),
    seed: String(seed),
    outcome,
    minutes: minutes(),
    commit: git('rev-parse', '--short=8', 'HEAD') + (changed === '' ? '' : ' and more'),
    date: new Date().toISOString().slice(0, 10),
  };
  const rows = existsSync(PAGE) ? walkRowsOf(readFileSync(PAGE, 'utf8')) : [];
  writeFileSync(PAGE, walksPage([row, ...rows], counts));
}
