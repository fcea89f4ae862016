import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { repository } from '../../scripts/workspaces.mjs';
import { TestNames } from './test-names.js';

/** What the protocol says must be refused, and the tests that show it; `later` says why there is none yet. */
interface Entry {
  readonly tests?: readonly { readonly file: string; readonly name: string }[];
  readonly later?: string;
}

const read = (file: string) => readFileSync(`${repository}/${file}`, 'utf8');
const { negative, red } = JSON.parse(read('test/negative-list.json')) as {
  /** The negative list of protocol §9, item by item. */
  readonly negative: readonly (Entry & { readonly item: string })[];
  /** Every attack that succeeded before the rule beside it was added. */
  readonly red: readonly (Entry & { readonly mark: string })[];
};
const entries = [
  ...negative.map(({ item, ...rest }) => ({ what: item, ...rest })),
  ...red.map(({ mark, ...rest }) => ({ what: mark, ...rest })),
];

const names = new Map<string, TestNames>();
function missing(tests: Entry['tests'] = []): string[] {
  return tests.flatMap(({ file, name }) => {
    if (!existsSync(`${repository}/${file}`)) return [`${file} is not there`];
    const known = names.get(file) ?? new TestNames(file, read(file));
    names.set(file, known);
    return known.has(name) ? [] : [`${file}: ${name}`];
  });
}

describe('what the protocol says must be refused', () => {
  it('is all on the list: 77 items, and 28 attacks that once succeeded', () => {
    expect([negative.length, red.length]).toEqual([77, 28]);
    expect(new Set(entries.map(({ what }) => what)).size).toBe(entries.length);
  });

  it.each(entries)('is shown by tests that are there, or said to come later: $what', ({ tests, later }) => {
    expect(tests === undefined).toBe(later !== undefined);
    expect(missing(tests)).toEqual([]);
    expect(later ?? tests).not.toHaveLength(0);
  });

  it('comes later in as few places as are said here', () =>
    expect(entries.filter(({ later }) => later !== undefined).map(({ what }) => what)).toEqual([
      'log inconsistency',
      '§2.6 signed grants with regrant and prev chains',
    ]));

  it('would be noticed without its test', () => {
    const file = negative[0]?.tests?.[0]?.file ?? '';
    expect(missing([{ file, name: 'nobody wrote this' }])).toEqual([`${file}: nobody wrote this`]);
    expect(missing([{ file: 'test/gone.test.ts', name: 'x' }])).toEqual(['test/gone.test.ts is not there']);
  });
});
