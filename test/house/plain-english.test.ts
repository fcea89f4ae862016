import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { sourceFiles } from '../../scripts/source-files.mjs';
import { repository } from '../../scripts/workspaces.mjs';

// Readers learned English from manuals (CONTRIBUTING.md, Words): some turns of phrase they have to read twice.

const RIDDLES = /\bwhoever\b|\bis none\b|\bwhat there is no\b/i;

const files = sourceFiles();
const pages = files.filter((file) =>
  /^(README|SECURITY)[.]md$|^docs\/(guide\/[^/]+|problems)[.]md$|^packages\/[^/]+\/README[.]md$/.test(file),
);
const sources = files.filter(
  (file) => /^(packages|services)\/[^/]+\/(src|bin)\/.*[.](ts|js)$/.test(file) && !file.endsWith('.test.ts'),
);

/** The texts of a source that may reach a person: its string literals and templates, and no comment. */
function stringsOf(file: string, text: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateLiteralToken(node)) found.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  return found;
}

const riddlesIn = (texts: readonly string[]) => texts.filter((text) => RIDDLES.test(text));
const read = (file: string) => readFileSync(`${repository}/${file}`, 'utf8');

describe('plain English', () => {
  it('is in every text of the sources', () => {
    const strings = sources.flatMap((file) => stringsOf(file, read(file)));
    expect(strings.length).toBeGreaterThan(5_000);
    expect(riddlesIn(strings)).toEqual([]);
  });

  it('is on every page for users', () => {
    expect(pages.length).toBeGreaterThan(15);
    expect(riddlesIn(pages.flatMap((file) => read(file).split('\n')))).toEqual([]);
  });

  it.each([
    ['a string', `throw new Error('ask whoever keeps the key');`],
    ['a template', 'say(`a name that is none: ${name}`);'],
    ['the end of a template', 'say(`${suite} is what there is no strength for`);'],
  ])('is missed in %s', (_name, source) => expect(riddlesIn(stringsOf('planted.ts', source))).toHaveLength(1));

  it('is not asked of comments and of names', () => {
    expect(riddlesIn(stringsOf('planted.ts', `// whoever\nconst whoever = 1;\nsay('ready');`))).toEqual([]);
  });
});
