// `npm run fuzz`: every parser under Jazzer.js (docs/decisions/2026-11-26-fuzzing.md).
import { createHash } from 'node:crypto';
import { cpus } from 'node:os';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { repository } from '../scripts/workspaces.mjs';
import { fuzzTarget, newInputs } from './jazzer.mjs';
import { pageOf, tableOf } from './report.mjs';
import { controls, targetNames, targetOf } from './targets.mjs';

const HELP = `usage: npm run fuzz -- [options]

Gives every parser inputs that are made from the corpus and guided by coverage.
Exits with 1 when one does what it must not, and names the input.

  --seconds <n>    for each target (60)
  --only <target>  this one; may be given several times
  --jobs <n>       so many at once (1)
  --keep           put inputs that reach something new into the corpus
  --write          keep the table in fuzz/RESULTS.md
  --help           this text
`;
/** Ignored by git. */
const WORK = `${repository}/.cache/fuzz`;
/** A machine that is busy with other things has this long to find what was planted; it takes a second or two. */
const CONTROL_SECONDS = 60;
const CONTROL_HANG_MS = 1_000;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    only: { type: 'string', multiple: true },
    jobs: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) process.stdout.write(HELP);
else process.exitCode = await run(wholeNumber('seconds'), wholeNumber('jobs'), values.only ?? targetNames());

/**
 * @param {number} seconds
 * @param {number} jobs
 * @param {readonly string[]} names
 */
async function run(seconds, jobs, names) {
  const unknown = names.find((name) => !targetNames().includes(name));
  if (unknown !== undefined) throw new Error(`there is no target ${unknown}: ${targetNames().join(', ')}`);
  const planted = [];
  for (const control of controls(WORK)) {
    const outcome = await fuzzTarget(control, { seconds: CONTROL_SECONDS, work: WORK, hangMs: CONTROL_HANG_MS });
    planted.push(outcome);
    if (outcome.findings.length === 0) {
      say(outcome.output, `fuzz: error: the fault of ${control.name} was not found, so a run says nothing`);
      return 1;
    }
    say(`fuzz: ${control.name} found after ${outcome.executions} inputs, as it has to be`);
  }
  const outcomes = [];
  const waiting = [...names];
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const outcome = await fuzzTarget(targetOf(name), { seconds, work: WORK });
      outcomes.push(outcome);
      say(`fuzz: ${name}: ${outcome.executions} inputs, ${outcome.findings.length} findings`);
      explain(outcome);
      if (values.keep) await keep(name);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  outcomes.sort((left, right) => names.indexOf(left.name) - names.indexOf(right.name));
  say('', tableOf(outcomes), '');
  if (values.write)
    writeFileSync(
      `${repository}/fuzz/RESULTS.md`,
      pageOf(outcomes, { seconds, controls: planted, machine: machine(), date: today() }),
    );
  const bad = outcomes.filter(({ findings, fault }) => findings.length > 0 || fault !== undefined);
  say(
    bad.length === 0
      ? `fuzz: ${outcomes.length} targets, no findings`
      : `fuzz: error: ${bad.map(({ name }) => name).join(', ')}`,
  );
  return bad.length === 0 ? 0 : 1;
}

/** @param {import('./jazzer.mjs').Outcome} outcome */
function explain({ name, findings, fault, output }) {
  if (findings.length === 0 && fault === undefined) return;
  say(
    output
      .split('\n')
      .filter((line) => !line.startsWith('INFO: '))
      .slice(-60)
      .join('\n'),
  );
  if (fault !== undefined) say(`fuzz: error: ${name}: ${fault}`);
  for (const file of findings)
    say(`fuzz: error: ${name}: found ${file}`, `fuzz: again: node fuzz/replay.mjs ${name} ${file}`);
}

/** @param {string} name */
async function keep(name) {
  const target = targetOf(name);
  for (const input of await newInputs(target, { work: WORK })) {
    const digest = createHash('sha256').update(input).digest('hex');
    writeFileSync(join(target.corpus, `found-${digest.slice(0, 16)}`), input);
  }
}

function machine() {
  return `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`;
}

function today() {
  return new Date().toISOString().slice(0, 10);
}

/** @param {'seconds' | 'jobs'} option */
function wholeNumber(option) {
  if (!/^[1-9][0-9]{0,5}$/.test(values[option])) throw new Error(`--${option} is a whole number from 1 on`);
  return Number(values[option]);
}

/** @param {readonly string[]} lines */
function say(...lines) {
  process.stdout.write(`${lines.join('\n')}\n`);
}
