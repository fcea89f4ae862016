import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chosenGuards, readArguments } from '../../scripts/guards/arguments.mjs';
import { guardsIn } from '../../scripts/guards/guards-in.mjs';
import { inventoryOf, readInventory } from '../../scripts/guards/inventory.mjs';
import { pageOf, verdictsOn } from '../../scripts/guards/page.mjs';
import { tagOf } from '../../scripts/guards/tags.mjs';
import { TestRuns } from '../../scripts/guards/test-runs.mjs';
import { tryGuards } from '../../scripts/guards/try-guards.mjs';
import { typeErrorsOf } from '../../scripts/guards/types.mjs';
import { closingLine, isAsItMust, verdictOf } from '../../scripts/guards/verdict.mjs';
import { repository } from '../../scripts/workspaces.mjs';

const g = tagOf('guard', 'g');

describe('what became of the tests of a guard', () => {
  const test = (status: string, message = '', fullName = `a room refuses x ${g}`) => ({
    fullName,
    status,
    failureMessages: [message],
  });
  const assertion = 'Error: expect(received).toBe(expected)\n  at x';
  it.each([
    ['killed by an assertion', { tests: [test('failed', assertion)] }, 'killed'],
    ['killed by one of several', { tests: [test('passed'), test('failed', assertion)] }, 'killed'],
    ['survived', { tests: [test('passed')] }, 'survived'],
    ['broken by another error', { tests: [test('failed', 'ReferenceError: x is not defined')] }, 'broken'],
    ['broken where it was skipped', { tests: [test('pending')] }, 'broken'],
    ['broken where another test failed', { tests: [test('failed', assertion, 'a room opens')] }, 'broken'],
    ['broken where its file does not run', { tests: [], error: 'SyntaxError: x' }, 'broken'],
    ['broken where nothing ran', { tests: [] }, 'broken'],
  ])('is %s', (_name, result, verdict) => expect(verdictOf(result, 'g')).toMatchObject({ verdict }));

  it('says the first line of what it saw', () => {
    expect(verdictOf({ tests: [test('failed', assertion)] }, 'g').detail).toBe(
      'Error: expect(received).toBe(expected)',
    );
    expect(verdictOf({ tests: [], error: 'SyntaxError: x\n at y' }, 'g').detail).toBe('SyntaxError: x');
    expect(verdictOf({ tests: [] }, 'g').detail).toBe('no test has this name');
  });

  it.each([
    ['g', 'killed', true],
    ['g', 'survived', false],
    ['g', 'broken', false],
    ['control', 'killed', false],
    ['control', 'survived', true],
    ['control', 'broken', false],
  ] as const)('of %s may be %s: %s', (name, verdict, expected) => expect(isAsItMust(name, { verdict })).toBe(expected));
});

describe('the end of a run', () => {
  const rows = [
    { name: 'control', file: 'a.ts', test: 'a room opens', verdict: 'survived', seconds: 1 },
    { name: 'g', file: 'a.ts', test: 'a room refuses a|b', verdict: 'killed', seconds: 1.25 },
    { name: 'h', file: 'b.ts', test: 'a room closes', verdict: 'broken', seconds: 0 },
  ] as const;
  const outcomes = new Map(rows.map(({ name, verdict }) => [name as string, { verdict, detail: '' }]));

  it('counts what became of the guards, and of the control', () => {
    expect(closingLine(outcomes, 61.4)).toBe(
      '2 guards: 1 killed, 0 survived, 1 broken; the control survived, as it must; 61 seconds',
    );
    expect(closingLine(new Map([['control', { verdict: 'killed', detail: '' }]]), 1)).toBe(
      '0 guards: 0 killed, 0 survived, 0 broken; the control did not survive: killed; 1 seconds',
    );
    expect(closingLine(new Map([['g', { verdict: 'survived', detail: '' }]]), 1)).toBe(
      '1 guards: 0 killed, 1 survived, 0 broken; 1 seconds',
    );
  });

  it('is a page that says the same', () => {
    const page = pageOf({ commit: '`0123456789ab`', date: '2026-11-27', seconds: 61.4, jobs: 2, rows });
    expect(page).toContain('| `0123456789ab` | 2026-11-27 | 2 | 61 |');
    expect(page).toContain('| `g` | `a.ts` | a room refuses a\\|b | killed | 1.3 |');
    expect(Object.fromEntries(verdictsOn(page))).toEqual({ control: 'survived', g: 'killed', h: 'broken' });
  });
});

