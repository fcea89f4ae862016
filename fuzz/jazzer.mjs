// One target under Jazzer.js: how it is started, and what its output says.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { repository } from '../scripts/workspaces.mjs';

const COMMAND = `${repository}/fuzz/node_modules/@jazzer.js/core/dist/cli.js`;
/** The largest document of the golden vectors in its parts; also what a person can look at. */
export const INPUT_BYTES_MAX = 16_384;
/** An input that takes longer than this hangs its reader. */
const HANG_MS = 10_000;
/** libFuzzer's names of what it writes when it stops. */
const FINDING = /^(crash|timeout|oom|slow-unit|leak)-/;

/**
 * @typedef {object} Target
 * @property {string} name
 * @property {string} module the built file that exports `fuzz`
 * @property {string} corpus folder of the inputs to begin with; it need not be there
 * @property {string[]} instrumented folders of the files whose coverage guides the search
 *
 * @typedef {object} Outcome
 * @property {string} name
 * @property {number} executions
 * @property {number} seconds
 * @property {number} newUnits inputs that reached what none before them had
 * @property {number} coverage counters of the instrumented files that were reached
 * @property {string[]} findings files, each an input that must not do what it does
 * @property {string | undefined} fault why it did not run to its end, where it is no finding
 * @property {string} output all that was said
 */

/**
 * Fuzzes one target.
 * @param {Target} target
 * @param {{ seconds: number, work: string, hangMs?: number }} options `work`: a folder for what is found and kept
 * @returns {Promise<Outcome>}
 */
export async function fuzzTarget(target, { seconds, work, hangMs = HANG_MS }) {
  const [units, findings] = [join(work, target.name, 'units'), join(work, target.name, 'findings')];
  rmSync(join(work, target.name), { recursive: true, force: true });
  for (const folder of [units, findings, target.corpus]) mkdirSync(folder, { recursive: true });
  const { fuzz } = await import(pathToFileURL(target.module).href);
  // One that answers at once is called without a turn of the event loop, several times as often.
  const sync = fuzz.constructor.name === 'AsyncFunction' ? [] : ['--sync'];
  const began = performance.now();
  const { ending, output } = await run([
    target.module,
    units,
    target.corpus,
    ...sync,
    `--timeout=${hangMs}`,
    ...instrumentation(target),
    '--',
    `-max_total_time=${seconds}`,
    `-max_len=${INPUT_BYTES_MAX}`,
    `-dict=${repository}/fuzz/dictionary.txt`,
    `-artifact_prefix=${findings}/`,
    '-print_final_stats=1',
    '-use_value_profile=1',
  ]);
  const found = readdirSync(findings)
    .filter((file) => FINDING.test(file))
    .map((file) => join(findings, file));
  return {
    name: target.name,
    ...readOutput(output),
    seconds: (performance.now() - began) / 1000,
    newUnits: readdirSync(units).length,
    findings: found,
    fault: ending === 0 || found.length > 0 ? undefined : `it ended with ${ending} and nothing found`,
    output,
  };
}

/**
 * The inputs that reach what the corpus does not, as few and small as libFuzzer finds them.
 * @param {Target} target after `fuzzTarget` with the same folder
 * @param {{ work: string }} options
 * @returns {Promise<Buffer[]>}
 */
export async function newInputs(target, { work }) {
  const [units, merged] = [join(work, target.name, 'units'), join(work, target.name, 'merged')];
  mkdirSync(merged, { recursive: true });
  for (const file of readdirSync(target.corpus)) copyFileSync(join(target.corpus, file), join(merged, file));
  // Without counters an input is new by what it reaches, not by how often.
  await run([
    target.module,
    merged,
    units,
    ...instrumentation(target),
    '--',
    '-merge=1',
    '-use_counters=0',
    `-max_len=${INPUT_BYTES_MAX}`,
  ]);
  const known = new Set(readdirSync(target.corpus));
  return readdirSync(merged)
    .filter((file) => !known.has(file))
    .map((file) => readFileSync(join(merged, file)));
}

/**
 * What libFuzzer says when it has ended, or was stopped by a finding.
 * @param {string} output
 * @returns {{ executions: number, coverage: number }}
 */
export function readOutput(output) {
  const last = (pattern) => Number([...output.matchAll(pattern)].at(-1)?.[1] ?? 0);
  return {
    executions: Math.max(last(/^stat::number_of_executed_units:\s+(\d+)$/gm), last(/^#(\d+)\s/gm)),
    coverage: last(/^#\d+\s+\S+\s+cov: (\d+)/gm),
  };
}

/** @param {Target} target */
function instrumentation({ instrumented }) {
  return [...instrumented.map((folder) => `--includes=${folder}`), '--excludes=node_modules/'];
}

/** @param {readonly string[]} args */
async function run(args) {
  const child = spawn(process.execPath, ['--no-warnings', COMMAND, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = (signal) => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
  /** @type {Buffer[]} */
  const pieces = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => pieces.push(piece));
  const [code, killedBy] = await once(child, 'close');
  for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, stop);
  return { ending: code ?? killedBy, output: Buffer.concat(pieces).toString('utf8') };
}
