/** @typedef {import('./jazzer.mjs').Outcome} Outcome */

const COLUMNS = ['target', 'executions', 'each second', 'new inputs', 'coverage', 'findings'];

/** @param {number} value */
const counted = (value) => value.toLocaleString('en-US');

/** @param {Outcome} outcome */
function row({ name, executions, seconds, newUnits, coverage, findings, fault }) {
  const rate = Math.round(executions / Math.max(seconds, 1));
  const found = fault === undefined ? String(findings.length) : 'did not run';
  return [name, counted(executions), counted(rate), counted(newUnits), counted(coverage), found];
}

/**
 * A Markdown table with a row for each target, as wide as it has to be.
 * @param {readonly Outcome[]} outcomes
 */
export function tableOf(outcomes) {
  const rows = [COLUMNS, ...outcomes.map(row)];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(COLUMNS), rule, ...rows.slice(1).map(line)].join('\n');
}

/**
 * The page that is kept.
 * @param {readonly Outcome[]} outcomes
 * @param {{ seconds: number, controls: readonly Outcome[], machine: string, date: string }} run
 */
export function pageOf(outcomes, { seconds, controls, machine, date }) {
  const total = outcomes.reduce((sum, { executions }) => sum + executions, 0);
  const findings = outcomes.reduce((sum, one) => sum + one.findings.length, 0);
  const planted = controls.map(({ name, executions }) => `\`${name}\` after ${counted(executions)}`).join(', ');
  return `# What fuzzing found

Written by \`npm run fuzz -- --seconds ${seconds} --write\` on ${date}; ${machine}.

${counted(outcomes.length)} targets, ${seconds} seconds each: ${counted(total)} inputs, ${findings} findings. The planted faults were found first: ${planted}.

New inputs reach what the corpus did not. Coverage counts branches of our own code that were reached, loading it included; the rate includes the start of each process.

${tableOf(outcomes)}
`;
}
