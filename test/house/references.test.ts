import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { sourceFiles } from '../../scripts/source-files.mjs';
import { repository } from '../../scripts/workspaces.mjs';
import type { Reference } from './references.js';
import { anchorsIn, headingsOf, marksOf, pathsIn, referencesIn } from './references.js';

// Comments and pages cite sections (`protocol.md §2.4`), amendments (`protocol.md A13`) and headings
// (`docs/guide/cli.md#secrets`): a reader must find them. That a linked file is there, links.test.ts says.

/** Here sections without a page before them are the protocol's. */
const OF_PROTOCOL: readonly string[] = ['test/negative-list.json', 'test/house/negative-list.test.ts'];
/** Tests with dead references of their own. */
const PLANTED = /^test\/house\/(?:links|references)[.]/;

const files = sourceFiles().filter(
  (file) => /[.](?:ts|mjs|js|md)$/.test(file) && !file.includes('/vectors/') && !PLANTED.test(file),
);
const texts = new Map(
  [...files, 'test/negative-list.json'].map((file) => [file, readFileSync(`${repository}/${file}`, 'utf8')]),
);
const pages = new Map([...texts].filter(([file]) => file.endsWith('.md')));

/** A page by its name without its ending; a name that several folders have does not count. */
function pageOf(name: string): string | undefined {
  return ['docs/spec', 'docs/guide', 'docs'].map((folder) => pages.get(`${folder}/${name}.md`)).find(Boolean);
}

function deadOf({ page, mark }: Reference): string | undefined {
  const text = pageOf(page);
  if (text === undefined) return page === '' ? `no page is named before ${mark}` : `there is no page ${page}.md`;
  return marksOf(text).has(mark) ? undefined : `${page}.md has no heading ${mark}`;
}

/** References of a file that lead nowhere, in words. */
function deadIn(file: string, text: string): string[] {
  const [, page = ''] = /^docs\/(?:\w+\/)?([\w-]+)[.]md$/.exec(file) ?? [];
  const own = OF_PROTOCOL.includes(file) ? 'protocol' : page;
  const links = file.endsWith('.md') ? anchorsIn(text).map((target) => anchored(file, target)) : [];
  const named = pathsIn(text).map((path) => path.split('#') as [string, string?]);
  return [
    ...referencesIn(text, own).flatMap((reference) => deadOf(reference) ?? []),
    ...[...links, ...named].flatMap(([path, heading]) => deadHeading(path, heading) ?? []),
  ];
}

function anchored(file: string, target: string): [string, string] {
  const [path = '', heading = ''] = target.split('#');
  return [path === '' ? file : join(dirname(file), path), heading];
}

function deadHeading(path: string, heading: string | undefined): string | undefined {
  if (!path.endsWith('.md')) return undefined;
  const text = pages.get(path);
  if (text === undefined) return `there is no page ${path}`;
  return heading === undefined || headingsOf(text).has(heading) ? undefined : `${path} has no heading #${heading}`;
}

const at = (...marks: string[]) => marks.map((mark) => `§${mark}`).join(', ');

describe('a reference', () => {
  it.each([
    ['a page', `(gone.md ${at('1')})`, 'there is no page gone.md'],
    ['a heading', `(protocol.md ${at('2.99')})`, 'protocol.md has no heading 2.99'],
    ['a second heading', `(protocol.md ${at('2.1', '77')})`, 'protocol.md has no heading 77'],
    ['a heading on the next line', `/** (protocol.md\n * ${at('88')}) */`, 'protocol.md has no heading 88'],
    ['a page that is not named', `(${at('3')})`, 'no page is named before 3'],
    ['an amendment', 'amendment A99', 'protocol.md has no heading A99'],
    ['an amendment of the page', '(protocol.md, A98)', 'protocol.md has no heading A98'],
    ['a page of items', '(gone-job M4)', 'there is no page gone-job.md'],
    ['an item of nothing', '(M4)', 'no page is named before M4'],
    ['a path', 'see docs/guide/gone.md', 'there is no page docs/guide/gone.md'],
    ['a section of the protocol', '"§2.98 alg none"', 'protocol.md has no heading 2.98', 'test/negative-list.json'],
    ['a heading of a path', 'see docs/guide/cli.md#gone', 'docs/guide/cli.md has no heading #gone'],
  ])('that leads nowhere is found: to %s', (_what, text, dead, file = 'planted.ts') =>
    expect(deadIn(file, text)).toEqual([dead]),
  );

  it.each([
    ['[a](cli.md#gone)', 'docs/guide/cli.md has no heading #gone'],
    ['[a](#gone)', 'docs/guide/planted.md has no heading #gone'],
    ['```\n[a](#gone)\n```', undefined],
  ])('in a link of a page is found: %s', (text, dead) => {
    pages.set('docs/guide/planted.md', '# Planted\n');
    expect(deadIn('docs/guide/planted.md', text)).toEqual(dead === undefined ? [] : [dead]);
    pages.delete('docs/guide/planted.md');
  });

  it.each([
    `protocol.md ${at('2.4')} step 9, protocol.md ${at('2.7', '4')}, amendment A13 and protocol.md, amendment A15`,
    `RFC 9421 ${at('2.5')}, (RFC 9162\n * ${at('2.1.4.2')}), NIST SP 800-38D ${at('8.2.2')}, TUF 1.0 ${at('5.3')}`,
    'docs/guide/cli.md#streams-and-exit-codes and docs/problems.md',
  ])('to what is there, or to what others wrote, is passed over: %s', (text) =>
    expect(deadIn('planted.ts', text)).toEqual([]),
  );

  it('leads to a page and a heading that are there, in every source and on every page', () => {
    expect(texts.size).toBeGreaterThan(1_000);
    expect(referencesIn([...texts.values()].join('\n')).length).toBeGreaterThan(100);
    const dead = [...texts].flatMap(([file, text]) => deadIn(file, text).map((why) => `${file}: ${why}`));
    expect(dead).toEqual([]);
  });
});
