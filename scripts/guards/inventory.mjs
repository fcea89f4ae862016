import { readFileSync } from 'node:fs';
import { sourceFiles } from '../source-files.mjs';
import { repository } from '../workspaces.mjs';
import { guardsIn } from './guards-in.mjs';
import { CONTROL } from './marks.mjs';
import { tagsIn } from './tags.mjs';

const TEST = /\.test\.ts$/;
/** Test files, and what stands beside them for several tests. */
const TESTS = /\.test\.ts$|^(?:(?:packages|services)\/[^/]+\/)?test\/.*\.ts$/;
const SOURCES = /^(?:packages|services)\/[^/]+\/src\/.*\.ts$/;

/**
 * The guards of the sources and the tags of the tests.
 * @typedef {object} Inventory
 * @property {import('./guards-in.mjs').Guard[]} guards
 * @property {import('./tags.mjs').Tag[]} tags of both kinds
 * @property {string[]} errors where they cannot be read or do not fit each other
 */

/**
 * Reads files, of which those that hold no guard and no tag are only looked at.
 * @param {Iterable<readonly [file: string, text: string]>} files
 * @returns {Inventory}
 */
export function inventoryOf(files) {
  const guards = [];
  const tags = [];
  const errors = [];
  for (const [file, text] of files) {
    if (!/(?:guards?|refuses)\s*:/i.test(text)) continue;
    const found = TESTS.test(file) ? tagsIn(file, text) : guardsIn(file, text);
    guards.push(...(found.guards ?? []));
    tags.push(...(found.tags ?? []));
    errors.push(...found.errors);
  }
  return { guards, tags, errors: [...errors, ...misfits(guards, tags)] };
}

/**
 * The inventory of the repository.
 * @returns {Inventory}
 */
export function readInventory() {
  const files = sourceFiles().filter((file) => SOURCES.test(file) || TESTS.test(file));
  return inventoryOf(files.map((file) => [file, readFileSync(`${repository}/${file}`, 'utf8')]));
}

function misfits(guards, tags) {
  const errors = [];
  const tested = tags.filter(({ kind }) => kind === 'guard');
  for (const { name, places } of severalIn(guards)) errors.push(`guard ${name} stands at several places: ${places}`);
  for (const { name, places } of severalIn(tested)) errors.push(`tests of guard ${name} at several places: ${places}`);
  for (const { file, line, name } of tested)
    if (!TEST.test(file)) errors.push(`${file}:${line}: guard ${name} is named outside of a test file`);
  const [guarded, named] = [guards, tested].map((list) => new Set(list.map(({ name }) => name)));
  for (const name of guarded.difference(named)) errors.push(`no test is named for guard ${name}`);
  for (const name of named.difference(guarded)) errors.push(`a test is named for guard ${name}, which is not there`);
  if (guards.length > 0 && !guarded.has(CONTROL)) errors.push(`the guard ${CONTROL}, which must survive, is not there`);
  return errors;
}

function severalIn(list) {
  return [...Map.groupBy(list, ({ name }) => name)]
    .filter(([, same]) => same.length > 1)
    .map(([name, same]) => ({ name, places: same.map(({ file, line }) => `${file}:${line}`).join(', ') }));
}
