import { writeSync } from 'node:fs';

/** Jest reporter: prints `N passed, N failed, N skipped` alone on the last line, after the coverage report. */
export default class ClosingLine {
  #counts = { passed: 0, failed: 0, skipped: 0 };

  constructor() {
    // Jest runs its coverage reporter after every reporter of the configuration; only the process's end comes later.
    process.on('exit', (code) => writeSync(1, `\n${closingLine(this.#counts, code)}\n`));
  }

  onRunComplete(_contexts, results) {
    this.#counts = countResults(results);
  }
}

/**
 * A file that could not run counts as one failure, since none of its tests was counted.
 * @param {{ numPassedTests: number, numFailedTests: number, numRuntimeErrorTestSuites: number, numPendingTests: number, numTodoTests: number }} results
 */
export function countResults(results) {
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
    skipped: results.numPendingTests + results.numTodoTests,
  };
}

/**
 * The line itself. A run that ends badly without a failed test (the coverage gate, a crash, no test at all) is one failure.
 * @param {{ passed: number, failed: number, skipped: number }} counts
 * @param {number} exitCode of the test run
 */
export function closingLine({ passed, failed, skipped }, exitCode) {
  return `${passed} passed, ${exitCode !== 0 ? Math.max(failed, 1) : failed} failed, ${skipped} skipped`;
}
