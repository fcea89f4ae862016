import { tableLines, tableRows } from './page-table.mjs';

/**
 * A part of the long run and what it ended with.
 * @typedef {{ name: string, command: string, outcome: string, minutes: string, commit: string, date: string }} LongRow
 */
const COLUMNS = ['name', 'command', 'outcome', 'minutes', 'commit', 'date'];

/**
 * The page that is kept of long runs.
 * @param {readonly LongRow[]} rows
 * @param {string} machine that the newest row is of
 */
export function longPage(rows, machine) {
  return [
    '# What the long run ended with',
    '',
    `Written by \`npm run test:long\`; the newest row on ${machine}. The command of a row, with its seed, runs that part again.`,
    '',
    '| part | command | outcome | minutes | commit | date |',
    '|---|---|---|---:|---|---|',
    ...tableLines(COLUMNS, rows),
    '',
    'What each guard, each parser and each file said, and what happened in walks and forged files: [mutants.md](mutants.md), [walks.md](walks.md), [forgeries.md](forgeries.md), [fuzzing](../../fuzz/RESULTS.md), [Stryker](../../stryker/RESULTS.md).',
    '',
  ].join('\n');
}

/**
 * The rows of such a page.
 * @param {string} page
 * @returns {LongRow[]}
 */
export function rowsOf(page) {
  return tableRows(COLUMNS, page);
}
