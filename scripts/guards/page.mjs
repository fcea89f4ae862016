import { CONTROL } from './marks.mjs';
import { closingLine } from './verdict.mjs';

/**
 * The page that a whole run leaves.
 * @param {object} run
 * @param {string} run.commit
 * @param {string} run.date ISO 8601
 * @param {number} run.seconds
 * @param {number} run.jobs
 * @param {readonly { name: string, file: string, test: string, verdict: string, seconds: number }[]} run.rows
 */
export function pageOf({ commit, date, seconds, jobs, rows }) {
  const outcomes = new Map(rows.map(({ name, verdict }) => [name, { verdict }]));
  return [
    '# Mutants',
    '',
    'Written by `npm run mutants -- --write`: each guard of the sources was removed, and its test had to fail.',
    `The guard \`${CONTROL}\` changes nothing and has to survive.`,
    '',
    '| commit | date | jobs | seconds |',
    '|---|---|---|---|',
    `| ${commit} | ${date} | ${jobs} | ${seconds.toFixed(0)} |`,
    '',
    `${closingLine(outcomes, seconds)}.`,
    '',
    '| guard | stands in | noticed by | verdict | seconds |',
    '|---|---|---|---|---|',
    ...rows.map(rowOf),
    '',
  ].join('\n');
}

/**
 * What a page says of each guard.
 * @param {string} page
 * @returns {Map<string, string>} verdicts by the guard's name
 */
export function verdictsOn(page) {
  const rows = page.matchAll(/^\| `([a-z0-9-]+)` \| `[^`]+` \| .+ \| (\w+) \| [0-9.]+ \|$/gm);
  return new Map([...rows].map(([, name, verdict]) => [name, verdict]));
}

function rowOf({ name, file, test, verdict, seconds }) {
  const cells = [`\`${name}\``, `\`${file}\``, test, verdict, seconds.toFixed(1)];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
