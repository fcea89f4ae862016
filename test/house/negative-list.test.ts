import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { type Inventory, readInventory } from '../../scripts/guards/inventory.mjs';
import { repository } from '../../scripts/workspaces.mjs';

/** What the protocol says must be refused, and what shows it; `later` says why nothing does yet. */
interface Entry {
  /** Guards that a test misses. */
  readonly guards?: readonly string[];
  /** What other tests are tagged with: `[refuses: NAME]`. */
  readonly refuses?: string;
  /** How many rows and titles have this tag, where it is more than one. */
  readonly places?: number;
  readonly later?: string;
}

const { negative, red } = JSON.parse(readFileSync(`${repository}/test/negative-list.json`, 'utf8')) as {
  /** The negative list of protocol.md §9, item by item. */
  readonly negative: readonly (Entry & { readonly item: string })[];
  /** Every attack that succeeded before the rule beside it was added. */
  readonly red: readonly (Entry & { readonly mark: string })[];
};
const entries = [
  ...negative.map(({ item, ...rest }) => ({ what: item, ...rest })),
  ...red.map(({ mark, ...rest }) => ({ what: mark, ...rest })),
];

const { tags } = readInventory();
const namesOf = (kind: Inventory['tags'][number]['kind']) =>
  tags.filter((tag) => tag.kind === kind).map(({ name }) => name);
const [guarded, refused] = [namesOf('guard'), namesOf('refuses')];
function missing({ guards = [], refuses, places = 1 }: Entry): string[] {
  const tagged = refused.filter((name) => name === refuses).length;
  const isShort = refuses !== undefined && tagged !== places;
  return [
    ...guards.filter((name) => !guarded.includes(name)),
    ...(isShort ? [`${refuses}: tagged at ${tagged} places and not at ${places}`] : []),
  ];
}

describe('what the protocol says must be refused', () => {
  it('is all on the list: 77 items, and 28 attacks that once succeeded', () => {
    expect([negative.length, red.length]).toEqual([77, 28]);
    expect(new Set(entries.map(({ what }) => what)).size).toBe(entries.length);
  });

  it.each(entries)('is shown by tests that are there, or said to come later: $what', (entry) => {
    const shown = [...(entry.guards ?? []), ...(entry.refuses === undefined ? [] : [entry.refuses])];
    expect(shown.length === 0).toBe(entry.later !== undefined);
    expect(missing(entry)).toEqual([]);
    expect(entry.later ?? shown).not.toHaveLength(0);
  });

  it('comes later in as few places as are said here', () =>
    expect(entries.filter(({ later }) => later !== undefined).map(({ what }) => what)).toEqual([
      'log inconsistency',
      '§2.6 signed grants with regrant and prev chains',
    ]));

  it('has a tag of its own for each item, and no test is tagged for another', () => {
    const onList = entries.flatMap(({ refuses }) => refuses ?? []);
    expect(new Set(onList).size).toBe(onList.length);
    expect(new Set(onList)).toEqual(new Set(refused));
  });

  it('would be noticed without its test', () => {
    expect(missing({ guards: ['nobody-wrote-this'] })).toEqual(['nobody-wrote-this']);
    expect(missing({ refuses: 'nobody-wrote-this' })).toEqual(['nobody-wrote-this: tagged at 0 places and not at 1']);
  });
});