describe('what is asked for', () => {
  it.each([
    [[], { names: undefined, files: undefined, write: false }],
    [['a', 'b', '--jobs', '3'], { names: ['a', 'b'], files: undefined, jobs: 3 }],
    [['--write'], { names: undefined, write: true }],
    [['--changed'], { names: undefined, files: expect.any(Array) }],
    [['--changed', 'HEAD', '--jobs=1'], { names: undefined, files: expect.any(Array), jobs: 1 }],
  ])('is read: %j', (args, wanted) => expect(readArguments(args)).toMatchObject(wanted));

  it.each([
    [['--jobs', '0'], '--jobs takes a number'],
    [['--jobs', 'many'], '--jobs takes a number'],
    [['--changed', 'a', 'b'], '--changed takes one commit'],
    [['--write', 'a'], '--write keeps the page of a whole run'],
    [['--write', '--changed'], '--write keeps the page of a whole run'],
    [['--only', 'a'], '--only'],
  ])('is refused: %j', (args, words) => expect(() => readArguments(args)).toThrow(words));

  it('are guards by name, those of changed files and those of changed tests', () => {
    const inventory = inventoryOf([
      ['packages/crypto/src/a.ts', '// guard: a\nx();'],
      ['packages/crypto/src/b.ts', '// guard: b\nx();'],
      ['packages/crypto/src/b.test.ts', `it('${tagOf('guard', 'b')} ${tagOf('refuses', 'a')}');`],
    ]);
    const names = (wanted: Partial<ReturnType<typeof readArguments>>) =>
      chosenGuards(inventory, { names: undefined, files: undefined, jobs: 1, write: false, ...wanted }).map(
        ({ name }) => name,
      );
    expect(names({})).toEqual(['a', 'b']);
    expect(names({ names: ['b'] })).toEqual(['b']);
    expect(names({ files: ['packages/crypto/src/a.ts'] })).toEqual(['a']);
    expect(names({ files: ['packages/crypto/src/b.test.ts'] })).toEqual(['b']);
    expect(names({ files: [] })).toEqual([]);
    expect(() => names({ names: ['b', 'c', 'd'] })).toThrow('no such guard: c, d');
  });
});

describe('code that stands there without a guard', () => {
  it('is type-checked where it stands', () => {
    const file = 'packages/crypto/src/encoding/base64.ts';
    const text = readFileSync(`${repository}/${file}`, 'utf8');
    const [first] = guardsIn(file, text).guards;
    if (first === undefined) throw new Error(`${file} has no guard`);
    const written = { ...first, isWritten: true };
    expect([
      ...typeErrorsOf([
        { ...written, name: 'good', code: 'text.length > 1' },
        { ...written, name: 'wrong', code: 'text.size > 1' },
        { ...written, name: 'unreadable', code: 'text >' },
        { ...first, name: 'not-written', code: 'text.size' },
      ]),
    ]).toEqual([
      ['wrong', expect.stringContaining("Property 'size' does not exist")],
      ['unreadable', 'Expression expected.'],
    ]);
  });
});

describe('a run of guards', () => {
  let runs: TestRuns;
  beforeAll(async () => {
    runs = await TestRuns.start([]);
  });
  afterAll(() => runs.end());

  it('notices one that is gone, one that nothing misses, and one whose code cannot run', async () => {
    const { guards, tags } = readInventory();
    const real = guards.find(({ name }) => name === 'base64-canonical');
    const file = tags.find(({ kind, name }) => kind === 'guard' && name === real?.name)?.file;
    if (real === undefined || file === undefined) throw new Error('base64-canonical is not there');
    const attempt = async (code: string, errors: readonly (readonly [string, string])[] = []) => {
      const typeErrors = Promise.resolve(new Map(errors));
      const fileOf = new Map([[real.name, file]]);
      const outcomes = await tryGuards({ guards: [{ ...real, code }], fileOf, runs, jobs: 1, typeErrors, done() {} });
      return outcomes.get(real.name);
    };
    expect(await attempt('false')).toMatchObject({ verdict: 'killed', detail: expect.stringContaining('expect(') });
    expect(await attempt('bytes === undefined')).toMatchObject({ verdict: 'survived', test: expect.any(String) });
    expect(await attempt('text >')).toMatchObject({ verdict: 'broken' });
    expect(await attempt('false', [[real.name, 'no such type']])).toMatchObject({
      verdict: 'broken',
      detail: 'without: no such type',
    });
  });
});
