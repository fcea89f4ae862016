import { readFileSync } from 'node:fs';
import { CLIENT_PROBLEMS, PROBLEMS } from '@bulla/contract';
import { describe, expect, it } from '@jest/globals';
import { sourceFiles } from '../../scripts/source-files.mjs';
import { repository } from '../../scripts/workspaces.mjs';

const read = (path: string): string => readFileSync(`${repository}/${path}`, 'utf8');
const page = read('docs/guide/troubleshooting.md');
const problems = read('docs/problems.md');
/** What the page says that one sees: the first cell of each row. */
const seen = page.split('\n').flatMap((line) => /^\| (.+?) \| /.exec(line)?.[1] ?? []);
const messages = seen.flatMap((cell) =>
  [...cell.replaceAll(/\[`\w+`\]\([^)]*\)/g, '').matchAll(/`([^`]+)`/g)].map(([, message = '']) => message),
);
const codes = [...page.matchAll(/\[`(\w+)`\]\(\.\.\/problems\.md#(\w+)\)/g)].map(([, code = '', anchor = '']) => [
  code,
  anchor,
]);

/** What programs of the project can print, quotes of a message unescaped. */
const sources = sourceFiles()
  .filter((file) => /^(packages|services)\/[^/]+\/(src|bin)\/.*\.(ts|js)$/.test(file) && !file.includes('.test.'))
  .map((file) => read(file).replaceAll('\\`', '`'))
  .join('\n');
const isSaid = (message: string): boolean =>
  message
    .split('…')
    .map((part) => part.trim())
    .every((part) => part.length < 4 || sources.includes(part));

describe('the page for troubles', () => {
  it('quotes only what the programs say', () => {
    expect(messages.length).toBeGreaterThan(20);
    expect(messages.filter((message) => !isSaid(message))).toEqual([]);
    expect(isSaid('cannot reach the moon at …; is it running?')).toBe(false);
  });

  it('names only codes that there are, and leads to what is said of them', () => {
    const known = new Set([...Object.keys(PROBLEMS), ...Object.keys(CLIENT_PROBLEMS)]);
    expect(codes.length).toBeGreaterThan(15);
    expect(codes.filter(([code, anchor]) => code !== anchor || !known.has(code ?? ''))).toEqual([]);
    expect(codes.filter(([code]) => !problems.includes(`\n## \`${code}\`\n`))).toEqual([]);
  });

  it('leaves every code to the page of problems, which has each', () => {
    const explained = [...problems.matchAll(/^## `(\w+)`$/gm)].map(([, code]) => code);
    expect(explained).toEqual([...Object.keys(PROBLEMS), ...Object.keys(CLIENT_PROBLEMS)]);
  });
});
