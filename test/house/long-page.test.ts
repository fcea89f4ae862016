import { expect, it } from '@jest/globals';
import { longPage, rowsOf } from '../../scripts/testing/long-page.mjs';

const ROW = {
  name: 'tests',
  command: 'BULLA_TEST_SEED=7 npm run test',
  outcome: 'passed: 9 passed, 0 failed | 0 skipped',
  minutes: '3.5',
  commit: '0123abcd',
  date: '2026-01-02',
};

it('the page of long runs says what was run, and is read again as it was written', () => {
  const page = longPage([ROW, { ...ROW, name: 'fuzz' }], '2 × a processor');
  expect(page).toContain('| tests | BULLA_TEST_SEED=7 npm run test | passed: 9 passed, 0 failed \\| 0 skipped | 3.5 |');
  expect(rowsOf(page)).toEqual([ROW, { ...ROW, name: 'fuzz' }]);
});
