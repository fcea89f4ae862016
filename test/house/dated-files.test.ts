import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { sourceFiles } from '../../scripts/source-files.mjs';
import { repository } from '../../scripts/workspaces.mjs';
import { DATED_FILES, NOT_AGAIN, readsTheClock, SLOW_DATED_FILES } from '../days/dated-files.js';

const tests = sourceFiles().filter((file) => file.endsWith('.test.ts'));
const listed = [...DATED_FILES, ...SLOW_DATED_FILES, ...Object.keys(NOT_AGAIN)];

describe('test files that read the clock', () => {
  it('run again on hard days, or it is said why not', () => {
    const found = tests.filter((file) => readsTheClock(readFileSync(`${repository}/${file}`, 'utf8')));
    expect(found.filter((file) => !listed.includes(file))).toEqual([]);
    expect(Object.keys(NOT_AGAIN).filter((file) => !found.includes(file))).toEqual([]);
  });

  it('are there, each in one list', () => {
    expect(listed.filter((file) => !tests.includes(file))).toEqual([]);
    expect(listed.filter((file, at) => listed.indexOf(file) !== at)).toEqual([]);
  });

  it.each([
    [`const yesterday = new Date(Date.now() - DAY_MS);`, true],
    [`const soon = new Date(Date.now() + 2 * 86_400_000);`, true],
    [`await run("update t set at = at - interval '25 hours'");`, true],
    ['sql`now() - make_interval(hours => ${hours})`;', true],
    [`expect(table).toBe(\`entries of the month of \${new Date().toISOString()}\`);`, true],
    [`const startedMs = Date.now();`, false],
    [`const later = NOW + DAY_SECONDS;`, false],
    [`const later = vault.clock.now() + 86_400;`, false],
    [`const clock = { now() { return 1; } }; const DAY = 1;`, false],
  ])('are found by what they say: %s', (text, isFound) => expect(readsTheClock(text)).toBe(isFound));
});
