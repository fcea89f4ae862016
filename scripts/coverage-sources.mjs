import { globSync, readFileSync } from 'node:fs';
import { repository } from './workspaces.mjs';

const SOURCES = '{packages,services}/*/src/**/*.ts';
const TESTS = '**/*.test.ts';

/** What a statement that leaves nothing behind at run time begins with; anything else counts as code. */
const TYPE_STATEMENT = /^(import type|export type|export interface|export declare|interface|type|declare) /;
/** Lines at the margin that begin no statement. */
const CONTINUATION = /^(\s|[})\]|&]|\/\/|\/\*|\*|$)/;

/**
 * Patterns of the files that the coverage gate counts: every source, tested or not. Only files of mere types are left
 * out: nothing loads them, and V8 would report each of their lines as not run.
 */
export function coverageSources() {
  const typeOnly = globSync(SOURCES, { cwd: repository }).filter(
    (file) => !file.endsWith('.test.ts') && isTypeOnly(readFileSync(`${repository}/${file}`, 'utf8')),
  );
  return [SOURCES, `!${TESTS}`, ...typeOnly.map((file) => `!${file}`)];
}

/**
 * Whether a file has types only. It goes by the statements' first words, which stand at the margin.
 * @param {string} source
 */
export function isTypeOnly(source) {
  return source.split('\n').every((line) => CONTINUATION.test(line) || TYPE_STATEMENT.test(line));
}
