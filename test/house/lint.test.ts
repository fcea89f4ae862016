import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Plot, runTool } from './tool.js';

const JEST = `import { expect, it } from '@jest/globals';\n`;

/** One piece of bad code per rule that the house relies on: the rule, its file, the code. */
const PLANTED: readonly [rule: string, file: string, code: string][] = [
  ['jest(expect-expect)', 'packages/a/src/idle.test.ts', `${JEST}it('opens', () => void expect);`],
  ['jest(expect-expect)', 'test/idle-table.test.ts', `${JEST}it.each([1])('opens %i', (n) => void [n, expect]);`],
  ['jest(no-focused-tests)', 'test/focused.test.ts', `${JEST}it.only('opens', () => expect(1).toBe(1));`],
  ['jest(no-disabled-tests)', 'test/disabled.test.ts', `${JEST}it.skip('opens', () => expect(1).toBe(1));`],
  ['jest(valid-expect)', 'test/open-ended.test.ts', `${JEST}it('opens', () => void expect(1));`],
  ['typescript(no-floating-promises)', 'services/a/src/floating.ts', `export const f = (p: Promise<void>) => { p; };`],
  [
    'typescript(no-misused-promises)',
    'services/a/src/misused.ts',
    `export const f = (p: Promise<void>) => (p ? 1 : 2);`,
  ],
  ['typescript(no-explicit-any)', 'packages/a/src/any.ts', `export const f = (a: any): void => void a;`],
  [
    'eslint(max-lines)',
    'packages/a/src/long.ts',
    `export const a = 1;\n`.repeat(301).replaceAll(/a =/g, (_, at) => `a${at} =`),
  ],
  ['eslint(no-console)', 'services/a/src/loud.ts', `console.log('a');`],
  ['node(no-process-env)', 'services/a/src/app.module.ts', `export const a = process.env['A'];`],
  [
    'eslint(no-restricted-imports)',
    'services/a/src/env.ts',
    `import { env } from 'node:process'; export const a = env['A'];`,
  ],
  ['oxc(no-barrel-file)', 'packages/a/src/barrel.ts', `export * from './any.js';`],
  ['import(no-default-export)', 'packages/a/src/default.ts', `export default 1;`],
];

/** Good code that a rule written too wide would refuse. */
const KEPT: readonly [file: string, code: string][] = [
  [
    'packages/a/src/kept.test.ts',
    `${JEST}it('holds', () => expectHeld());\nfunction expectHeld() { expect(1).toBe(1); }`,
  ],
  ['packages/a/src/settings.ts', `export const a = process.env['A'];`],
  ['services/a/src/main.ts', `export const a = process.env['A'];`],
  ['packages/a/src/full.ts', `// line\n`.repeat(299) + `export const a = 1;\n`],
  [
    'test/by-environment.test.ts',
    `import { describe } from '@jest/globals';\nexport const maybe = (on: boolean) => (on ? describe : describe.skip);`,
  ],
];

interface Report {
  readonly diagnostics: readonly { readonly code: string; readonly filename: string }[];
}

describe('lint', () => {
  const plot = new Plot();
  let found: { rule: string; file: string }[];
  let status: number | null;

  beforeAll(() => {
    plot.copy('.oxlintrc.json');
    plot.plant('tsconfig.json', '{ "compilerOptions": { "strict": true, "module": "nodenext", "noEmit": true } }');
    for (const [, file, code] of PLANTED) plot.plant(file, code);
    for (const [file, code] of KEPT) plot.plant(file, code);
    const run = runTool('oxlint', ['--format', 'json'], plot.folder);
    const report = JSON.parse(run.stdout) as Report;
    status = run.status;
    found = report.diagnostics.map(({ code, filename }) => ({ rule: code, file: filename }));
  });
  afterAll(() => plot.remove());

  it.each(PLANTED)('refuses by %s in %s', (rule, file) => expect(found).toContainEqual({ rule, file }));

  it.each(KEPT)('accepts %s', (kept) => expect(found.filter(({ file }) => file === kept)).toEqual([]));

  it('fails for bad code', () => expect(status).not.toBe(0));
});
