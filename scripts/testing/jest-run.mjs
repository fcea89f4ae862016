import { spawn } from 'node:child_process';
import { repository } from '../workspaces.mjs';

const LOADER = new URL('../jest/source-loader.mjs', import.meta.url).href;
const COVERAGE_PROBE = new URL('../jest/coverage-probe.mjs', import.meta.url).href;

/**
 * Runs Jest once, to its end.
 * @param {readonly string[]} args of Jest
 * @param {{ record: import('./record.mjs').TestRecord, environment: NodeJS.ProcessEnv, fileMinutesMax: number,
 *   coverageFolder?: string, signal: AbortSignal }} run `coverageFolder` takes what each worker covered;
 *   a file that is at work for longer than `fileMinutesMax` hangs: Jest is stopped
 * @returns {Promise<number>} the exit code; 1 where it was stopped or killed
 */
export async function runJest(args, { record, environment, fileMinutesMax, coverageFolder, signal }) {
  const child = spawn(
    process.execPath,
    [
      // Workspaces' sources instead of their builds; Jest's workers are started with the same options.
      '--conditions=bulla-source',
      `--import=${LOADER}`,
      ...(coverageFolder === undefined ? [] : [`--import=${COVERAGE_PROBE}`]),
      '--no-warnings',
      `${repository}/node_modules/jest/bin/jest.js`,
      ...args,
    ],
    {
      cwd: repository,
      // A process group of its own: a worker that hangs, and what tests have started, end with it.
      detached: true,
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      env: { ...environment, ...(coverageFolder !== undefined && { BULLA_TEST_COVERAGE: coverageFolder }) },
    },
  );
  child.on('message', (event) => record.note(event));
  const kill = (signalName) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signalName);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  };
  const stop = () => kill('SIGTERM');
  signal.addEventListener('abort', stop);
  const watch = setInterval(() => {
    if (record.running().some(({ seconds }) => seconds > fileMinutesMax * 60)) kill('SIGKILL');
  }, 5_000);
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject).on('close', (code) => resolve(code ?? 1));
    });
  } finally {
    clearInterval(watch);
    signal.removeEventListener('abort', stop);
  }
}
