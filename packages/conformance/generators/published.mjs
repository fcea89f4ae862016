/**
 * The vectors that are there, and how generators add to them. What was published must be read for ever: a file that is
 * there stays, and so does each of its cases. `--vectors=FOLDER` puts another folder in place of `vectors/`.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [, given] = process.argv.flatMap((argument) => argument.match(/^--vectors=(.+)$/) ?? []);
const FOLDER = given === undefined ? new URL('../vectors/', import.meta.url) : pathToFileURL(`${resolve(given)}/`);

/** @param {string} path in `vectors/` */
export function readText(path) {
  return readFileSync(new URL(path, FOLDER), 'utf8');
}

/** @param {string} path in `vectors/` */
export function read(path) {
  return JSON.parse(readText(path));
}

/** @param {string} path in `vectors/` */
export function isPublished(path) {
  return existsSync(new URL(path, FOLDER));
}

/**
 * Writes a file that is not there yet.
 * @param {string} path in `vectors/`
 * @param {unknown} content of JSON
 * @param {number} indent in spaces
 */
export function publish(path, content, indent = 1) {
  if (!isPublished(path)) write(path, content, indent);
}

/**
 * Writes a file, whose cases are the earlier ones and more.
 * @param {string} path in `vectors/`
 * @param {unknown} content of JSON, or a text as it is
 * @param {number} indent in spaces
 */
export function write(path, content, indent = 1) {
  const text = typeof content === 'string' ? content : `${JSON.stringify(content, null, indent)}\n`;
  if (!isPublished(path) || readText(path) !== text) writeFileSync(new URL(path, FOLDER), text);
}

/**
 * Takes away a file that is to be made anew.
 * @param {string} path in `vectors/`
 */
export function remove(path) {
  rmSync(new URL(path, FOLDER), { force: true });
}

/**
 * Adds the cases that a golden file does not have yet.
 * @param {string} format the file's name
 * @param {readonly [name: string, result: string, check: string, make: () => unknown][]} plans
 * @returns {Promise<(name: string) => any>} finds a case
 */
export async function addCases(format, plans) {
  const path = `golden/${format}.json`;
  const vectors = isPublished(path) ? read(path) : { format, cases: [] };
  for (const [name, result, check, make] of plans) {
    if (vectors.cases.some((one) => one.name === name)) continue;
    vectors.cases.push({ name, result, ...(check && { check }), ...(await make()) });
  }
  write(path, vectors);
  return (name) => vectors.cases.find((one) => one.name === name);
}
