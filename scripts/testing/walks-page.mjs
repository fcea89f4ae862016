import { tableLines, tableRows } from './page-table.mjs';

/**
 * A run of walks and what it ended with.
 * @typedef {{ walks: string, seed: string, outcome: string, minutes: string, commit: string, date: string }} WalksRow
 */
const COLUMNS = ['walks', 'seed', 'outcome', 'minutes', 'commit', 'date'];
const ROWS_MAX = 10;

/**
 * The page that is kept of runs of walks.
 * @param {readonly WalksRow[]} rows the newest first
 * @param {ReadonlyMap<string, number>} counts how often what happened, in the newest run
 */
export function walksPage(rows, counts) {
  const happened = [...counts]
    .toSorted(([, one], [, other]) => other - one)
    .map(([what, times]) => ({ what, times: times.toLocaleString('en-US') }));
  return [
    '# Random walks',
    '',
    'Written by `npm run walks -- --write`, the newest run first: short histories of a small organisation whose people and renewers act while a vault shows each of them what it likes ([freshness.md](../../docs/spec/freshness.md)). `npm run walks -- --seed <seed> --walks <walks>` takes the walks of a row again.',
    '',
    '| walks | seed | outcome | minutes | commit | date |',
    '|---:|---:|---|---:|---|---|',
    ...tableLines(COLUMNS, rows.slice(0, ROWS_MAX)),
    '',
    '## What happened in the newest run',
    '',
    '| what, and what it came to | times |',
    '|---|---:|',
    ...tableLines(['what', 'times'], happened),
    '',
  ].join('\n');
}

/**
 * The rows of such a page.
 * @param {string} page
 * @returns {WalksRow[]}
 */
export function walkRowsOf(page) {
  return tableRows(COLUMNS, page);
}
