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
  const cells = (row) => COLUMNS.map((column) => row[column].replaceAll('|', '\\|')).join(' | ');
  return [
    '# What the long run ended with',
    '',
    `Written by \`npm run test:long\`; the newest row on ${machine}. The command of a row, with its seed, runs that part again.`,
    '',
    '| part | command | outcome | minutes | commit | date |',
    '|---|---|---|---:|---|---|',
    ...rows.map((row) => `| ${cells(row)} |`),
    '',
    'What each guard, each parser and each file said: [mutants.md](mutants.md), [fuzzing](../../fuzz/RESULTS.md), [Stryker](../../stryker/RESULTS.md).',
    '',
  ].join('\n');
}

/**
 * The rows of such a page.
 * @param {string} page
 * @returns {LongRow[]}
 */
export function rowsOf(page) {
  const lines = page.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| part '));
  return lines.map((line) => {
    const cells = line.slice(2, -2).split(/(?<!\\) \| /);
    return Object.fromEntries(COLUMNS.map((column, at) => [column, (cells[at] ?? '').replaceAll('\\|', '|')]));
  });
}
