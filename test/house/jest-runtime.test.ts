import { readFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import jestConfig from '../../jest.config.mjs';
import { repository } from '../../scripts/workspaces.mjs';
import { Plot, runTool } from './tool.js';

const LOADER = `${repository}/scripts/jest/source-loader.mjs`;

/** What several test files import, with types above the line that throws. */
const MODULE = `
interface Evaluations {
  evaluations?: number;
}
const counted: Evaluations = globalThis as Evaluations;
counted.evaluations = (counted.evaluations ?? 0) + 1;
export const evaluations = (): number | undefined => counted.evaluations;
export const clock = { now: (): string => 'real' };
export const realSetTimeout = setTimeout;
export const realDate = Date;
export function refuse(): void {
  throw new Error('refused by the module');
}
`;

/** Files of tests, in the order in which they run, in one process. */
const FILES: Readonly<Record<string, string>> = {
  'a-leaves-things-behind.test.ts': `
import { expect, it, jest } from '@jest/globals';
import { clock, realSetTimeout } from './module.js';
it('mocks and does not put back', () => {
  jest.spyOn(clock, 'now').mockReturnValue('mocked');
  jest.useFakeTimers();
  expect(clock.now()).toBe('mocked');
  expect(setTimeout).not.toBe(realSetTimeout);
});`,
  'b-finds-nothing-of-it.test.ts': `
import { expect, it } from '@jest/globals';
import { clock, evaluations, realDate, realSetTimeout } from './module.js';
it('sees the same module, evaluated once', () => expect(evaluations()).toBe(1));
it('sees what was mocked as it was', () => expect(clock.now()).toBe('real'));
it('sees real time', () => {
  expect(setTimeout).toBe(realSetTimeout);
  expect(Date).toBe(realDate);
});`,
  'c-fails.test.ts': `
import { expect, it } from '@jest/globals';
import { refuse } from './module.js';
interface Wrong {
  readonly right: false;
}
it('fails by itself', () => {
  const wrong: Wrong = { right: false };
  expect(wrong).toEqual({ right: true });
});
it('fails in the module', () => refuse());`,
  'd-does-not-parse.test.ts': `
import { it } from '@jest/globals';
it('never runs', () => {`,
  'e-has-an-import-of-nothing.test.ts': `
import { it } from '@jest/globals';
import { nothing } from './nothing.js';
it('never runs', () => nothing());`,
  'f-runs-all-the-same.test.ts': `
import { expect, it } from '@jest/globals';
it('runs', () => expect(1).toBe(1));`,
};

/** Writes down whether the process is as it was before the tests. */
const REPORTER = `
import { writeFileSync } from 'node:fs';
const { console, process: { exit } } = globalThis;
export default class {
  onRunComplete() {
    const kept = { console: globalThis.console === console, exit: process.exit === exit };
    writeFileSync(new URL('kept.json', import.meta.url), JSON.stringify(kept));
  }
}`;

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
  }[];
}

describe('a worker that runs tests', () => {
  const plot = new Plot();
  let report: Report;
  beforeAll(() => {
    plot.plant('module.ts', MODULE.slice(1));
    for (const [file, text] of Object.entries(FILES)) plot.plant(file, text.slice(1));
    plot.plant('reporter.mjs', REPORTER);
    const { runtime, testEnvironment, transform } = jestConfig.projects[0] ?? {};
    const config = { runtime, testEnvironment, transform, testMatch: ['**/*.test.ts'], reporters: ['./reporter.mjs'] };
    plot.plant('jest.config.json', JSON.stringify({ ...config, testSequencer: jestConfig.testSequencer }));
    const jest = [`--import=${LOADER}`, '--no-warnings', `${repository}/node_modules/jest/bin/jest.js`];
    const how = ['--config=jest.config.json', '--runInBand', '--no-cache', '--json', '--outputFile=report.json'];
    runTool('node', [...jest, ...how], plot.folder);
    report = JSON.parse(readFileSync(`${plot.folder}/report.json`, 'utf8')) as Report;
  });
  afterAll(() => plot.remove());

  const resultOf = (file: string) => report.testResults.find(({ name }) => name.endsWith(`/${file}`));
  const statusesOf = (file: string) => resultOf(file)?.assertionResults.map(({ status }) => status);

  it('evaluates a module once for all of its files, and finds `.ts` where `.js` is imported', () => {
    expect(statusesOf('a-leaves-things-behind.test.ts')).toEqual(['passed']);
    expect(statusesOf('b-finds-nothing-of-it.test.ts')).toEqual(['passed', 'passed', 'passed']);
  });

  it('names the line of the TypeScript that failed, in a test and in what it imports', () => {
    const message = resultOf('c-fails.test.ts')?.message ?? '';
    expect(statusesOf('c-fails.test.ts')).toEqual(['failed', 'failed']);
    expect(message).toMatch(/\bc-fails\.test\.ts:8:17\b/);
    expect(message).toMatch(/\bmodule\.ts:11:9\b/);
  });

  it.each([
    ['does not parse', 'd-does-not-parse.test.ts', /Syntax Error/],
    ['imports what is not there', 'e-has-an-import-of-nothing.test.ts', /nothing\.js/],
  ])('fails a file that %s, by its name', (_name, file, message) => {
    expect(resultOf(file)?.message).toMatch(message);
    expect(statusesOf(file)).toEqual([]);
  });

  it('goes on after such a file', () => expect(statusesOf('f-runs-all-the-same.test.ts')).toEqual(['passed']));

  it('leaves the process as it was', () => {
    const kept: unknown = JSON.parse(readFileSync(`${plot.folder}/kept.json`, 'utf8'));
    expect(kept).toEqual({ console: true, exit: true });
  });

  it('has one realm: errors, clones and buffers of Node are those of the tests', async () => {
    const failure: unknown = await readFile('/does/not/exist').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(new DOMException('no', 'AbortError')).toBeInstanceOf(Error);
    expect(structuredClone([])).toBeInstanceOf(Array);
    expect(await new Response('text').arrayBuffer()).toBeInstanceOf(ArrayBuffer);
    expect([]).not.toBeInstanceOf(Error);
  });
});
