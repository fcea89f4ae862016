import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { mutated } from '../../scripts/mutant-copy.mjs';
import { fingerprintOf, outcomesOn, verdictOf } from '../../scripts/mutant-verdict.mjs';
import { repository } from '../../scripts/workspaces.mjs';
import { TestNames } from './test-names.js';

interface Mutant {
  readonly id: string;
  /** The control: it removes nothing and must survive. */
  readonly survives?: true;
  readonly guard: { readonly file: string; readonly find: string; readonly replace: string };
  readonly test: { readonly project: string; readonly file: string; readonly name: string };
  readonly why: string;
}

const read = (file: string) => readFileSync(`${repository}/${file}`, 'utf8');
const mutants = JSON.parse(read('test/mutants.json')) as Mutant[];
const names = new Map<string, TestNames>();

function hasTest(file: string, name: string): boolean {
  if (!existsSync(`${repository}/${file}`)) return false;
  const known = names.get(file) ?? new TestNames(file, read(file));
  names.set(file, known);
  return known.has(name);
}

describe('the list of mutants', () => {
  it('removes guards that stand in the code, each once', () => {
    expect(mutants.length).toBeGreaterThan(80);
    for (const { guard } of mutants) expect(mutated(read(guard.file), guard)).not.toBe(read(guard.file));
  });

  it('would notice a guard that is not there, or there twice', () => {
    const guard = { file: 'x.ts', find: 'if (a) ', replace: '' };
    expect(mutated('if (a) b();', guard)).toBe('b();');
    expect(() => mutated('b();', guard)).toThrow('stands 0 times');
    expect(() => mutated('if (a) b(); if (a) c();', guard)).toThrow('stands 2 times');
  });

  it('names tests that are there, in their projects', () => {
    const missing = mutants.filter(({ test }) => !hasTest(test.file, test.name));
    expect(missing.map(({ id, test }) => `${id}: ${test.name}`)).toEqual([]);
    for (const { test } of mutants) {
      const [group, workspace] = test.file.split('/');
      expect(test.project).toBe(group === 'test' ? 'test' : workspace);
    }
  });

  it('says once what each mutant is about', () => {
    const ids = mutants.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, why } of mutants)
      expect([id, why]).toEqual([expect.stringMatching(/^[a-z0-9-]+$/), expect.stringMatching(/^\S.{10,}$/)]);
  });

  it('has one control, which must survive', () =>
    expect(mutants.filter(({ survives }) => survives).map(({ id }) => id)).toEqual(['control']));

  it('was tried as it stands, and nothing survived', () => {
    const outcomes = outcomesOn(read('test/mutants.md'));
    const expected = mutants.map((mutant) => {
      const verdict = mutant.survives ? 'survived' : 'killed';
      return [mutant.id, { verdict, fingerprint: fingerprintOf(mutant) }] as const;
    });
    expect([...outcomes]).toEqual(expected);
  });
});

describe('what became of a test', () => {
  const name = 'a room refuses x';
  const report = (status: string, message = '') => ({
    testResults: [{ message: '', assertionResults: [{ fullName: name, status, failureMessages: [message] }] }],
  });
  it.each([
    ['killed by its assertion', report('failed', 'Error: expect(received).toBe(expected)\n  at x'), 'killed'],
    ['survived', report('passed'), 'survived'],
    ['broken by another error', report('failed', 'ReferenceError: x is not defined'), 'broken'],
    ['broken where it was skipped', report('pending'), 'broken'],
    ['broken where another test failed', { testResults: [{ message: '', assertionResults: [] }] }, 'broken'],
    [
      'broken where its file does not parse',
      { testResults: [{ message: 'SyntaxError: x', assertionResults: [] }] },
      'broken',
    ],
    ['broken without a report', undefined, 'broken'],
  ])('is %s', (_name, given, verdict) => expect(verdictOf(given, name)).toMatchObject({ verdict }));
});

describe('names of tests', () => {
  const text = `
    import { tables } from './tables.js';
    const { cases } = JSON.parse(readFileSync('cases.json', 'utf8')) as { cases: Case[] };
    const kinds = parsed(readFileSync('cases.json', 'utf8'));
    describe('a room', () => {
      it('opens', () => {});
      it.each([['x', 1], ['y', 2]])('refuses %s', () => {});
      it.each(CASES)('$name: $code', () => {});
      it.each([['a', 'b'], ['a b', 'b']])('moves %s to %s', () => {});
      it.each(tables)('is elsewhere %s', () => {});
      it.each(cases)('is read: $name', () => {});
      it.each(kinds)('is computed: $name', () => {});
      it(\`is \${kind} enough\`, () => {});
      withServer('on a server', () => { it('closes', () => {}); });
    });
    const CASES = [{ name: 'a "quoted" one', code: 'forbidden' }];
    function rooms() { it('anywhere', () => {}); }`;
  const known = new TestNames('room.test.ts', text);

  it.each([
    ['a room opens', true],
    ['a room refuses x', true],
    ['a room a "quoted" one: forbidden', true],
    ['a room is good enough', true],
    ['a room on a server closes', true],
    ['both kinds anywhere', true],
    ['a room moves a to b', true],
    ['a room moves a b to b', true],
    ['a room is elsewhere whatever it says', true],
    ['a room is read: whatever it says', true],
    ['a room is computed: whatever it says', false],
    ['opens', false],
    ['a room refuses z', false],
    ['a room a "quoted" one: not_found', false],
    ['a room closes', false],
    ['a room opens wide', false],
    ['a room moves a to q', false],
  ])('are found: "%s", %s', (name, isThere) => expect(known.has(name)).toBe(isThere));
});
