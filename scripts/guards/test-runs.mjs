import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repository } from '../workspaces.mjs';
import { jestPart } from './jest-parts.mjs';

/** Longest run of one test file; a guard that is gone may leave somebody waiting. */
const RUN_TIMEOUT_MS = 180_000;
const PROCESS = fileURLToPath(new URL('test-process.mjs', import.meta.url));
/** Every row of a table is there, so that the one which is named for a guard is too, and chance chooses the same twice. */
const ENVIRONMENT = {
  NODE_ENV: 'test',
  NO_COLOR: '1',
  BULLA_TEST_LONG: '1',
  BULLA_TEST_SEED: process.env.BULLA_TEST_SEED ?? '1',
};
const LOADER = new URL('../jest/source-loader.mjs', import.meta.url).href;

/**
 * What became of the tests of a file that have the wanted name; `error` where the file did not run.
 * @typedef {{ tests: { fullName: string, status: string, failureMessages: string[] }[], error?: string }} FileResult
 */

/** Processes that run tests of the tree, as it is or with another text for one source; the tree is never touched. */
export class TestRuns {
  #folder = mkdtempSync(join(tmpdir(), 'bulla-guards-'));
  #globalConfig;
  #projects;
  #running = new Set();

  /** @returns {Promise<TestRuns>} */
  static async start() {
    const { readConfigs } = jestPart('jest-config');
    const { globalConfig, configs } = await readConfigs({ $0: '', _: [] }, [repository]);
    return new TestRuns(globalConfig, configs);
  }

  constructor(globalConfig, configs) {
    this.#globalConfig = globalConfig;
    // The longest folder first: the project of the whole tree is around all others.
    this.#projects = configs.toSorted((one, other) => other.rootDir.length - one.rootDir.length);
  }

  /**
   * Runs tests of one file after the other in one process.
   * @param {string[]} queue files from the root of the repository; others may take from it too
   * @param {string} pattern of the tests' full names
   * @param {number} worker from 1, another for each of those at work at the same time
   * @param {(file: string, result: FileResult) => void} done
   */
  async runFiles(queue, pattern, worker, done) {
    let child;
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      child ??= this.#fork(worker);
      done(file, await this.#ask(child, file, pattern));
      // Ended because it took too long, or crashed: the next file begins anew.
      if (child.exitCode !== null || child.signalCode !== null) child = undefined;
    }
    child?.kill('SIGKILL');
  }

  /**
   * Runs tests of one file in a process of its own, where one source has another text.
   * @param {string} file
   * @param {string} pattern
   * @param {number} worker
   * @param {{ file: string, text: string }} source
   * @returns {Promise<FileResult>}
   */
  async runWith(file, pattern, worker, source) {
    const path = join(this.#folder, `${worker}.json`);
    writeFileSync(path, JSON.stringify({ file: `${repository}/${source.file}`, text: source.text }));
    const child = this.#fork(worker, path);
    try {
      return await this.#ask(child, file, pattern);
    } finally {
      child.kill('SIGKILL');
    }
  }

  /** Ends what runs. */
  end() {
    for (const child of this.#running) child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #fork(worker, source) {
    const env = { ...process.env, ...ENVIRONMENT, BULLA_GUARD_WORKER: String(worker) };
    delete env.FORCE_COLOR;
    if (source !== undefined) env.BULLA_GUARD_SOURCE = source;
    const execArgv = ['--conditions=bulla-source', `--import=${LOADER}`, '--no-warnings'];
    const child = fork(PROCESS, { cwd: repository, env, execArgv, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    this.#running.add(child);
    child.on('close', () => this.#running.delete(child));
    return child;
  }

  #ask(child, file, testNamePattern) {
    const path = `${repository}/${file}`;
    const config = this.#projects.find(({ rootDir }) => path.startsWith(`${rootDir}/`));
    const { promise, resolve } = Promise.withResolvers();
    const timer = setTimeout(() => child.kill('SIGKILL'), RUN_TIMEOUT_MS);
    const onClose = (code, signal) => resolve({ tests: [], error: `its process ended: ${signal ?? code}` });
    child.once('message', resolve).once('close', onClose);
    child.send({ path, config, globalConfig: { ...this.#globalConfig, testNamePattern } });
    return promise.finally(() => {
      clearTimeout(timer);
      child.off('message', resolve).off('close', onClose);
    });
  }
}
