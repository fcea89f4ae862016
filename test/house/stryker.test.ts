import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { repository } from '../../scripts/workspaces.mjs';
import { fingerprintOf, judged, meaningOf, type Outcome, sourceOf, testsOf } from '../../stryker/outcome.mjs';
import { faultsOf, isCurrent, outcomesOf, PAGE, pageOf } from '../../stryker/page.mjs';

const page = readFileSync(`${repository}/${PAGE}`, 'utf8');
const targets = JSON.parse(readFileSync(`${repository}/stryker/targets.json`, 'utf8')) as Record<string, string[]>;
/** The page may be older than the files that it is about: it says so when it is written again. */
const withoutState = (text: string) => text.replaceAll('| since changed |', '|  |');

const KILLED: Outcome = { counts: [9, 1, 0, 0, 2], commit: '0123abcd', fingerprint: '0123456789ab', survivors: [] };
const SURVIVED: Outcome = {
  ...KILLED,
  counts: [8, 0, 1, 1, 0],
  survivors: [
    { line: `if (a || /\\|/.test(b)) {`, change: `a || b → a && b` },
    { line: `if (a || /\\|/.test(b)) {`, change: `/\\|/ → //` },
  ],
};
const REASONS = {
  seed: { [`if (a || /\\|/.test(b)) {`]: { 'a || b → a && b': 'One.', '/\\|/ → //': 'Other | than.' } },
};

describe('the page of mutants that Stryker tried', () => {
  it('is about files and tests that there are', () => {
    const files = Object.entries(targets).flatMap(([name, tests]) => [sourceOf(name), ...testsOf(tests)]);
    expect(files.filter((file) => !existsSync(`${repository}/${file}`))).toEqual([]);
  });

  it('says of itself all that it needs to be written again', () => {
    const outcomes = outcomesOf(page);
    expect([...outcomes.keys()]).toEqual(Object.keys(targets));
    expect(withoutState(pageOf(targets, outcomes))).toBe(withoutState(page));
  });

  it('has a reason for every survivor, and no other reasons', () => {
    expect(faultsOf(targets, outcomesOf(page))).toEqual([]);
  });

  it('keeps what it says of a file that is not tried, and takes reasons from their list', () => {
    const outcomes = new Map([
      ['seed', SURVIVED],
      ['soil', KILLED],
    ]);
    const tests = { seed: ['src/seed.test.ts'], soil: ['src/soil.test.ts'] };
    const written = pageOf(tests, outcomes, REASONS);
    expect(outcomesOf(written)).toEqual(outcomes);
    expect(written).toContain('| all | 90.0 % | 17 | 1 | 1 | 1 | 2 |');
    expect(written).toContain('| Other \\| than. |');
    const later = pageOf({ ...tests, stone: [] }, outcomesOf(written).set('soil', SURVIVED), {});
    expect(later.match(/no reason given/g)).toHaveLength(4);
    expect(later).toContain('| `stone.ts` | not tried |');
  });

  it('names survivors by their code, in its order, without the marks of guards', () => {
    const text = 'const a =\n  one && // guard: first\n  two;\nif (a) {\n  // guard: second\n  stop();\n}\n';
    const at = (line: number, column: number, endLine: number, endColumn: number) => ({
      start: { line, column },
      end: { line: endLine, column: endColumn },
    });
    const { counts, survivors } = judged(
      [
        { status: 'NoCoverage', replacement: '{}', location: at(4, 8, 7, 2) },
        { status: 'Survived', replacement: 'one || two', location: at(2, 3, 3, 6) },
        { status: 'Killed', replacement: 'false', location: at(4, 5, 4, 6) },
      ],
      text,
    );
    expect(counts).toEqual([1, 0, 1, 1, 0]);
    expect(survivors).toEqual([
      { line: 'one &&', change: 'one && two → one || two' },
      { line: 'if (a) {', change: '{ stop(); } → {}' },
    ]);
  });

  it('tells files that are as they were tried from others', () => {
    const [[name, tests] = ['', []]] = Object.entries(targets);
    const fingerprint = fingerprintOf([sourceOf(name), ...testsOf(tests)]);
    expect(isCurrent(name, tests, { ...KILLED, fingerprint })).toBe(true);
    expect(isCurrent(name, [...tests, 'src/other.test.ts'], { ...KILLED, fingerprint })).toBe(false);
    expect(isCurrent(name, tests, KILLED)).toBe(false);
    expect(isCurrent(name, tests, undefined)).toBe(false);
  });

  it.each([
    ['a comment', "it('stops', () => {\n  // guard: first\n  run(1);\n});", true],
    ['the tag of a guard', ["it('stops [guard", ": first]', () => {\n  run(1);\n});"].join(''), true],
    ['line breaks and types', "it(\n  'stops',\n  (): void => {\n    run(1 as Count);\n  },\n);", true],
    ['a number', "it('stops', () => {\n  run(2);\n});", false],
    ['a title', "it('goes', () => {\n  run(1);\n});", false],
  ])('tries again for what is done: %s', (_name, text, same) => {
    expect(meaningOf(text) === meaningOf("it('stops', () => {\n  run(1);\n});")).toBe(same);
  });

  it.each<[string, Record<string, Outcome>, object, RegExp[]]>([
    ['nothing wrong', { seed: SURVIVED, soil: KILLED }, REASONS, []],
    ['a file that was not tried', { seed: SURVIVED }, REASONS, [/^soil was not tried$/, /score is 80\.0 %/]],
    ['a survivor without a reason', { seed: SURVIVED, soil: KILLED }, {}, [/^survived in seed: .*a && b$/, /→ \/\/$/]],
    [
      'a reason without a survivor',
      { seed: SURVIVED, soil: KILLED },
      { ...REASONS, soil: { 'return a;': { 'a → b': 'The same.' } } },
      [/^no survivor in soil: return a;: a → b$/],
    ],
  ])('faults %s', (_name, outcomes, reasons, faults) => {
    const found = faultsOf({ seed: [], soil: [] }, new Map(Object.entries(outcomes)), reasons);
    expect(found).toEqual(faults.map((fault) => expect.stringMatching(fault)));
  });
});
