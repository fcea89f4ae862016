import { tableLines, tableRows } from './page-table.mjs';

/**
 * A run and what it ended with.
 * @typedef {{ count: string, seed: string, outcome: string, minutes: string, commit: string, date: string }} ManyRow
 */
const COLUMNS = ['count', 'seed', 'outcome', 'minutes', 'commit', 'date'];
const ROWS_MAX = 10;

/**
 * The page that is kept of what is tried at random a great many times.
 * @param {{ name: string, title: string, about: string }} many
 * @param {readonly ManyRow[]} rows the newest first
 * @param {ReadonlyMap<string, number>} counts how often what happened, in the newest run
 */
export function manyPage({ name, title, about }, rows, counts) {
  const happened = [...counts]
    .toSorted(([, one], [, other]) => other - one)
    .map(([what, times]) => ({ what, times: times.toLocaleString('en-US') }));
  return [
    `# ${title}`,
    '',
    `Written by \`npm run ${name} -- --write\`, the newest run first: ${about}. \`npm run ${name} -- --seed <seed> --count <count>\` does a row again.`,
    '',
    '| count | seed | outcome | minutes | commit | date |',
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
 * @returns {ManyRow[]}
 */
export function manyRowsOf(page) {
  return tableRows(COLUMNS, page);
}
