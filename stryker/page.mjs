import { readFileSync } from 'node:fs';
import { repository } from '../scripts/workspaces.mjs';
import { COUNTED, fingerprintOf, scoreOf, sourceOf, testsOf } from './outcome.mjs';

export const PAGE = 'stryker/RESULTS.md';
/** Lowest share of mutants that tests must notice, in percent. */
export const SCORE_MIN = 85;

const CODE = '`((?:\\\\\\||[^|`])*)`';
const ROW = new RegExp(
  `^\\| \`(\\S+)\\.ts\` \\| [\\d.]+ %((?: \\| \\d+){${COUNTED.length}}) \\| \`(\\w+)\` \\| \`(\\w+)\` \\|`,
  'gm',
);
const SURVIVOR = new RegExp(`^\\| ${CODE} \\| ${CODE} \\|`, 'gm');

/**
 * What a page says of each file: the page is the only record of files that a run does not try.
 * @param {string} page
 * @returns {Map<string, import('./outcome.mjs').Outcome>} by the name of the file
 */
export function outcomesOf(page) {
  const outcomes = new Map();
  for (const [, name, counts, commit, fingerprint] of page.matchAll(ROW)) {
    outcomes.set(name, { counts: counts.match(/\d+/g).map(Number), commit, fingerprint, survivors: [] });
  }
  for (const section of page.split(/^### /m).slice(1)) {
    const name = /^(\S+)\.ts\n/.exec(section)?.[1];
    for (const [, line, change] of section.matchAll(SURVIVOR)) {
      outcomes.get(name)?.survivors.push({ line: unescaped(line), change: unescaped(change) });
    }
  }
  return outcomes;
}

/**
 * The page of results.
 * @param {Readonly<Record<string, readonly string[]>>} targets tests by file, as in targets.json
 * @param {ReadonlyMap<string, import('./outcome.mjs').Outcome>} outcomes by file; one that has none was not tried
 */
export function pageOf(targets, outcomes, reasons = readReasons()) {
  const known = Object.keys(targets).filter((name) => outcomes.has(name));
  const all = known.map((name) => outcomes.get(name));
  return [
    '# Mutation testing',
    '',
    'Written by `npm run stryker`. Each file was changed in one place after another, and its tests were run each time. A mutant is *killed* when one of them fails, *timed out* when they no longer end. The score is the share of both. Words of errors are left out (`messages.mjs`); regular expressions, schemas and constants are not. *Tried as* is a fingerprint of what the file and its tests do: comments, types, line breaks and the tags of guards do not count. *Since changed* says that they are others by now: `npm run stryker` tries what that concerns.',
    '',
    '| file | score | killed | timed out | survived | not reached | words | last changed in | tried as | |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...Object.entries(targets).map(([name, tests]) => rowOf(name, tests, outcomes.get(name))),
    `| all | ${percent(all)} | ${countsOf(all)} | | | |`,
    '',
    '## Survivors',
    '',
    'Each with the reason why it may live, from `survivors.json`. A new one has none, and the run fails.',
    '',
    ...known.flatMap((name) => sectionOf(name, outcomes.get(name), reasons[name])),
  ].join('\n');
}

/**
 * Whether a file and its tests are those that the outcome is of.
 * @param {string} name
 * @param {readonly string[]} tests
 * @param {import('./outcome.mjs').Outcome | undefined} outcome
 */
export function isCurrent(name, tests, outcome) {
  return outcome?.fingerprint === fingerprintOf([sourceOf(name), ...testsOf(tests)]);
}

/** What keeps the outcomes from being good, in words. */
export function faultsOf(targets, outcomes, reasons = readReasons()) {
  const names = Object.keys(targets);
  const known = names.filter((name) => outcomes.has(name));
  const score = scoreOf(known.map((name) => outcomes.get(name)));
  return [
    ...names.filter((name) => !outcomes.has(name)).map((name) => `${name} was not tried`),
    ...(score >= SCORE_MIN ? [] : [`the score is ${score.toFixed(1)} % and not ${SCORE_MIN} %`]),
    ...known.flatMap((name) => {
      const without = outcomes.get(name).survivors.filter(({ line, change }) => !reasons[name]?.[line]?.[change]);
      return without.map(({ line, change }) => `survived in ${name}: ${line}: ${change}`);
    }),
    ...known.flatMap((name) => {
      const given = Object.entries(reasons[name] ?? {});
      const pairs = given.flatMap(([line, changes]) => Object.keys(changes).map((change) => `${line}: ${change}`));
      const survivors = new Set(outcomes.get(name).survivors.map(({ line, change }) => `${line}: ${change}`));
      return pairs.filter((pair) => !survivors.has(pair)).map((pair) => `no survivor in ${name}: ${pair}`);
    }),
  ];
}

function readReasons() {
  return JSON.parse(readFileSync(`${repository}/stryker/survivors.json`, 'utf8'));
}

function rowOf(name, tests, outcome) {
  if (outcome === undefined) return `| \`${name}.ts\` | not tried | | | | | | | | |`;
  const { commit, fingerprint } = outcome;
  const state = isCurrent(name, tests, outcome) ? '' : 'since changed';
  const cells = [
    `\`${name}.ts\``,
    percent([outcome]),
    countsOf([outcome]),
    `\`${commit}\``,
    `\`${fingerprint}\``,
    state,
  ];
  return `| ${cells.join(' | ')} |`;
}

function countsOf(outcomes) {
  return COUNTED.map((_status, at) => outcomes.reduce((sum, { counts }) => sum + counts[at], 0)).join(' | ');
}

function percent(outcomes) {
  return `${scoreOf(outcomes).toFixed(1)} %`;
}

function sectionOf(name, { survivors }, reasons) {
  if (survivors.length === 0) return [];
  const rows = survivors.map(({ line, change }) => {
    const cells = [`\`${line}\``, `\`${change}\``, reasons?.[line]?.[change] ?? '**no reason given**'];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [`### ${name}.ts`, '', '| in the line | what was changed | why it may live |', '|---|---|---|', ...rows, ''];
}

function unescaped(cell) {
  return cell.replaceAll('\\|', '|');
}
