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
const SETUP = fileURLToPath(new URL('setup-process.mjs', import.meta.url));
/** Every row of a table is there, so that the one which is named for a guard is too, and chance chooses the same twice. */
const ENVIRONMENT = {
  NODE_ENV: 'test',
  NO_COLOR: '1',
  BULLA_TEST_LONG: '1',
  BULLA_TEST_SEED: process.env.BULLA_TEST_SEED ?? '1',
};
const LOADER = new URL('../jest/source-loader.mjs', import.meta.url).href;
/** As `npm test` starts Jest and its workers. */
const HOW = { cwd: repository, execArgv: ['--conditions=bulla-source', `--import=${LOADER}`, '--no-warnings'] };

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
  #setup;
  #prepared = {};
  #isEnded = false;

  /**
   * @param {readonly string[]} files that will run: what their projects want is prepared, as in a run of Jest
   * @returns {Promise<TestRuns>}
   */
  static async start(files) {
    const { readConfigs } = jestPart('jest-config');
    const { globalConfig, configs } = await readConfigs({ $0: '', _: [] }, [repository]);
    const runs = new TestRuns(globalConfig, configs);
    await runs.#prepare(files);
    return runs;
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

  /** Ends what runs, and takes away what was prepared. */
  async end() {
    this.#isEnded = true;
    for (const child of this.#running) child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
    if (this.#setup?.connected !== true) return;
    const { promise, resolve } = Promise.withResolvers();
    this.#setup.once('exit', resolve);
    this.#setup.disconnect();
    await promise;
  }

  async #prepare(files) {
    const projects = [...new Set(files.map((file) => this.#projectOf(file)))];
    const pathsOf = (name) => [...new Set(projects.flatMap((project) => project[name] ?? []))];
    const setups = pathsOf('globalSetup');
    if (setups.length === 0) return;
    this.#setup = fork(SETUP, { ...HOW, env: { ...process.env, ...ENVIRONMENT }, stdio: 'inherit' });
    const { promise, resolve, reject } = Promise.withResolvers();
    this.#setup.once('message', resolve);
    this.#setup.once('exit', (code) => reject(new Error(`what tests share could not be prepared: ${code}`)));
    this.#setup.send({ setups, teardowns: pathsOf('globalTeardown') });
    this.#prepared = await promise;
  }

  #fork(worker, source) {
    const env = { ...process.env, ...ENVIRONMENT, ...this.#prepared, BULLA_GUARD_WORKER: String(worker) };
    delete env.FORCE_COLOR;
    if (source !== undefined) env.BULLA_GUARD_SOURCE = source;
    const child = fork(PROCESS, { ...HOW, env, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    this.#running.add(child);
    child.on('close', () => this.#running.delete(child));
    return child;
  }

  #projectOf(file) {
    return this.#projects.find(({ rootDir }) => `${repository}/${file}`.startsWith(`${rootDir}/`));
  }

  #ask(child, file, testNamePattern) {
    const path = `${repository}/${file}`;
    const config = this.#projectOf(file);
    const { promise, resolve } = Promise.withResolvers();
    const timer = setTimeout(() => child.kill('SIGKILL'), RUN_TIMEOUT_MS);
    const onClose = (code, signal) => resolve({ tests: [], error: `its process ended: ${signal ?? code}` });
    child.once('message', resolve).once('close', onClose);
    child.send({ path, config, globalConfig: { ...this.#globalConfig, testNamePattern } });
    return promise.finally(() => {
      clearTimeout(timer);
      child.off('message', resolve).off('close', onClose);
      // A caller that waits for more would begin the next.
      return this.#isEnded ? new Promise(() => {}) : undefined;
    });
  }
}
