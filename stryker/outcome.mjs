import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { transformSync } from '@swc/core';
import { SWC } from '../scripts/jest/compile-source.mjs';
import { repository } from '../scripts/workspaces.mjs';

/** Statuses of Stryker, in the order in which the page counts them. */
export const COUNTED = ['Killed', 'Timeout', 'Survived', 'NoCoverage', 'Ignored'];
const UNDETECTED = ['Survived', 'NoCoverage'];

/**
 * What became of the mutants of one file.
 *
 * @typedef {object} Outcome
 * @property {readonly number[]} counts one for each of COUNTED
 * @property {string} commit the last that changed the file
 * @property {string} fingerprint of the file and its tests, as they were tried
 * @property {readonly { line: string, change: string }[]} survivors line and change in words that stay when the line moves
 */

/** @param {string} name of a file of packages/crypto/src, without its ending */
export function sourceOf(name) {
  return `packages/crypto/src/${name}.ts`;
}

/** @param {readonly string[]} tests in packages/crypto */
export function testsOf(tests) {
  return tests.map((test) => `packages/crypto/${test}`);
}

/**
 * @param {readonly object[]} mutants of Stryker's report
 * @param {string} text of the file
 * @returns {Pick<Outcome, 'counts' | 'survivors'>}
 */
export function judged(mutants, text) {
  // Marks of guards come and go; reasons are given for the code.
  const lines = text.split('\n').map((line) => line.replace(/\s*\/\/ guard: .*$/, ''));
  const survivors = mutants.filter(({ status }) => UNDETECTED.includes(status)).toSorted(byPlace);
  return {
    counts: COUNTED.map((status) => mutants.filter((mutant) => mutant.status === status).length),
    survivors: survivors.map(({ location, replacement }) => ({
      line: shortened(lines[location.start.line - 1]),
      change: `${shortened(cut(lines, location))} → ${shortened(replacement)}`,
    })),
  };
}

/**
 * Share of the mutants that were noticed, in percent. What is ignored or did not run counts nowhere.
 * @param {readonly Outcome[]} outcomes
 */
export function scoreOf(outcomes) {
  const sum = (status) => outcomes.reduce((total, { counts }) => total + counts[COUNTED.indexOf(status)], 0);
  const detected = sum('Killed') + sum('Timeout');
  return (100 * detected) / (detected + sum('Survived') + sum('NoCoverage'));
}

/**
 * Twelve hexadecimal digits that are others when what one of the files does is. Comments, types, line breaks and the
 * tags of guards in titles change nothing that Stryker could find.
 * @param {readonly string[]} files in the repository
 */
export function fingerprintOf(files) {
  const whole = createHash('sha256');
  for (const file of files) {
    whole.update(existsSync(`${repository}/${file}`) ? digestOf(meaningOf(textOf(file))) : 'none').update('\n');
  }
  return whole.digest('hex').slice(0, 12);
}

/**
 * TypeScript as it counts for a fingerprint.
 * @param {string} source
 */
export function meaningOf(source) {
  const { code } = transformSync(source, {
    ...SWC,
    jsc: { ...SWC.jsc, minify: { compress: false, mangle: false, format: { comments: false } } },
    minify: true,
    configFile: false,
    swcrc: false,
  });
  return code.replaceAll(/ \[(?:guard|refuses): [\w-]+\]/g, '');
}

/** @param {string} file in the repository */
export function hashOf(file) {
  return existsSync(`${repository}/${file}`) ? digestOf(textOf(file)) : undefined;
}

/** @param {string} file in the repository */
export function textOf(file) {
  return readFileSync(`${repository}/${file}`, 'utf8');
}

function digestOf(text) {
  return createHash('sha256').update(text).digest('hex');
}

/** Stryker reports them as they end. */
function byPlace({ location: { start: one }, ...mutant }, { location: { start: other }, ...another }) {
  const places = one.line - other.line || one.column - other.column;
  return places || mutant.replacement.localeCompare(another.replacement);
}

/** The text of a place; lines and columns count from 1. */
function cut(lines, { start, end }) {
  const part = lines.slice(start.line - 1, end.line);
  part.push(part.pop().slice(0, end.column - 1));
  part[0] = part[0].slice(start.column - 1);
  return part.join('\n');
}

function shortened(code) {
  const line = code.replaceAll(/\s+/g, ' ').replaceAll('`', "'").trim();
  return line.length > 80 ? `${line.slice(0, 60)} … ${line.slice(-17)}` : line;
}
