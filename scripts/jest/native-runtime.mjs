import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);

/** Where what a test file imports from `@jest/globals` stands while it runs: jest-globals.mjs reads it. */
const GLOBALS = Symbol.for('bulla.jest-globals');
/** Where source-loader.mjs says which source map belongs to which file. */
const SOURCE_MAPS = Symbol.for('bulla.source-maps');
/** Who counts what a test file covered: coverage-probe.mjs. */
const FILE_ENDED = Symbol.for('bulla.test-file-ended');
/** Jest's own name of its list of listeners, which belong to one test file. */
const EVENT_HANDLERS = Symbol.for('EVENT_HANDLERS');

/**
 * Jest runtime without a module registry of its own: Node imports test files and sources, each module once in a process
 * (Jest's own runtime would evaluate every module anew for every test file). It is the part of jest-runtime's interface
 * that jest-runner and jest-circus use; what the tests do not use is not here and throws.
 */
export default class NativeRuntime {
  #mocker;
  #timers;

  constructor(_config, environment) {
    this.#mocker = environment.moduleMocker;
    this.#timers = environment.fakeTimersModern;
  }

  /** jest-circus keeps tests and listeners of one file in its module: a new one for each file. */
  requireInternalModule(path) {
    delete require.cache[path];
    delete globalThis[EVENT_HANDLERS];
    return require(path);
  }

  requireModule(path) {
    return require(path);
  }

  unstable_shouldLoadAsEsm() {
    return true;
  }

  unstable_importModule(path) {
    return import(pathToFileURL(path).href);
  }

  setGlobalsForRuntime(globals) {
    const mocker = this.#mocker;
    const timers = this.#timers;
    globalThis[GLOBALS] = {
      ...globals,
      jest: {
        fn: mocker.fn.bind(mocker),
        spyOn: mocker.spyOn.bind(mocker),
        restoreAllMocks: () => mocker.restoreAllMocks(),
        useFakeTimers: () => timers.useFakeTimers(),
        useRealTimers: () => timers.useRealTimers(),
        advanceTimersByTimeAsync: (ms) => timers.advanceTimersByTimeAsync(ms),
      },
    };
  }

  getSourceMaps() {
    return globalThis[SOURCE_MAPS];
  }

  getAllCoverageInfoCopy() {
    return undefined;
  }

  clearAllMocks() {
    this.#mocker.clearAllMocks();
  }

  resetAllMocks() {
    this.#mocker.resetAllMocks();
  }

  restoreAllMocks() {
    this.#mocker.restoreAllMocks();
  }

  /** Jest's runtime refuses imports between tests; here they are Node's. */
  enterTestCode() {}

  leaveTestCode() {}

  teardown() {
    globalThis[FILE_ENDED]?.();
  }
}
