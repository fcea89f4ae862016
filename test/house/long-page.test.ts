import { expect, it } from '@jest/globals';
import { longPage, rowsOf } from '../../scripts/testing/long-page.mjs';
import { manyPage, manyRowsOf } from '../../scripts/testing/many-page.mjs';

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

it('the page of what is tried at random says what was tried, and what happened most first', () => {
  const row = {
    count: '300',
    seed: '7',
    outcome: 'nothing found',
    minutes: '0.5',
    commit: '0123abcd',
    date: '2026-01-02',
  };
  const happened = new Map([
    ['run: label_stale', 2],
    ['run: done', 1_234],
  ]);
  const page = manyPage(
    { name: 'walks', title: 'Random walks', about: 'walks' },
    [row, { ...row, seed: '6' }],
    happened,
  );
  expect(page).toContain('| 300 | 7 | nothing found | 0.5 | 0123abcd | 2026-01-02 |');
  expect(page).toMatch(/\| run: done \| 1,234 \|\n\| run: label_stale \| 2 \|/);
  expect(manyRowsOf(page)).toEqual([row, { ...row, seed: '6' }]);
});
