import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { inventoryOf, readInventory } from '../../scripts/guards/inventory.mjs';
import { verdictsOn } from '../../scripts/guards/page.mjs';
import { tagOf, withoutTags } from '../../scripts/guards/tags.mjs';
import { repository } from '../../scripts/workspaces.mjs';

const SOURCE = 'packages/crypto/src/room.ts';
const TEST = 'packages/crypto/src/room.test.ts';
const CONTROL = '// guard: control without: a();\na();\n';
const [g, control] = [tagOf('guard', 'g'), tagOf('guard', 'control')];

describe('the guards of the sources', () => {
  const { guards, errors } = readInventory();

  it('can be read, and each has its test', () => expect(errors).toEqual([]));

  it('are as many as ever', () => expect(guards.length).toBeGreaterThanOrEqual(516));

  it('were all tried when the page was written, which may be older than they are', () => {
    const page = readFileSync(`${repository}/test/results/mutants.md`, 'utf8');
    expect(page).toMatch(/^\| `[0-9a-f]{12}`(?: and changes)? \| \d{4}-\d\d-\d\d \| \d+ \| \d+ \|$/m);
    const verdicts = verdictsOn(page);
    const killed = [...verdicts.values()].filter((verdict) => verdict === 'killed').length;
    expect(page).toContain(
      `\n${killed} guards: ${killed} killed, 0 survived, 0 broken; the control survived, as it must;`,
    );
    expect(killed).toBeGreaterThanOrEqual(515);
    expect(verdicts.get('control')).toBe('survived');
    expect(verdicts.size).toBe(killed + 1);
  });
});

describe('guards and tests', () => {
  const errorsOf = (source: string, test: string, testFile = TEST) =>
    inventoryOf([
      [SOURCE, `${CONTROL}${source}`],
      [testFile, `it('is ${control}', () => {});\n${test}`],
    ]).errors;

  it.each([
    ['a title', `it('refuses ${g}', () => {});`],
    ['a row', `it.each([['x ${g}', 1]])('refuses %s', () => {});`],
    ['a template', `it(\`refuses \${a} ${g}\`, () => {});`],
    ['a key', `const rows = { 'x ${g}': 1 };`],
  ])('belong together by a tag in %s', (_where, test) => expect(errorsOf('// guard: g\nb();', test)).toEqual([]));

  it.each([
    ['a guard without a test', '// guard: g\nb();', '', 'no test is named for guard g'],
    ['a test without a guard', 'b();', `it('${g}');`, 'a test is named for guard g, which is not there'],
    [
      'two guards of one name',
      '// guard: g\nb();\n// guard: g\nc();',
      `it('${g}');`,
      `guard g stands at several places: ${SOURCE}:3, ${SOURCE}:5`,
    ],
    [
      'two tests for one guard',
      '// guard: g\nb();',
      `it('a ${g}');\nit('b ${g}');`,
      `tests of guard g at several places: ${TEST}:2, ${TEST}:3`,
    ],
    ['a tag in a comment', '// guard: g\nb();', `// ${g}`, 'no test is named for guard g'],
    ['a guard in a text', 'b("// guard: g");', `it('${g}');`, 'a test is named for guard g, which is not there'],
    ['a guard in a test', 'b();', '// guard: g\nit();', undefined],
    [
      'a tag that cannot be read',
      'b();',
      `it('${g.replace(': ', ':')}');`,
      `${TEST}:2: not a tag: ${g.replace(': ', ':')}`,
    ],
    ['a tag without an end', 'b();', `it('${g.slice(0, -1)}');`, `${TEST}:2: not a tag: ${g.slice(0, -1)}`],
  ])('do not fit: %s', (_what, source, test, error) =>
    expect(errorsOf(source, test)).toEqual(error === undefined ? [] : [error]),
  );

  it('want the tag in a test file, which can be run alone', () => {
    const shared = 'packages/crypto/test/rooms.ts';
    expect(errorsOf('// guard: g\nb();', `const row = 'x ${g}';`, shared)).toEqual([
      `${shared}:1: guard control is named outside of a test file`,
      `${shared}:2: guard g is named outside of a test file`,
    ]);
  });

  it('stay together when files move', () => {
    const moved = inventoryOf([
      ['services/vault/src/rooms/door.ts', `${CONTROL}// guard: g\nb();`],
      ['services/vault/test/doors.test.ts', `it('is ${control} ${g}');`],
    ]);
    expect(moved.errors).toEqual([]);
    expect(moved.guards.map(({ name }) => name)).toEqual(['control', 'g']);
  });

  it('want a control', () =>
    expect(
      inventoryOf([
        [SOURCE, '// guard: g\na();'],
        [TEST, `it('${g}');`],
      ]).errors,
    ).toEqual(['the guard control, which must survive, is not there']));

  it('keep both kinds of tags apart, and out of a name', () => {
    const refuses = tagOf('refuses', 'g');
    const { tags } = inventoryOf([[TEST, `it('a room refuses it ${g} ${refuses}');`]]);
    expect(tags).toEqual([
      { kind: 'guard', name: 'g', file: TEST, line: 1 },
      { kind: 'refuses', name: 'g', file: TEST, line: 1 },
    ]);
    expect(withoutTags(`a room refuses it ${g} ${refuses}: code`)).toBe('a room refuses it: code');
  });
});
