import { relative } from 'node:path';

/**
 * Jest reporter: tells the process that started Jest (scripts/testing/jest-run.mjs) which file began and how each ended.
 * The messages have the shape of `FileEvent` there.
 */
export default class TellParent {
  #root;

  constructor({ rootDir }) {
    this.#root = rootDir;
    // The process that started us was killed: our workers and what tests have started end with us.
    process.once('disconnect', () => process.kill(-process.pid, 'SIGKILL'));
    // Listening alone must not keep a run alive that has ended.
    process.channel?.unref();
  }

  onTestFileStart({ path }) {
    this.#tell({ event: 'began', file: this.#name(path) });
  }

  onTestFileResult({ path }, result) {
    const { numPassingTests, numFailingTests, numPendingTests, numTodoTests, testExecError, perfStats } = result;
    const file = this.#name(path);
    this.#tell({
      event: 'ended',
      file,
      seconds: (perfStats.end - perfStats.start) / 1000,
      passed: numPassingTests,
      failed: numFailingTests,
      skipped: numPendingTests + numTodoTests,
    });
    // A file that does not load, or whose worker died, or where something threw outside of any test.
    if (testExecError) this.#tell({ event: 'broke', file, why: firstLine(testExecError) });
  }

  #name(path) {
    return relative(this.#root, path);
  }

  #tell(message) {
    process.send?.(message);
  }
}

function firstLine({ message, stack }) {
  return String(message || stack || 'it could not be run')
    .trim()
    .split('\n', 1)[0];
}
