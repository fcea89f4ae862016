// `npm run house`: type check, linter, import table and format, once each on the whole tree. What each of them runs is
// the script of that name in package.json. `-- <name>…` runs only those. `npm test` runs all of them beside the tests.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { repository } from './workspaces.mjs';

/** Scripts of package.json, the longest first: two of them run at a time. */
export const HOUSE_CHECKS = ['lint', 'types', 'depcheck', 'format:check'];
const AT_ONCE = 2;
/** Two of them are Go programs: with four times the memory they spend a fifth less time on collecting it. */
const GOGC = '400';
/** On one processor each of them looks at every type once; with two they look at most of them twice, to end earlier. */
const GOMAXPROCS = '1';

/**
 * Runs the checks and prints a line for each when it ends, with its output if it failed.
 * @param {{ names?: readonly string[], folder?: string, signal?: AbortSignal, print?: (text: string) => void,
 *   patient?: boolean }} [options]
 * by default all checks, of this repository, on standard output; the signal ends those that run and begins no other.
 *   With `patient` they leave the processors to whatever else wants them, and take longer for less work
 * @returns {Promise<{ name: string, passed: boolean, seconds: number }[]>} of those that began, in the order of the names
 */
export async function checkHouse({
  names = HOUSE_CHECKS,
  folder = repository,
  signal,
  print = printLine,
  patient = false,
} = {}) {
  const { scripts } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  const unknown = names.filter((name) => scripts[name] === undefined);
  if (unknown.length > 0) throw new Error(`package.json has no script ${unknown.join(', ')}.`);
  const results = [];
  const waiting = names.entries();
  const work = async () => {
    // Each takes from the same list what the other has not taken.
    for (const [at, name] of waiting) {
      if (signal?.aborted) return;
      const { passed, seconds, output } = await run(scripts[name], folder, signal, patient);
      print(`${passed ? 'passed' : 'FAILED'} ${seconds.toFixed(1).padStart(6)} s  ${name}`);
      if (!passed) print(output.trimEnd());
      results[at] = { name, passed, seconds };
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results.filter((result) => result !== undefined);
}

/** Runs one script as npm would, without the time that npm takes to start. */
async function run(script, folder, signal, patient) {
  const started = performance.now();
  const path = `${repository}/node_modules/.bin:${process.env.PATH}`;
  const child = spawn('nice', ['-n', patient ? '10' : '0', 'sh', '-c', `exec ${script}`], {
    cwd: folder,
    env: { ...process.env, PATH: path, GOGC, ...(patient && { GOMAXPROCS }) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = () => child.kill();
  signal?.addEventListener('abort', stop);
  try {
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    }
    const [code] = await once(child, 'close');
    return { passed: code === 0, seconds: (performance.now() - started) / 1000, output };
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function printLine(text) {
  process.stdout.write(`${text}\n`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const names = process.argv.slice(2);
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopped.abort());
  const results = await checkHouse({ ...(names.length > 0 && { names }), signal: stopped.signal });
  process.exitCode = !stopped.signal.aborted && results.every(({ passed }) => passed) ? 0 : 1;
}
