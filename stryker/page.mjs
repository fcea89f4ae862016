import { readFileSync } from 'node:fs';
import { repository } from '../scripts/workspaces.mjs';
import { scoreOf } from './results.mjs';

/** Lowest share of mutants that tests must notice, in percent. */
export const SCORE_MIN = 85;

const verdicts = JSON.parse(readFileSync(`${repository}/stryker/survivors.json`, 'utf8'));

/**
 * The page of results, `stryker/RESULTS.md`.
 * @param {Result[]} results
 */
export function pageOf(results) {
  const known = results.filter(({ tried }) => tried);
  return [
    '# Mutation testing',
    '',
    'Written by `npm run stryker`. Each file was changed in one place after another, and its tests were run each time. A mutant is *killed* when one of them fails, *timed out* when they no longer end. The score is the share of both. Words of errors are left out (`messages.mjs`); regular expressions, schemas and constants are not. *Since changed* says that file or tests are others by now: `npm run stryker` tries what that concerns.',
    '',
    '| file | score | killed | timed out | survived | not reached | words | last changed in | |',
    '|---|---|---|---|---|---|---|---|---|',
    ...results.map(rowOf),
    `| all | ${percent(known)} | ${countsOf(known)} | | |`,
    '',
    '## Survivors',
    '',
    'Each with the reason why it may live, from `survivors.json`. A new one has none, and the run fails.',
    '',
    ...known.filter(({ survivors }) => survivors.length > 0).flatMap(sectionOf),
  ].join('\n');
}

/** What keeps a run from being good, in words. */
export function faultsOf(results) {
  const known = results.filter(({ tried }) => tried);
  const score = scoreOf(known);
  return [
    ...results.filter(({ tried }) => !tried).map(({ name }) => `${name} was not tried`),
    ...(score >= SCORE_MIN ? [] : [`the score is ${score.toFixed(1)} % and not ${SCORE_MIN} %`]),
    ...known.flatMap((result) => {
      const without = result.survivors.filter((mutant) => reasonOf(result, mutant) === undefined);
      return without.map((mutant) => `survived in ${result.name}: ${shortened(mutant.line)}: ${changeOf(mutant)}`);
    }),
    ...known.flatMap((result) => {
      const given = Object.entries(verdicts[result.name] ?? {});
      const pairs = given.flatMap(([line, reasons]) => Object.keys(reasons).map((change) => `${line}: ${change}`));
      const survivors = new Set(result.survivors.map((mutant) => `${shortened(mutant.line)}: ${changeOf(mutant)}`));
      return pairs.filter((pair) => !survivors.has(pair)).map((pair) => `no survivor in ${result.name}: ${pair}`);
    }),
  ];
}

function rowOf(result) {
  if (!result.tried) return `| \`${result.name}.ts\` | not tried | | | | | | | |`;
  const state = result.current ? '' : 'since changed';
  return `| \`${result.name}.ts\` | ${percent([result])} | ${countsOf([result])} | \`${result.commit}\` | ${state} |`;
}

function countsOf(results) {
  return ['Killed', 'Timeout', 'Survived', 'NoCoverage', 'Ignored']
    .map((status) => results.reduce((sum, result) => sum + result.count(status), 0))
    .join(' | ');
}

function percent(results) {
  return `${scoreOf(results).toFixed(1)} %`;
}

function sectionOf(result) {
  const rows = result.survivors.map((mutant) => {
    const cells = [
      mutant.location.start.line,
      `\`${changeOf(mutant)}\``,
      reasonOf(result, mutant) ?? '**no reason given**',
    ];
    return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [`### ${result.name}.ts`, '', '| line | what was changed | why it may live |', '|---|---|---|', ...rows, ''];
}

function reasonOf({ name }, mutant) {
  return verdicts[name]?.[shortened(mutant.line)]?.[changeOf(mutant)];
}

/** A mutant in words that stay when its line moves; its line itself tells it from others. */
function changeOf({ original, replacement }) {
  return `${shortened(original)} → ${shortened(replacement)}`;
}

function shortened(code) {
  const line = code.replaceAll(/\s+/g, ' ').replaceAll('`', "'").trim();
  return line.length > 80 ? `${line.slice(0, 60)} … ${line.slice(-17)}` : line;
}
