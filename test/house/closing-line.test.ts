import { describe, expect, it } from '@jest/globals';
import { closingLine, countResults } from '../../scripts/jest/closing-line.mjs';

describe('closing line', () => {
  it('counts a file that could not run as a failure, and tests to be written as skipped', () => {
    const results = {
      numPassedTests: 5,
      numFailedTests: 2,
      numRuntimeErrorTestSuites: 1,
      numPendingTests: 3,
      numTodoTests: 4,
    };
    expect(countResults(results)).toEqual({ passed: 5, failed: 3, skipped: 7 });
  });

  it.each([
    ['a clean run', { passed: 9, failed: 0, skipped: 1 }, 0, '9 passed, 0 failed, 1 skipped'],
    ['failed tests', { passed: 9, failed: 2, skipped: 0 }, 1, '9 passed, 2 failed, 0 skipped'],
    ['a missed coverage gate', { passed: 9, failed: 0, skipped: 0 }, 1, '9 passed, 1 failed, 0 skipped'],
    ['a crash before any test', { passed: 0, failed: 0, skipped: 0 }, 134, '0 passed, 1 failed, 0 skipped'],
  ])('tells %s', (_name, counts, exitCode, line) => expect(closingLine(counts, exitCode)).toBe(line));
});
