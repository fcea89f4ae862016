import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../scripts/workspaces.mjs';

const FOLDER = `${repository}/fuzz`;

/** Names of all targets: the files of `targets/`, so that none can be forgotten. */
export function targetNames() {
  return readdirSync(join(FOLDER, 'targets'))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length));
}

/**
 * A target by its name.
 * @param {string} name
 * @returns {import('./jazzer.mjs').Target}
 */
export function targetOf(name) {
  return {
    name,
    module: join(FOLDER, 'dist', `${name}.js`),
    corpus: join(FOLDER, 'corpus', name),
    instrumented: ['packages', 'services'].map((folder) => `${repository}/${folder}/`),
  };
}

/**
 * The parsers with planted faults. A run that does not find them could not have found anything.
 * @param {string} work a folder for what they leave behind
 * @returns {import('./jazzer.mjs').Target[]}
 */
export function controls(work) {
  return ['planted-error', 'planted-hang'].map((name) => ({
    name,
    module: join(FOLDER, 'control', `${name}.mjs`),
    corpus: join(work, `${name}-corpus`),
    instrumented: [join(FOLDER, 'control/')],
  }));
}
